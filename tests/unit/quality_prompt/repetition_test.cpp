#include "quality/prompt/repetition.h"

#include <doctest/doctest.h>

#include <string>

#include "base/text_file.h"
#include "test_support.h"

namespace qbench::test {
namespace {

std::string shipped(const std::string& name) { return read_text_file(fixtures_dir().parent_path().parent_path() / "prompts" / name); }

}  // namespace

TEST_CASE("a planted repetition is found with its lines, whatever its case, punctuation and line breaks") {
  const std::string text =
      "Write a parser.\n"
      "Every public function has a docstring and raises ValueError on bad input.\n"
      "Something else stands here.\n"
      "Remember: every public function has a docstring,\nand raises ValueError on bad input!\n"
      "EVERY PUBLIC FUNCTION HAS A DOCSTRING AND RAISES VALUEERROR ON BAD INPUT\n";
  const auto found = quality::find_duplicates(text);
  REQUIRE(found.size() == 1);
  CHECK(found[0].words == 12);
  CHECK(found[0].text == "Every public function has a docstring and raises ValueError on bad input");
  REQUIRE(found[0].places.size() == 3);
  CHECK(found[0].places[0].first_line == 2);
  CHECK(found[0].places[1].first_line == 4);
  CHECK(found[0].places[1].last_line == 5);
  CHECK(found[0].places[2].first_line == 6);
}

TEST_CASE("five equal words are no duplicate, six are, and places never overlap") {
  CHECK(quality::find_duplicates("one two three four five x one two three four five y").empty());
  CHECK(quality::find_duplicates("one two three four five six x one two three four five six y").size() == 1);
  std::string same;
  for (int i = 0; i < 40; ++i) same += "a ";
  std::size_t words = 0;
  for (const auto& one : quality::find_duplicates(same)) {
    for (std::size_t i = 1; i < one.places.size(); ++i) {
      CHECK(one.places[i - 1].span.end <= one.places[i].span.begin);
      words += one.words;
    }
  }
  CHECK(words <= 34);  // of 40: the first six are the original
  CHECK(words >= 24);
}

TEST_CASE("of Chinese characters two count as a word, and punctuation parts them") {
  CHECK(quality::find_duplicates("每个公共函数都要有文档。每个公共函数都要有文档！").empty());  // eleven
  const auto found = quality::find_duplicates("每个公共函数都必须有文档，并抛出异常。\n其他。\n每个公共函数都必须有文档、并抛出异常！");
  REQUIRE(found.size() == 1);
  CHECK(found[0].places[1].first_line == 3);
}

TEST_CASE("a megabyte of one word and of numbers is done in time") {
  std::string same, numbers;
  for (int i = 0; i < 200'000; ++i) same += "word ";
  for (int i = 0; i < 100'000; ++i) numbers += std::to_string(i * 7919 % 1000) + " ";
  CHECK_FALSE(quality::find_duplicates(same).empty());
  CHECK_NOTHROW(quality::find_duplicates(numbers));
}

TEST_CASE("the shipped prompts repeat nothing") {
  for (const std::string name : {"guide/microservices.txt", "guide/user-management.txt", "codegen/log-report.txt"})
    CHECK(quality::find_duplicates(shipped(name)).empty());
}

TEST_CASE("boilerplate is found as the longest phrase of the table, with its line, and not in code") {
  const auto found = quality::find_boilerplate("Hello.\nI want to make sure that it runs. Could you please help?\n```\nplease\n```\n");
  REQUIRE(found.size() == 2);
  CHECK(found[0].rule->phrase == "i want to make sure");
  CHECK(found[0].rule->instead == "ensure");
  CHECK(found[0].line == 2);
  CHECK(found[1].rule->phrase == "could you please");
  CHECK(quality::find_boilerplate("Parse the file; print a report.").empty());
  for (const quality::BoilerplateRule& rule : quality::boilerplate_rules()) {
    CAPTURE(rule.phrase);
    const auto one = quality::find_boilerplate("X " + std::string(rule.phrase) + " x");
    REQUIRE(one.size() == 1);
    CHECK(one[0].rule->phrase == rule.phrase);
  }
}

TEST_CASE("requirements are list items and asking sentences, one more for each further member") {
  CHECK(quality::count_requirements("- one\n* two\n1. three, four and five, six\n") == 5);
  CHECK(quality::count_requirements("- Stack: React, Node, Mongo\n") == 3);
  CHECK(quality::count_requirements("- `f(a, b)` and (x, y)\n") == 1);
  CHECK(quality::count_requirements("- an item\n  that goes on, here\n") == 2);
  CHECK(quality::count_requirements("The sky is blue, wide and far.") == 0);
  CHECK(quality::count_requirements("Also, it must run.") == 1);
  CHECK(quality::count_requirements("# Title, and more\n```\nmust run\n```\n") == 0);
  CHECK(quality::count_requirements("必须处理空文件。天空是蓝色的。请记录错误、警告和时间。") == 3);
  CHECK(quality::count_requirements("1、登录\n2、技术栈：React、Node\n") == 3);
  CHECK(quality::count_requirements(shipped("guide/web-app-verbose.txt")) == 7);
  CHECK(quality::count_requirements(shipped("guide/web-app-dense.txt")) == 10);
}

}  // namespace qbench::test
