#include "text/jinja/lexer_literals.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "text/jinja/fault.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool word(char c) { return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

int digit_value(char c) {
  if (digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

/// (\d+_)*\d+ at `at`: where it ends, or `at` itself.
std::size_t digits_end(std::string_view text, std::size_t at) {
  std::size_t end = at;
  while (end < text.size() && digit(text[end])) {
    while (end < text.size() && digit(text[end])) ++end;
    if (end + 1 >= text.size() || text[end] != '_' || !digit(text[end + 1])) break;
    ++end;
  }
  return end;
}

/// (_?digit)+ in `base` at `at`.
std::size_t based_end(std::string_view text, std::size_t at, int base) {
  for (;;) {
    const std::size_t next = at + (at < text.size() && text[at] == '_' ? 1 : 0);
    if (next >= text.size() || digit_value(text[next]) >= base) return at;
    at = next + 1;
  }
}

std::string without_underscores(std::string_view text) {
  std::string out(text);
  std::erase(out, '_');
  return out;
}

}  // namespace

std::size_t match_float(std::string_view text, bool after_dot) {
  if (after_dot) return 0;
  const std::size_t whole = digits_end(text, 0);
  if (whole == 0) return 0;
  std::size_t end = whole;
  if (end + 1 < text.size() && text[end] == '.' && digit(text[end + 1])) end = digits_end(text, end + 1);
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    std::size_t power = end + 1;
    if (power < text.size() && (text[power] == '+' || text[power] == '-')) ++power;
    const std::size_t power_end = digits_end(text, power);
    if (power_end != power) return power_end;
  }
  return end == whole ? 0 : end;
}

std::size_t match_integer(std::string_view text) {
  if (text.empty() || !digit(text[0])) return 0;
  if (text[0] != '0') return based_end(text, 0, 10);
  const char letter = text.size() > 1 ? static_cast<char>(text[1] | 0x20) : '\0';
  const int base = letter == 'b' ? 2 : letter == 'o' ? 8 : letter == 'x' ? 16 : 0;
  if (base != 0) {
    const std::size_t end = based_end(text, 2, base);
    if (end != 2) return end;
  }
  return based_end(text, 0, 1);
}

std::size_t match_name(std::string_view text, int line) {
  std::size_t end = 0;
  while (end < text.size() && word(text[end])) ++end;
  if (end < text.size() && static_cast<unsigned char>(text[end]) >= 0x80) {
    std::size_t at = end;
    if (!is_space(next_code_point(text, at)))
      unsupported("a name or operator outside ASCII: '" + std::string(text.substr(0, at)) + "'", line);
  }
  return end;
}

std::size_t match_string(std::string_view text) {
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == text[0]) return at + 1;
    if (text[at] == '\\') ++at;
  }
  return 0;
}

std::size_t match_operator(std::string_view text) {
  static constexpr std::array<std::string_view, 6> kLong = {"//", "**", "==", "!=", ">=", "<="};
  for (const std::string_view op : kLong) {
    if (text.starts_with(op)) return 2;
  }
  return !text.empty() && std::string_view("+-/*%~[](){}><=.:|,;").find(text[0]) != std::string_view::npos ? 1 : 0;
}

Value float_literal(std::string_view text, int line) {
  const double value = std::strtod(without_underscores(text).c_str(), nullptr);
  if (!std::isfinite(value)) unsupported("the number " + std::string(text), line);
  return Value::real(value);
}

Value integer_literal(std::string_view text, int line) {
  std::string digits = without_underscores(text);
  int base = 10;
  if (digits.size() > 1 && digits[0] == '0' && !digit(digits[1])) {
    const char letter = static_cast<char>(digits[1] | 0x20);
    base = letter == 'b' ? 2 : letter == 'o' ? 8 : 16;
    digits.erase(0, 2);
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) unsupported("an integer beyond 64 bits", line);
  return Value::integer(value);
}

namespace {

/// What Python's .encode("ascii", "backslashreplace") makes of a text, which jinja2 does before it undoes escapes.
std::string backslash_replace(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c < 0x80) {
      out.push_back(static_cast<char>(c));
      continue;
    }
    const int width = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
    out += width == 2 ? "\\x" : width == 4 ? "\\u" : "\\U";
    for (int shift = 4 * (width - 1); shift >= 0; shift -= 4) out.push_back(kHex[(c >> shift) & 0xF]);
  }
  return out;
}

char32_t hex_escape(std::string_view text, std::size_t& at, std::size_t width, int line) {
  char32_t c = 0;
  for (std::size_t i = 0; i < width; ++i, ++at) {
    if (at >= text.size() || digit_value(text[at]) >= 16) raise("truncated \\x, \\u or \\U escape", line);
    c = c * 16 + static_cast<char32_t>(digit_value(text[at]));
  }
  if (c > 0x10FFFF) raise("illegal Unicode character in an escape", line);
  if (c >= 0xD800 && c < 0xE000) unsupported("an escaped surrogate", line);
  return c;
}

char32_t octal_escape(std::string_view text, std::size_t& at) {
  char32_t c = 0;
  for (int i = 0; i < 3 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i, ++at)
    c = c * 8 + static_cast<char32_t>(text[at] - '0');
  return c;
}

}  // namespace

std::string string_literal(std::string_view body, int line) {
  if (body.find('\\') == std::string_view::npos) return std::string(body);
  const std::string text = backslash_replace(body);
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (c != '\\' || at >= text.size()) {
      if (c == '\\') raise("\\ at end of string", line);
      out.push_back(c);
      continue;
    }
    static constexpr std::string_view kNames = "\\'\"abfnrtv";
    static constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
    const char letter = text[at++];
    if (const std::size_t known = kNames.find(letter); known != std::string_view::npos) {
      out.push_back(kMeanings[known]);
    } else if (letter == '\n') {
      continue;
    } else if (letter == 'x' || letter == 'u' || letter == 'U') {
      append_utf8(out, hex_escape(text, at, letter == 'x' ? 2 : letter == 'u' ? 4 : 8, line));
    } else if (letter >= '0' && letter <= '7') {
      append_utf8(out, octal_escape(text, --at));
    } else if (letter == 'N') {
      unsupported("a \\N{...} escape", line);
    } else {
      out.push_back('\\');
      out.push_back(letter);
    }
  }
  return out;
}

}  // namespace qbench::text::jinja
