#pragma once

#include <string>
#include <string_view>

namespace qbench {

/// The text with A to Z as a to z; every other byte stays, those of UTF-8 too.
inline std::string ascii_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace qbench
