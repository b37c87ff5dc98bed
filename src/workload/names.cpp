#include "workload/names.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/text_file.h"

namespace qbench::workload {
namespace {

constexpr std::uint64_t kMaxConfigBytes = 4u << 20;

/// Levenshtein distance over bytes, one row at a time.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

/// Bytes of the UTF-8 character at the start of `text`; 0 when it is malformed (RFC 3629, section 4: no overlong forms, no surrogates).
std::size_t utf8_length(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return i < text.size() && at(i) >= low && at(i) <= high;
  };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = lead == 0xed ? 0x9f : 0xbf;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const unsigned low = lead == 0xf0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xf4 ? 0x8f : 0xbf;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& known) {
  if (name.size() > 64) return {};
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

bool is_clean_text(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || text.front() == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_name(std::string_view text) noexcept {
  const auto letter_or_digit = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || text.size() > 64 || !letter_or_digit(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return letter_or_digit(c) || c == '.' || c == '_' || c == '-'; });
}

bool looks_like_path(std::string_view value) noexcept {
  return value.find('/') != std::string_view::npos || value.ends_with(".json") || value.ends_with(".jsonl") || value.ends_with(".gz");
}

nlohmann::json read_config_json(const std::filesystem::path& path) {
  try {
    return parse_json(read_text_file(path, kMaxConfigBytes), path.string());
  } catch (const Error& error) {
    throw Error(ErrorCode::kConfig, error.what());
  }
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::size_t length = std::min(text.size(), max_bytes);
  while (length < text.size() && length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
    --length;  // not inside a character
  std::string shown(text.substr(0, length));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }, '?');
  return length < text.size() ? shown + "..." : shown;
}

std::string describe_value(const nlohmann::json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string() && value.get_ref<const std::string&>().size() > 80) return "a long string";
  return dump_json(value);
}

std::string read_string(const nlohmann::json& value, std::string_view key, std::string_view where, std::size_t max_bytes) {
  if (!value.is_string()) {
    throw Error(ErrorCode::kConfig, "'" + std::string(key) + "': expected a string, got " + describe_value(value), std::string(where));
  }
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() > max_bytes) {
    throw Error(
        ErrorCode::kConfig,
        "'" + std::string(key) + "': " + std::to_string(text.size()) + " bytes, at most " + std::to_string(max_bytes) + " are allowed",
        std::string(where));
  }
  return text;
}

std::string no_such(std::string_view kind, std::string_view name, const std::vector<std::string>& known,
                    const std::filesystem::path& place) {
  std::string message = "no " + std::string(kind) + " '" + printable(name, 200) + "' in " + place.string();
  if (const std::string near = nearest(name, known); !near.empty()) message += "; did you mean '" + near + "'?";
  message += known.empty() ? "; there are none" : "; there are:";
  for (const std::string& other : known) message += (&other == &known.front() ? " " : ", ") + other;
  return message;
}

void fail_unknown_key(std::string_view key, const std::vector<std::string>& known, std::string_view where) {
  const std::string near = nearest(key, known);
  throw Error(ErrorCode::kConfig, "unknown key '" + printable(key) + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?"),
              std::string(where));
}

}  // namespace qbench::workload
