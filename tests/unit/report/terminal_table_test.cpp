#include "report/terminal_table.h"

#include <doctest/doctest.h>

#include <string>

#include "report_examples.h"

using namespace qbench;
using namespace qbench::report;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    widest = std::max(widest, display_width(text.substr(at, end - at)));
    at = end + 1;
  }
  return widest;
}

}  // namespace

TEST_CASE("width counts columns, not bytes") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("h\u00e9") == 2);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("\u4f60\u597d") == 4);
  CHECK(display_width("\U0001F600") == 2);
  CHECK(display_width("\xff\xfe") == 2);
}

TEST_CASE("text is cut between characters") {
  CHECK(fit_width("abcdef", 6) == "abcdef");
  CHECK(fit_width("abcdef", 5) == "abcd…");
  CHECK(fit_width("\u4f60\u597d\u4f60", 4) == "\u4f60…");
  CHECK(fit_width("abc", 0) == "");
  CHECK(fit_width("abc", 1) == "…");
}

TEST_CASE("the table shows the text pass's tokens, rate, time and time to first token, and each pass in words") {
  const std::string table = end_table(test::small_content("x").cells);
  CHECK(contains(table, "Model    Flash  Pass Tokens    Tok/s  Time s  Mem GB Free GB  TTFT ms\n"));
  CHECK(contains(table, "smol       yes  text      4    114.3     0.0    0.30    20.0     20.0\n"));
  CHECK(contains(table, "smol (q4_1): 2 of 2 rows ok\n"));
  CHECK(contains(table, "  pass=speed: 4 tokens in 0.0 s, decode 200.0 tok/s,"));
  CHECK(contains(table, "  pass=text: 4 tokens in 0.0 s, decode 200.0 tok/s,"));
  CHECK_FALSE(contains(table, "\x1b"));
  CHECK(widest_line(table) <= 80);
}

TEST_CASE("without a text pass the speed pass is shown") {
  auto cells = test::small_content("x").cells;
  cells.pop_back();
  CHECK(contains(end_table(cells), " speed      4 "));
  CHECK_FALSE(contains(end_table(cells), "pass=text"));
}

TEST_CASE("models are told apart by what they were asked for as, not by the name that their files share") {
  auto cells = test::small_content("x", "llama-Q4_0").cells;
  for (auto& more : test::small_content("x", "llama-Q8_0").cells) cells.push_back(more);
  CHECK(contains(end_table(cells), "\nllama-Q4_0 "));
  CHECK(contains(end_table(cells), "\nllama-Q8_0 "));
}

TEST_CASE("text wraps between words, and a word that is longer than a line stays whole") {
  CHECK(wrapped("one two three", "  ", 9) == "  one two\n  three\n");
  CHECK(wrapped("at /a/path/that/is/long here", "  ", 12, "- ") == "- at\n  /a/path/that/is/long\n  here\n");
}

TEST_CASE("a failure is told in full, whatever the width") {
  auto cells = test::small_content("x").cells;
  cells[0].status = record::Status::kFailed;
  cells[0].failure = {"not_found", "model not found; looked here and there and in many other places; download it with: hf download owner/name"};
  const std::string table = end_table(cells, {.width = 70});
  CHECK(contains(table, "owner/name"));
  CHECK(widest_line(table) <= 80);
}

TEST_CASE("long names, other alphabets and failures with line breaks keep the table in its width") {
  auto cells = test::small_content("x", std::string(200, 'n')).cells;
  for (auto more :
       test::small_content("x",
                           "\u6a21\u578b\u6a21\u578b\u6a21\u578b\u6a21\u578b\u6a21\u578b\u6a21\u578b\u6a21\u578b\u6a21\u578b\u6a21\u578b")
           .cells) {
    more.status = record::Status::kFailed;
    more.failure = {"crash", "first\nsecond \x1b[2J" + [] {
        std::string words;
        for (int i = 0; i < 60; ++i) words += " xxxxx";
        return words;
      }()};
    cells.push_back(more);
  }
  for (const std::size_t width : {std::size_t{60}, std::size_t{80}, std::size_t{120}}) {
    const std::string table = end_table(cells, {.width = width});
    CHECK(widest_line(table) <= std::max<std::size_t>(width, 76));
    CHECK_FALSE(contains(table, "\x1b"));
    CHECK(contains(table, "failed (crash): first second"));
    CHECK(contains(table, "0 of 2 rows ok"));
  }
}

TEST_CASE("colours are there only when asked for") {
  auto cells = test::small_content("x").cells;
  cells[0].status = record::Status::kFailed;
  CHECK(contains(end_table(cells, {.color = true}), "\x1b[31m"));
  CHECK_FALSE(contains(end_table(cells, {.color = false}), "\x1b"));
}

TEST_CASE("a run without rows has no table") { CHECK(end_table({}).empty()); }
