#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace qbench::text {

/// True when the bytes are well-formed UTF-8 (no surrogates, no overlong forms, nothing above U+10FFFF).
bool is_valid_utf8(std::string_view bytes) noexcept;

/// Length of the longest prefix that is well-formed: the offset of the first byte that is not, or the size.
std::size_t valid_utf8_prefix(std::string_view bytes) noexcept;

/// The text with every maximal ill-formed subpart replaced by one U+FFFD, as Python's errors="replace" does (Unicode 15, section 3.9).
std::string replace_invalid_utf8(std::string_view bytes);

/// Length of the longest prefix that ends at a character boundary: what follows it (at most 3 bytes) may still become a character.
/// Ill-formed bytes count as complete: nothing that follows can mend them.
std::size_t complete_utf8_prefix(std::string_view bytes) noexcept;

/// Bytes of the character that starts with this byte. The text must be valid.
constexpr std::size_t utf8_length(char lead) noexcept {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/// The code point at `position`, which is moved behind it. The text must be valid and the position inside it, on a boundary.
char32_t next_code_point(std::string_view text, std::size_t& position) noexcept;

void append_utf8(std::string& text, char32_t code_point);

/// Unicode's White_Space property: U+180E is not in it.
bool is_white_space(char32_t code_point) noexcept;

}  // namespace qbench::text
