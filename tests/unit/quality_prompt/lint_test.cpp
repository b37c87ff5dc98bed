#include "quality/prompt/lint.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/text_file.h"
#include "test_support.h"

namespace qbench::test {
namespace {

using quality::LintFinding;
using quality::LintId;

/// A prompt without findings, behind which others are written.
const std::string kClean = "Write a Python function. Output: one code block. It must pass the tests.\n";

std::vector<LintFinding> of(LintId id, const std::string& text, std::vector<quality::LintContext> contexts = {}) {
  std::vector<LintFinding> found = quality::lint(text, contexts);
  std::erase_if(found, [&](const LintFinding& one) { return one.id != id; });
  return found;
}

/// The rule fires once, in this line.
void check_fires(LintId id, const std::string& text, std::size_t line, const std::string& words = "") {
  CAPTURE(text);
  const auto found = of(id, text);
  REQUIRE(found.size() == 1);
  CHECK(found[0].line == line);
  CHECK(found[0].detail.find(words) != std::string::npos);
}

void check_silent(LintId id, const std::string& text) {
  CAPTURE(text);
  CHECK(of(id, text).empty());
}

}  // namespace

TEST_CASE("every rule has a name and a reason of its own, and a clean prompt has no finding") {
  std::set<std::string_view> names;
  for (const quality::LintRule& rule : quality::lint_rules()) {
    CHECK(&quality::rule_of(rule.id) == &rule);
    CHECK_FALSE(rule.reason.empty());
    CHECK(names.insert(rule.name).second);
  }
  CHECK(names.size() == 11);
  CHECK(quality::lint(kClean).empty());
}

TEST_CASE("ambiguous words are named with their line, outside code") {
  check_fires(LintId::kAmbiguousWord, kClean + "Handle errors as needed.\n", 2, "'as needed'");
  check_fires(LintId::kAmbiguousWord, kClean + "\nIt should be FAST.\n", 3, "'fast'");
  check_silent(LintId::kAmbiguousWord, kClean + "```\nsome = fast\n```\nBreakfast, fasten, somewhere, `some`.\n");
}

TEST_CASE("a missing output format and missing success criteria are said of the whole prompt") {
  check_fires(LintId::kMissingOutputFormat, "Write a login form.", 0);
  check_silent(LintId::kMissingOutputFormat, "Write a login form. Answer with one file.");
  check_silent(LintId::kMissingOutputFormat, "Write `f(n: int) -> bool`.");
  check_fires(LintId::kMissingOutputFormat, "请编写一个登录表单。", 0);
  check_silent(LintId::kMissingOutputFormat, "请编写一个登录表单，以一个代码块输出。");
  check_silent(LintId::kMissingSuccessCriteria, "请编写一个登录表单，必须通过单元测试。");
  check_silent(LintId::kMissingOutputFormat,
               "Напиши форму входа, ответ дай одним файлом HTML5 с тестами.");  // no table for it: nothing is said
  check_fires(LintId::kMissingSuccessCriteria, "Write a login form.", 0);
  check_silent(LintId::kMissingSuccessCriteria, "Write a login form. Success criteria: it submits.");
  check_silent(LintId::kMissingSuccessCriteria, "Write a login form that passes these tests.");
}

TEST_CASE("numbers that exclude each other are found") {
  check_fires(LintId::kContradictoryNumbers, "Write at least 100 lines.\nKeep the answer under 50 lines.\n", 2, "line 1");
  check_fires(LintId::kContradictoryNumbers, "Reach at least 90% test coverage.\n\nTest coverage must be at most 80%.\n", 3);
  check_fires(LintId::kContradictoryNumbers, "Use Python 3.8.\nThe code must run on Python 3.11.\n", 2, "python 3.8");
  check_fires(LintId::kContradictoryNumbers, "Responses take under 200 ms.\nResponses take more than 2 seconds.\n", 2);
  check_fires(LintId::kContradictoryNumbers, "Give 3 examples.\nGive 5 examples.\n", 2);
  check_fires(LintId::kContradictoryNumbers, "Use C++17.\nUse C++20.\n", 2, "C++17");
  check_fires(LintId::kContradictoryNumbers, "At least 1,000 users.\nNo more than 500 users.\n", 2);
}

TEST_CASE("numbers of different things, and bounds that hold together, are not") {
  for (const std::string text :
       {"At least 50 lines.\nAt most 100 lines.\n", "Functions stay under 20 lines.\nThe file has more than 100 lines.\n",
        "API response <100ms p95\nDatabase query <50ms average\n", "Python 3\nPython 3.11\n", "React 18+\nReact 19\n",
        "Port this from Python 2.7 to Python 3.11.\n", "95%+ test coverage\n90%+ Lighthouse score\n",
        "Context (20% of tokens)\nTask (30% of tokens)\n", "3 examples of input.\n5 examples of output.\n",
        "```\nat least 100 lines\n```\nAt most 50 lines.\n", "Rates such as `512 B/s` and `1000 ms`.\nNot `1000.0 kB/s` in 10 ms.\n"}) {
    check_silent(LintId::kContradictoryNumbers, text);
  }
  const auto root = fixtures_dir().parent_path().parent_path() / "prompts";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".txt" && entry.path().parent_path().filename() != "wrong") {
      CAPTURE(entry.path().string());
      CHECK(of(LintId::kContradictoryNumbers, read_text_file(entry.path())).empty());
    }
  }
}

