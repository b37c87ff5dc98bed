#include "text/jinja/unicode.h"

#include <utf8proc.h>

#include "text/jinja/fault.h"

namespace qbench::text::jinja {

std::int64_t count_code_points(std::string_view text) {
  std::int64_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

std::size_t byte_offset(std::string_view text, std::int64_t index, std::size_t from) {
  std::size_t at = from;
  while (index > 0 && at < text.size()) {
    next_code_point(text, at);
    --index;
  }
  return at;
}

bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

bool is_printable(char32_t c) {
  if (c < 0x80) return c >= 0x20 && c < 0x7F;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

std::string_view strip_left(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t next = at;
    if (!is_space(next_code_point(text, next))) break;
    at = next;
  }
  return text.substr(at);
}

std::string_view strip_right(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t start = end - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) --start;
    std::size_t at = start;
    if (!is_space(next_code_point(text, at))) break;
    end = start;
  }
  return text.substr(0, end);
}

namespace {

[[noreturn]] void no_case_mapping(char32_t c) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string digits;
  for (int shift = 20; shift >= 0; shift -= 4) {
    const auto nibble = (c >> shift) & 0xF;
    if (nibble != 0 || !digits.empty() || shift < 16) digits.push_back(kHex[nibble]);
  }
  unsupported("change of case of U+" + digits);
}

/// Unicode's SpecialCasing.txt: the characters whose upper or title case is longer than one character.
bool grows_in_upper_case(char32_t c) {
  return c == 0xDF || c == 0x149 || c == 0x1F0 || c == 0x390 || c == 0x3B0 || c == 0x587 || (c >= 0x1E96 && c <= 0x1E9A) ||
         (c >= 0x1F50 && c <= 0x1F56) || (c >= 0x1F80 && c <= 0x1FFC) || (c >= 0xFB00 && c <= 0xFB17);
}

char32_t upper(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
  if (grows_in_upper_case(c)) no_case_mapping(c);
  return static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
}

char32_t lower(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c == 0x130 || c == 0x3A3) no_case_mapping(c);  // two characters; a final sigma or not
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

char32_t title_case(char32_t c) {
  if (c < 0x80) return upper(c);
  if (grows_in_upper_case(c)) no_case_mapping(c);
  return static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c)));
}

enum class Case { kNone, kUpper, kLower, kTitle };

Case case_of(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? Case::kLower : c >= 'A' && c <= 'Z' ? Case::kUpper : Case::kNone;
  // Other_Lowercase and Other_Uppercase, which utf8proc does not know: modifier letters, Roman numerals, letters in circles.
  const bool other = c == 0xAA || c == 0xBA || c == 0x345 || (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F189);
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
      return Case::kUpper;
    case UTF8PROC_CATEGORY_LL:
      return Case::kLower;
    case UTF8PROC_CATEGORY_LT:
      return Case::kTitle;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_NL:
      no_case_mapping(c);
    default:
      if (other) no_case_mapping(c);
      return Case::kNone;
  }
}

template <class Map>
std::string mapped(std::string_view text, Map map) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) append_utf8(out, map(next_code_point(text, at)));
  return out;
}

template <class Test>
bool all_of(std::string_view text, Test test) {
  for (std::size_t at = 0; at < text.size();) {
    if (!test(next_code_point(text, at))) return false;
  }
  return !text.empty();
}

bool letter(char32_t c) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

}  // namespace

std::string to_upper(std::string_view text) { return mapped(text, upper); }

std::string to_lower(std::string_view text) { return mapped(text, lower); }

std::string capitalize(std::string_view text) {
  bool first = true;
  return mapped(text, [&](char32_t c) {
    const char32_t out = first ? title_case(c) : lower(c);
    first = false;
    return out;
  });
}

std::string title(std::string_view text) {
  bool after_cased = false;
  return mapped(text, [&](char32_t c) {
    const char32_t out = after_cased ? lower(c) : title_case(c);
    after_cased = case_of(c) != Case::kNone;
    return out;
  });
}

std::string swapcase(std::string_view text) {
  return mapped(text, [](char32_t c) {
    const Case kind = case_of(c);
    return kind == Case::kUpper ? lower(c) : kind == Case::kLower ? upper(c) : c;
  });
}

bool is_upper(std::string_view text) {
  bool cased = false;
  for (std::size_t at = 0; at < text.size();) {
    const Case kind = case_of(next_code_point(text, at));
    if (kind == Case::kLower || kind == Case::kTitle) return false;
    cased |= kind == Case::kUpper;
  }
  return cased;
}

bool is_lower(std::string_view text) {
  bool cased = false;
  for (std::size_t at = 0; at < text.size();) {
    const Case kind = case_of(next_code_point(text, at));
    if (kind == Case::kUpper || kind == Case::kTitle) return false;
    cased |= kind == Case::kLower;
  }
  return cased;
}

bool is_title(std::string_view text) {
  bool cased = false;
  bool after_cased = false;
  for (std::size_t at = 0; at < text.size();) {
    const Case kind = case_of(next_code_point(text, at));
    const bool starts_word = kind == Case::kUpper || kind == Case::kTitle;
    if ((starts_word && after_cased) || (kind == Case::kLower && !after_cased)) return false;
    after_cased = kind != Case::kNone;
    cased |= after_cased;
  }
  return cased;
}

bool is_alpha(std::string_view text) { return all_of(text, letter); }

bool is_alnum(std::string_view text) {
  return all_of(text, [](char32_t c) {
    if (c < 0x80) return letter(c) || (c >= '0' && c <= '9');
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    return letter(c) || category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
  });
}

bool is_digit(std::string_view text) {
  return all_of(text, [](char32_t c) {
    if (c < 0x80) return c >= '0' && c <= '9';
    const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    if (category == UTF8PROC_CATEGORY_ND) return true;
    if (category == UTF8PROC_CATEGORY_NO) unsupported("isdigit of a number sign outside ASCII");
    return false;
  });
}

}  // namespace qbench::text::jinja
