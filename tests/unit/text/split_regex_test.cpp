#include "text/split_regex.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "text/regex_dialect.h"
#include "text/utf8.h"

using namespace qbench;
using namespace qbench::text;

namespace {

/// All matches, each in brackets.
std::string matches_of(const std::string& pattern, const std::string& text) {
  const SplitRegex regex(pcre2_from_oniguruma(pattern, "test"), "test");
  MatchScratch scratch;
  std::string found;
  regex.for_each(text, scratch, [&](const Match& match) { found += "[" + text.substr(match.begin, match.end - match.begin) + "]"; });
  return found;
}

bool has(const std::string& pattern, char32_t c) {
  std::string text;
  append_utf8(text, c);
  return !matches_of(pattern, text).empty();
}

}  // namespace

TEST_CASE("white space, digits and word characters are Oniguruma's, inside brackets and outside") {
  for (const std::string space : {"\\s", "[\\s]", "[^\\S]"}) {
    CAPTURE(space);
    for (const char32_t c : {0x09, 0x0B, 0x20, 0x85, 0xA0, 0x2003, 0x3000}) CHECK(has(space, c));
    for (const char32_t c : {0x180E, 0x200B, 0xFEFF, 0x41}) CHECK_FALSE(has(space, c));
  }
  for (const std::string space : {"\\S", "[\\S]", "[^\\s]"}) {
    CAPTURE(space);
    CHECK(has(space, 0x180E));
    CHECK_FALSE(has(space, 0x3000));
  }
  CHECK(has("\\d", 0x0663));
  CHECK_FALSE(has("\\d", 0xB2));
  CHECK(has("[\\w]", 0xB2));  // a superscript is a word character there, though no digit
  CHECK(has("\\w", 0x5F));
  CHECK_FALSE(has("\\w", 0x9F4));
  CHECK(has("\\W", 0x2D));
  CHECK(has("\\D", 0x41));
}

TEST_CASE("what the two dialects read differently is spelled out") {
  CHECK(matches_of("a.b", "a\nb a\rb") == "[a\rb]");
  CHECK(matches_of("^b$", "a\nb\nc") == "[b]");  // lines, always
  CHECK(has("\\v", 0x0B));
  CHECK_FALSE(has("\\v", 0x0A));
  CHECK(has("\\u0301", 0x301));
  CHECK(matches_of("[\\s-x]+", "a -x") == "[ -x]");  // a hyphen behind a set is itself
  CHECK(matches_of("[a\\-c]+", "abc-") == "[a][c-]");
  CHECK(matches_of("x{,2}y", "xxxy y") == "[xxy][y]");
  CHECK(matches_of("{x", "{x") == "[{x]");
  CHECK(has("\\p{Han}", 0x4E00));
  CHECK_FALSE(has("\\p{Han}", 0x3001));  // by the script property, not by its extensions
  CHECK(matches_of("\\p{^L}", "a1") == "[1]");
  CHECK(matches_of("(?i:'S)", "'s 'S '\xC5\xBF") == "['s]['S]['\xC5\xBF]");  // the long s folds to s
  CHECK(matches_of("a++b|a", "aab aa") == "[aab][a][a]");
}

TEST_CASE("empty matches cut, but not twice at one place") {
  CHECK(matches_of("\\d*", "1a22b") == "[1][22][]");
  CHECK(matches_of("(?=b)", "abab") == "[][]");
  CHECK(matches_of("", "\xC3\xA9z") == "[][][]");
}

TEST_CASE("constructs without an exact counterpart are refused with their place") {
  for (const char* pattern :
       {"\\b", "\\h",   "\\R",  "\\X",   "\\K",   "\\G",  "\\k<a>", "(?<a>b)", "(?m:a)", "a(?i)b", "[[:alpha:]]", "[a&&b]", "[]a]",
        "[a",  "\\x80", "\\xZ", "\\x{}", "\\p{L", "\\pL", "\\p{1}", "a{2}+",   "a{2}?",  "\\",     "[\\W]",       "\\q",    "\\7"}) {
    CAPTURE(std::string(pattern));
    CHECK_THROWS_AS(pcre2_from_oniguruma(pattern, "test"), Error);
  }
  CHECK_THROWS_WITH(pcre2_from_oniguruma("ab\\b", "file"), doctest::Contains("'\\b' at byte 2"));
}
