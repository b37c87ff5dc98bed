#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qbench::text {

/// How a token's text becomes bytes, and what happens to the joined text.
struct TokenDecoder {
  bool byte_level = false;  ///< GPT-2's alphabet; a token with a character outside it stands for its own bytes
  std::vector<std::pair<std::string, std::string>> replacements;  ///< from, to: applied in order before the fallback is looked at
  bool byte_fallback = false;                                     ///< <0x0A> stands for the byte 10
  bool strip_leading = false;                                     ///< a blank at the very beginning is taken off

  /// Bytes that this token appends.
  std::string piece(std::string_view token) const;
};

}  // namespace qbench::text
