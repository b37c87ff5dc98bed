#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qbench::text {

/// GPT-2's one-to-one map between the 256 bytes and printable characters, in which byte-level vocabularies are written.
/// Source: openai/gpt-2, src/encoder.py, bytes_to_unicode.

/// The bytes that this text spells in the alphabet; nothing when a character is not in it.
std::optional<std::string> bytes_from_alphabet(std::string_view text);

/// The byte of a byte-fallback token such as `<0x0A>`; nothing for any other text.
std::optional<unsigned char> byte_of_fallback_token(std::string_view text);

/// `<0x0A>` for 10.
std::string fallback_token_of_byte(unsigned char byte);

}  // namespace qbench::text
