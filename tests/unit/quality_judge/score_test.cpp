// Answers from a file, work in order, references held against their tests.
#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "judge_test_support.h"
#include "quality/judge/answers.h"
#include "quality/judge/in_order.h"
#include "quality/judge/references.h"
#include "test_support.h"

namespace qbench::quality {
namespace {

using record::TaskStatus;

workload::Suite suite_of(const std::vector<std::string>& ids) {
  workload::Suite suite;
  for (const std::string& id : ids) {
    workload::Prompt prompt;
    prompt.id = id == "HumanEval/1" ? "humaneval-1" : id == "HumanEval/11" ? "humaneval-11" : "other";
    prompt.task.emplace();
    prompt.task->id = id;
    suite.prompts.push_back(std::move(prompt));
  }
  return suite;
}

std::vector<Answer> read(const std::string& content) {
  const qbench::test::TempDir dir;
  std::ofstream(dir.path() / "a.jsonl", std::ios::binary) << content;
  return read_answers(dir.path() / "a.jsonl", suite_of({"HumanEval/1", "HumanEval/11", "x"}));
}

std::string refuse(const std::string& content) {
  try {
    read(content);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kConfig);
    return error.what();
  }
  FAIL_CHECK("no error for " << content);
  return {};
}

void check_sound(const workload::Task& task, bool sound, const char* problem) {
  Judge judge(*test::sandbox_or_skip(), test::quick_options());
  const ReferenceCheck check = check_reference(judge, *test::sandbox_or_skip(), task);
  CHECK(check.problem.empty() == sound);
  CHECK_MESSAGE(check.problem.find(problem) != std::string::npos, check.problem);
}

}  // namespace

TEST_CASE("a reference whose interpreter is missing is not checked, which says nothing against its suite") {
  if (!test::sandbox_or_skip()) return;
  JudgeOptions options = test::quick_options();
  options.tools.gxx = "/nowhere/g++";
  Judge judge(*test::sandbox_or_skip(), options);
  const std::string cases = R"([{"call": "f", "args": [2], "returns": 4}])";
  const ReferenceCheck missing =
      check_reference(judge, *test::sandbox_or_skip(), test::cases_task("cpp", cases, "int f(int x) { return 2 * x; }"));
  CHECK(missing.problem.empty());
  CHECK(missing.variants.empty());
  CHECK(missing.reference.status == TaskStatus::kHarnessError);
  CHECK(missing.not_checked == "/nowhere/g++ is missing; scripts/setup.sh --quality installs it");
  const ReferenceCheck there =
      check_reference(judge, *test::sandbox_or_skip(), test::cases_task("python", cases, "def f(x):\n    return 2 * x\n"));
  CHECK_MESSAGE(there.problem.empty(), there.problem);
  CHECK(there.not_checked.empty());
  CHECK(there.variants.size() == 2);  // a mutant, an empty program
}

TEST_CASE("answers name their task in several ways and count as samples") {
  const auto answers = read(
      "{\"task_id\": \"HumanEval/11\", \"completion\": \"a\"}\n\n{\"task_id\": 11, \"completion\": \"b\", \"other\": NaN}\n"
      "{\"task_id\": \"humaneval-1\", \"completion\": \"c\"}\r\n{\"task_id\": \"1\", \"completion\": \"\"}\n{\"task_id\": \"x\", "
      "\"completion\": \"a\\u0000b\"}");
  REQUIRE(answers.size() == 5);
  CHECK(answers[0].prompt == 1);
  CHECK(answers[1].prompt == 1);
  CHECK(answers[1].sample == 1);
  CHECK(answers[2].prompt == 0);
  CHECK(answers[3].sample == 1);
  CHECK(answers[4].completion == std::string("a\0b", 3));
  CHECK(read("{\"task_id\": \"x\", \"solution\": \"a\"}\n").front().completion == "a");  // as EvalPlus writes samples
}

TEST_CASE("an answer that is not UTF-8 is told and the others are read") {
  const auto answers = read("{\"task_id\": \"x\", \"completion\": \"a\xff\"}\n{\"task_id\": \"x\", \"completion\": \"b\"}\n");
  REQUIRE(answers.size() == 2);
  CHECK_FALSE(answers[0].is_text);
  CHECK(answers[1].is_text);
}

