#include "report/text.h"

#include <doctest/doctest.h>

#include <string>

using namespace qbench::report;

TEST_CASE("a code block's fence is longer than any run of backticks in it") {
  CHECK(code_block("x = 1") == "```text\nx = 1\n```\n");
  CHECK(code_block("```python\nx\n```\n") == "````text\n```python\nx\n```\n````\n");
  CHECK(code_block("a ```````` b", "md") == "`````````md\na ```````` b\n`````````\n");
  CHECK(code_block("") == "```text\n\n```\n");
}

TEST_CASE("printable text is UTF-8 without control characters") {
  CHECK(printable("h\u00e9llo \u4f60\n\tx") == "h\u00e9llo \u4f60\n\tx");
  CHECK(printable("\x1b[31mred\x07") == "\u241b[31mred\u2407");
  CHECK(printable("a\r\nb\rc") == "a\nb\u240dc");
  CHECK(printable("\xff\xc3") == "\uFFFD\uFFFD");
  CHECK(printable("\xed\xa0\x80") == "\uFFFD\uFFFD\uFFFD");  // a lone surrogate
  CHECK(printable(std::string("\0\x7f", 2)) == "\u2400\u2421");
  CHECK(printable("\u009b31m") == "\uFFFD31m");
}

TEST_CASE("markdown text cannot leave its table cell or become markup") {
  CHECK(markdown_text("a|b") == "a\\|b");
  CHECK(markdown_text("two\nlines") == "two lines");
  CHECK(markdown_text("<script>&amp;") == "&lt;script>&amp;amp;");
  CHECK(markdown_text("`x` *y* _z_ [l](u)") == "\\`x\\` \\*y\\* \\_z\\_ \\[l\\](u)");
  CHECK(markdown_text("max_tokens q4_k_m _x") == "max_tokens q4_k_m \\_x");
  CHECK(markdown_text("# a # b") == "\\# a # b");
  CHECK(markdown_text("C:\\dir") == "C:\\\\dir");
}

TEST_CASE("numbers for people have about four digits, and none is a dash") {
  CHECK(metric_text(std::nullopt) == "–");
  CHECK(metric_text(0.0) == "0");
  CHECK(metric_text(128.0) == "128");
  CHECK(metric_text(98'362'432.0) == "98362432");
  CHECK(metric_text(53.123) == "53.12");
  CHECK(metric_text(1234.56) == "1235");
  CHECK(metric_text(123.456) == "123.5");
  CHECK(metric_text(0.0123456) == "0.01235");
}
