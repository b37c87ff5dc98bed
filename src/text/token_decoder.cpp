#include "text/token_decoder.h"

#include "text/byte_alphabet.h"

namespace qbench::text {
namespace {

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, done)) {
    out.append(text, done, at - done);
    out += to;
    done = at + from.size();
  }
  out.append(text, done);
  return out;
}

}  // namespace

std::string TokenDecoder::piece(std::string_view token) const {
  if (byte_level) return bytes_from_alphabet(token).value_or(std::string(token));
  std::string text(token);
  for (const auto& [from, to] : replacements) text = replace_all(text, from, to);
  if (byte_fallback) {
    if (const auto byte = byte_of_fallback_token(text)) return std::string(1, static_cast<char>(*byte));
  }
  return text;
}

}  // namespace qbench::text
