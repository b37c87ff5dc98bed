#include "text/utf8.h"

#include <doctest/doctest.h>

using namespace qbench::text;

TEST_CASE("well-formed UTF-8 is told from overlong forms, surrogates and values past U+10FFFF") {
  CHECK(is_valid_utf8(""));
  CHECK(is_valid_utf8("plain ascii, longer than eight bytes"));
  CHECK(is_valid_utf8("\xC3\xA9 \xE4\xBD\xA0 \xF0\x9F\xA6\x99 \xF4\x8F\xBF\xBF"));
  for (const char* bad : {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80", "\xFF", "\xC3", "\xE4\xBD", "\xF0\x9F\xA6", "abcdefgh\xFFij"}) {
    CHECK_FALSE(is_valid_utf8(bad));
  }
}

TEST_CASE("the first byte that is no UTF-8 is found") {
  CHECK(valid_utf8_prefix("") == 0);
  CHECK(valid_utf8_prefix("caf\xC3\xA9") == 5);
  CHECK(valid_utf8_prefix("caf\xC3") == 3);
  CHECK(valid_utf8_prefix("abcdefghij\xFFk") == 10);
  CHECK(valid_utf8_prefix("\xE4\xBD\xA0\xED\xA0\x80") == 3);
}

TEST_CASE("each maximal ill-formed subpart becomes one U+FFFD, as Python's errors=replace writes it") {
  CHECK(replace_invalid_utf8("a\xFFz") == "a\xEF\xBF\xBDz");
  CHECK(replace_invalid_utf8("\xE4\xBDz") == "\xEF\xBF\xBDz");
  CHECK(replace_invalid_utf8("\xF0\x9F\xA6") == "\xEF\xBF\xBD");
  CHECK(replace_invalid_utf8("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(replace_invalid_utf8("\xC0\xAF") == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(replace_invalid_utf8("\xF0\x80\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(replace_invalid_utf8("\xC3\xA9") == "\xC3\xA9");
}

TEST_CASE("only bytes that may still become a character are held back") {
  CHECK(complete_utf8_prefix("abc") == 3);
  CHECK(complete_utf8_prefix("ab\xC3") == 2);
  CHECK(complete_utf8_prefix("ab\xE4\xBD") == 2);
  CHECK(complete_utf8_prefix("ab\xF0\x9F\xA6") == 2);
  CHECK(complete_utf8_prefix("ab\xF0\x9F\xA6\x99") == 6);
  CHECK(complete_utf8_prefix("ab\xFF") == 3);
  CHECK(complete_utf8_prefix("\xE0\x80") == 2);
}

TEST_CASE("code points survive the way to UTF-8 and back") {
  for (char32_t c = 1; c < 0x110000; c += c < 0x3000 ? 1 : 97) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(text, c);
    std::size_t at = 0;
    REQUIRE(is_valid_utf8(text));
    REQUIRE(text.size() == utf8_length(text[0]));
    REQUIRE(next_code_point(text, at) == c);
    REQUIRE(at == text.size());
  }
}

TEST_CASE("white space is Unicode's property, without U+180E and U+200B") {
  for (const char32_t c : {0x09, 0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000}) {
    CHECK(is_white_space(c));
  }
  for (const char32_t c : {0x08, 0x1F, 0x41, 0x180E, 0x200B, 0x2060, 0xFEFF}) CHECK_FALSE(is_white_space(c));
}