TEST_CASE("an answer with half a surrogate pair is no text, one with raw control characters is, and the others are read") {
  const auto answers = read(
      "{\"task_id\": \"x\", \"completion\": \"a\\ud800\"}\n{\"task_id\": \"x\", \"completion\": \"\\\\\\udc00b\"}\n"
      "{\"task_id\": \"x\", \"completion\": \"\\\\ud800 \\\" \\ud83d\\ude00\tc\"}\n" +
      std::string("{\"task_id\": \"x\",\t\"completion\": \"d") + std::string(1, '\0') + "e\"}\n" +
      "{\"task_id\": \"x\", \"completion\": \"f\"}\n");
  REQUIRE(answers.size() == 5);
  CHECK_FALSE(answers[0].is_text);
  CHECK(answers[0].completion == "a\xef\xbf\xbd");
  CHECK_FALSE(answers[1].is_text);
  CHECK(answers[1].completion ==
        "\\\xef\xbf\xbd"
        "b");
  CHECK(answers[2].is_text);
  CHECK(answers[2].completion == "\\ud800 \" \xf0\x9f\x98\x80\tc");
  CHECK(answers[3].is_text);
  CHECK(answers[3].completion == std::string("d\0e", 3));
  CHECK(answers[4].completion == "f");
}

TEST_CASE("a line that is no answer is an error that names it") {
  for (const auto& [line, expected] : std::vector<std::pair<std::string, std::string>>{
           {"{", "not valid JSON"},
           {"[]", "expected an object"},
           {"{\"task_id\": \"x\"}", "no 'completion'"},
           {"{\"task_id\": \"x\", \"completion\": null, \"solution\": \"a\"}", "no 'completion'"},
           {"{\"completion\": \"x\"}", "no 'task_id'"},
           {"{\"task_id\": true, \"completion\": \"x\"}", "no 'task_id'"},
           {"{\"task_id\": \"x\", \"completion\": 1}", "no 'completion'"},
           {"{\"task_id\": \"HumanEval/2\", \"completion\": \"x\"}", "no task 'HumanEval/2'; did you mean"},
           {"\xff", "not valid JSON"},
       }) {
    CAPTURE(line);
    const std::string message = refuse("{\"task_id\": \"x\", \"completion\": \"b\"}\n" + line + "\n");
    CHECK_MESSAGE(message.find("a.jsonl: line 2") != std::string::npos, message);
    CHECK_MESSAGE(message.find(expected) != std::string::npos, message);
  }
  CHECK(refuse("\n").find("has no answers") != std::string::npos);
}

TEST_CASE("work is done at once and handed on in order") {
  for (const int jobs : {1, 3, 50}) {
    std::vector<int> made(40), seen;
    in_order(
        made.size(), jobs, [&](std::size_t i) { made[i] = static_cast<int>(i) * 2; }, [&](std::size_t i) { seen.push_back(made[i]); });
    REQUIRE(seen.size() == 40);
    for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == static_cast<int>(i) * 2);
  }
}

TEST_CASE("an exception of the work or of its reader ends it all") {
  std::atomic<int> begun{0};
  CHECK_THROWS_AS(in_order(
                      1000, 2,
                      [&](std::size_t i) {
                        ++begun;
                        if (i == 3) throw std::runtime_error("work");
                      },
                      [](std::size_t) {}),
                  std::runtime_error);
  CHECK_THROWS_AS(in_order(
                      1000, 2, [](std::size_t) {},
                      [](std::size_t i) {
                        if (i == 5) throw std::logic_error("reader");
                      }),
                  std::logic_error);
}

TEST_CASE("references are sound when they pass and wrong answers do not") {
  if (!test::sandbox_or_skip()) return;
  const std::string cases = R"([{"call": "f", "args": [2], "returns": 4}])";
  workload::Task task = test::cases_task("python", cases, "def f(x):\n    return x * 2\n");
  task.wrong = {{"square", {{"solution.py", "def f(x):\n    return x ** 2 + 1\n"}}}};
  check_sound(task, true, "");
  task.wrong.push_back({"same for two", {{"solution.py", "def f(x):\n    return x + 2\n"}}});
  check_sound(task, false, "the wrong answer 'same for two' is not refused (pass)");
  check_sound(test::cases_task("python", cases, "def f(x):\n    return 5\n"), false, "the reference does not pass (wrong)");
  check_sound(test::cases_task("python", R"([{"stdin": "", "stdout": ""}])", "print()\n"), false, "");
}

TEST_CASE("mutants stand in where a suite has no wrong answers") {
  if (!test::sandbox_or_skip()) return;
  const std::string prompt = "def f(x):\n    \"\"\"f\"\"\"\n";
  check_sound(
      test::human_eval_task(prompt, "f", "def check(candidate):\n    assert candidate(3) == 6\n", "    return x * 2 if x > 0 else 0\n"),
      true, "");
  check_sound(test::human_eval_task(prompt, "f", "def check(candidate):\n    candidate(3)\n", "    return x * 2\n"), false,
              "refuse none of");
}

}  // namespace qbench::quality