TEST_CASE("placeholders that nobody filled in are found, code is left alone") {
  for (const std::string text : {"Use {{framework}}.", "Connect to ${HOST}.", "Deploy to <YOUR_SERVER>.", "Name: [INSERT NAME HERE]",
                                 "TODO", "Limit: TBD.", "lorem ipsum dolor"}) {
    check_fires(LintId::kUnresolvedPlaceholder, "x\n" + text, 2);
  }
  for (const std::string text : {"```\n{{ value }} TODO\n```", "std::vector<int> and Array<T>", "[link](https://example.org)",
                                 "- [ ] todo list app", "f(x) = {x}", "an <h1> and <OL>"}) {
    check_silent(LintId::kUnresolvedPlaceholder, text);
  }
}

TEST_CASE("blanks at the end of a line are found, also before CR LF") {
  check_fires(LintId::kTrailingWhitespace, "a\nb  \nc", 2, "2 blanks");
  check_fires(LintId::kTrailingWhitespace, "a\t\r\nb\r\n", 1, "1 blank ");
  check_silent(LintId::kTrailingWhitespace, "a\r\nb\n\nc\n");
  check_fires(LintId::kTrailingWhitespace, read_text_file(fixtures_dir().parent_path().parent_path() / "prompts/smoke/is-prime.txt") + " ",
              2, "1 blank");
}

TEST_CASE("letters of another script are lookalikes among Latin ones only") {
  check_fires(LintId::kLookalike, "x\nprint(\u201Chello\"", 2, "U+201C");
  check_fires(LintId::kLookalike, "def p\u0430rse", 1, "U+0430");
  check_fires(LintId::kLookalike, "a\nfull\uFF08width", 2, "'('");
  check_silent(LintId::kLookalike, "\u041F\u0440\u0438\u0432\u0435\u0442, na\u00EFve caf\u00E9 \u2014 \u4F60\u597D");
  check_silent(LintId::kLookalike, "请处理空文件，并记录错误：“a.log”（见下）。");  // what such text is written with
  check_fires(LintId::kLookalike, "请调用 f\uFF08x\uFF09。", 1, "U+FF08");
  check_fires(LintId::kAmbiguousWord, kClean + "Don\u2019t use \u201Cfast\u201D code\u2014really.\n", 2, "'fast'");
  check_fires(LintId::kInvisibleCharacter, "zero\u200Bwidth", 1, "U+200B");
  check_fires(LintId::kInvisibleCharacter, "```\nx\u00ADy\n```", 2, "U+00AD");
  check_silent(LintId::kInvisibleCharacter, "plain\ttext");
}

TEST_CASE("a fence that never closes is found at its line") {
  check_fires(LintId::kOpenFence, "a\n```\nx\n```\nb\n```python\nx\n", 6);
  check_silent(LintId::kOpenFence, "a\n~~~~\n```\n~~~~\n");
}

TEST_CASE("what does not fit a model's context is said with the numbers") {
  const auto too_long =
      of(LintId::kTooLongForContext, kClean, {{"small", 600, 100, 512}, {"large", 600, 100, 4096}, {"unknown", 600, 100, 0}});
  REQUIRE(too_long.size() == 1);
  CHECK(too_long[0].detail == "small: 600 tokens, a context of 512");
  CHECK(of(LintId::kNoRoomForAnswer, kClean, {{"m", 500, 13, 512}}).empty());  // the last token takes no position
  CHECK(of(LintId::kNoRoomForAnswer, kClean, {{"m", 500, 14, 512}}).size() == 1);
  CHECK(of(LintId::kTooLongForContext, kClean, {{"m", 512, 1, 512}}).empty());
}

TEST_CASE("a megabyte of numbers is read in time") {
  std::string text;
  for (int i = 0; i < 60'000; ++i) text += "at least " + std::to_string(i) + " lines\n";
  CHECK_NOTHROW(quality::lint_numbers(text));
}

}  // namespace qbench::test
