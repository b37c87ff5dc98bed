#include "text/byte_alphabet.h"

#include <array>
#include <cstdint>

#include "text/utf8.h"

namespace qbench::text {
namespace {

constexpr bool is_printable_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

using ByteOfCodePoint = std::array<std::int16_t, 0x144>;  ///< -1: not in the alphabet

/// The bytes that print stand for themselves; the others take U+0100, U+0101, ... in order.
constexpr ByteOfCodePoint make_alphabet() {
  ByteOfCodePoint byte_of{};
  byte_of.fill(-1);
  std::size_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) byte_of[is_printable_itself(byte) ? byte : next++] = static_cast<std::int16_t>(byte);
  return byte_of;
}

constexpr ByteOfCodePoint kAlphabet = make_alphabet();

constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> bytes_from_alphabet(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c >= kAlphabet.size() || kAlphabet[c] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(kAlphabet[c])));
  }
  return bytes;
}

std::optional<unsigned char> byte_of_fallback_token(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text.back() != '>') return std::nullopt;
  const int high = hex_value(text[3]), low = hex_value(text[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<unsigned char>(high * 16 + low);
}

std::string fallback_token_of_byte(unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
}

}  // namespace qbench::text
