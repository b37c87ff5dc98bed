#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// What a lead byte promises. Only the second byte's range depends on it; all later ones are 80 to BF.
struct Lead {
  std::size_t length = 0;  // 0: no character begins with this byte
  unsigned char second_low = 0x80;
  unsigned char second_high = 0xBF;
};

/// Table 3-7 of the Unicode standard, "Well-Formed UTF-8 Byte Sequences".
Lead lead_of(unsigned char byte) {
  if (byte < 0x80) return {1};
  if (byte < 0xC2) return {};
  if (byte < 0xE0) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

struct Step {
  std::size_t length;  // bytes of the character, or of the maximal subpart of an ill-formed one
  bool valid;
};

/// The character at the start of `text`, which is not empty.
Step step(std::string_view text) {
  const Lead lead = lead_of(static_cast<unsigned char>(text[0]));
  if (lead.length == 0) return {1, false};
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (i == text.size()) return {i, false};
    const auto byte = static_cast<unsigned char>(text[i]);
    const unsigned char low = i == 1 ? lead.second_low : 0x80;
    const unsigned char high = i == 1 ? lead.second_high : 0xBF;
    if (byte < low || byte > high) return {i, false};
  }
  return {lead.length, true};
}

/// The code point of one well-formed character.
char32_t decode(std::string_view character) {
  constexpr unsigned char kLeadBits[] = {0x7F, 0x1F, 0x0F, 0x07};
  char32_t value = static_cast<unsigned char>(character[0]) & kLeadBits[character.size() - 1];
  for (const char byte : character.substr(1)) value = value << 6 | (static_cast<unsigned char>(byte) & 0x3Fu);
  return value;
}

}  // namespace

std::optional<std::size_t> first_invalid(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Step next = step(text.substr(at));
    if (!next.valid) return at;
    at += next.length;
  }
  return std::nullopt;
}

namespace {

void require_valid(std::string_view text) {
  if (const auto at = first_invalid(text)) throw std::invalid_argument("malformed UTF-8 at byte " + std::to_string(*at));
}

}  // namespace

std::string repair(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Step next = step(text);
    out += next.valid ? text.substr(0, next.length) : "\xEF\xBF\xBD";
    text.remove_prefix(next.length);
  }
  return out;
}

std::vector<char32_t> code_points(std::string_view text) {
  require_valid(text);
  std::vector<char32_t> out;
  while (!text.empty()) {
    const std::size_t length = step(text).length;
    out.push_back(decode(text.substr(0, length)));
    text.remove_prefix(length);
  }
  return out;
}

std::string truncate(std::string_view text, std::size_t max_bytes) {
  std::string_view kept = text.substr(0, max_bytes);
  if (const auto at = first_invalid(kept)) {
    if (kept.size() - *at > 3 || *at + step(text.substr(*at)).length <= max_bytes) throw std::invalid_argument("malformed UTF-8");
    kept = kept.substr(0, *at);
  }
  return std::string(kept);
}
