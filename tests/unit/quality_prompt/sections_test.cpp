#include "quality/prompt/sections.h"

#include <doctest/doctest.h>

#include <map>

#include "base/text_file.h"
#include "quality/prompt/analysis.h"
#include "test_support.h"

namespace qbench::test {
namespace {

using quality::Section;
using quality::SectionKind;

std::string shipped(const std::string& name) { return read_text_file(fixtures_dir().parent_path().parent_path() / "prompts" / name); }

/// Kinds by line, "c", "t", "q", "e" or "-", in the parts' order.
std::string kinds(const std::vector<Section>& sections) {
  std::string letters;
  for (const Section& section : sections) letters += section.kind == SectionKind::kUnclassified ? '-' : quality::name_of(section.kind)[0];
  return letters;
}

}  // namespace

TEST_CASE("the budget of the guide is 20, 30, 25 and 25 per cent") {
  CHECK(quality::budget_ratio(SectionKind::kContext) == 0.20);
  CHECK(quality::budget_ratio(SectionKind::kTask) == 0.30);
  CHECK(quality::budget_ratio(SectionKind::kQuality) == 0.25);
  CHECK(quality::budget_ratio(SectionKind::kExamples) == 0.25);
}

TEST_CASE("the guide's prompts fall into the parts that their headings name") {
  const std::map<std::string, std::string> expected{
      {"guide/login-form.txt", "ttct"},       {"guide/user-management.txt", "ttcqt"},     {"guide/microservices.txt", "tcttqt"},
      {"guide/auth-system-batch.txt", "ttt"}, {"guide/component-test-suite.txt", "tqqq"}, {"guide/context-phases-1.txt", "ccct"},
      {"guide/context-phases-2.txt", "tq"},   {"guide/context-phases-3.txt", "qq"},       {"guide/web-app-dense.txt", "tctqq"},
      {"guide/web-app-verbose.txt", "ttccq"}, {"codegen/fastapi-vit.txt", "tqt"},         {"smoke/fix-bug.txt", "cte"},
  };
  for (const auto& [name, letters] : expected) {
    CAPTURE(name);
    CHECK(kinds(quality::find_sections(shipped(name))) == letters);
  }
}

TEST_CASE("parts cover the text without gap or overlap and name their lines") {
  const std::string text = "\n# Context\nWe use Go.\n\n## Output format\n```json\n{}\n```\n\nzzz\n";
  const std::vector<Section> sections = quality::find_sections(text);
  REQUIRE(sections.size() == 2);
  CHECK(sections[0].span.begin == 0);
  CHECK(sections[0].span.end == sections[1].span.begin);
  CHECK(sections[1].span.end == text.size());
  CHECK(sections[0].kind == SectionKind::kContext);
  CHECK(sections[0].title == "Context");
  CHECK(sections[0].first_line == 2);
  CHECK(sections[0].last_line == 3);
  CHECK(sections[1].kind == SectionKind::kExamples);
  CHECK(sections[1].rule == "output");
  CHECK(sections[1].last_line == 10);
}

TEST_CASE("what no rule fits is unclassified, also below a heading that says nothing") {
  CHECK(kinds(quality::find_sections("Bananas are yellow. Apples are red.")) == "--");
  CHECK(kinds(quality::find_sections("**Miscellany:**\n- bananas\n- tests with pytest\n")) == "-q");
  CHECK(quality::find_sections("").empty());
}

TEST_CASE("tags, capitals and bold lines are headings; code between fences is none") {
  CHECK(kinds(quality::find_sections("<context>\nA shop.\n</context>\n<task>\nSell.\n</task>\n")) == "ct");
  CHECK(kinds(quality::find_sections("TECH STACK\nReact\n\nQUALITY STANDARDS\nFast\n")) == "cq");
  CHECK(kinds(quality::find_sections("Write a parser for this file.\n```python\n# Task:\nx = 1\n```\n")) == "te");
}

TEST_CASE("tags are known by name, whatever their case, attributes and lines, and end where they close") {
  const auto found = quality::find_sections(
      "<Context>We have a shop.</Context>\n<instructions priority=\"high\">\nSell it.\n</instructions>\n<Examples>\n  <example id=\"1\">\n "
      " a gives b\n"
      "  </example>\nBananas.\n</Examples>\nApples are "
      "red.\n<quality_requirements>\nBananas.</quality_requirements>\n<output_format>JSON</output_format>\n");
  CHECK(kinds(found) == "cteee-qe");
  CHECK(found[1].title == "instructions");
  CHECK(found[4].first_line == 9);  // behind </example> the outer part goes on
  CHECK(found[5].first_line == 11);
  CHECK(found[6].title == "quality requirements");
}

TEST_CASE("a tag that no rule fits is text of the part around it") {
  CHECK(kinds(quality::find_sections("# Context\nWe use Go.\n<div class=\"x\">\nBananas.\n</div>\nApples.\n")) == "c");
  CHECK(kinds(quality::find_sections("<prompt>\nWrite a parser.\n</prompt>\n")) == "-t");
  CHECK(kinds(quality::find_sections("Write f(x) where x <y> z.\n")) == "t");
}

TEST_CASE("a heading that no rule fits takes the rule of the heading that it stands in") {
  const auto found = quality::find_sections(
      "# Shop overview\n\n## Misc\nBananas.\n\n## Requirements\n### Accounts\nBananas.\n\nUsers can:\n- log in\n\n## Testing\npytest\n");
  CHECK(kinds(found) == "c--tttq");  // not that of the only `#`, which is the text's own title
  CHECK(found[4].title == "Accounts");
  CHECK(found[5].title == "Users can");
  CHECK(kinds(quality::find_sections("# Context\n## Accounts\nBananas.\n# Task\n## Accounts\nBananas.\n")) == "cctt");
}

TEST_CASE("Chinese prompts fall into parts by their headings, labels and sentences") {
  CHECK(kinds(quality::find_sections("# 背景\n一个应用。\n\n# 任务\n解析日志。\n\n# 质量要求\n- 类型注解\n\n# 示例\n输入：a.log\n")) ==
        "ctqee");
  CHECK(kinds(quality::find_sections("技术栈：Flask、PostgreSQL\n需求：\n1、登录\n2、注册\n")) == "ct");
  CHECK(kinds(quality::find_sections("我们有一个应用。请编写一个函数。它要有单元测试！例如，a.log。")) == "ctqe");
}

TEST_CASE("prose without any heading is taken apart by its sentences") {
  CHECK(kinds(quality::find_sections(
            "I have a log file from nginx. I\u2019d like to know who asks most. Tests with pytest please. For example 1.2.3.4.")) ==
        "ctqe");
}

TEST_CASE("a text of blanks is one part that says nothing") { CHECK(kinds(quality::find_sections("  \n\n")) == "-"); }

TEST_CASE("a megabyte of short paragraphs is taken apart in time") {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "Write a.\n\n";
  CHECK(quality::find_sections(text).size() == 100'000);
}

TEST_CASE("tokens of the parts add up to the tokens of the text") {
  for (const std::string name : {"guide/login-form.txt", "guide/web-app-verbose.txt", "codegen/log-report.txt"}) {
    const quality::PromptCounts counts = quality::count_bytes(quality::analyse_prompt(shipped(name)));
    std::int64_t sum = 0;
    for (const std::int64_t part : counts.by_kind) sum += part;
    CHECK(sum == counts.total);
  }
  const quality::PromptCounts login = quality::count_bytes(quality::analyse_prompt(shipped("guide/login-form.txt")));
  CHECK(login.of(SectionKind::kContext) == 110);
  CHECK(*login.share(login.of(SectionKind::kContext)) == doctest::Approx(110.0 / static_cast<double>(login.total)));
  CHECK_FALSE(quality::count_bytes(quality::analyse_prompt("")).share(0));
}

}  // namespace qbench::test
