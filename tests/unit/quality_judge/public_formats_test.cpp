// The public formats from file to verdict: right answers pass, plausible wrong ones do not.
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text_file.h"
#include "judge_test_support.h"
#include "test_support.h"
#include "workload/suite.h"

namespace qbench::quality {
namespace {

using record::TaskStatus;
using test::check_status;
using test::sandbox_or_skip;

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(QB_SOURCE_DIR) / "tests/fixtures/quality/public_formats" / (name + ".jsonl");
}

/// Answers by the task that they are for.
std::map<std::string, std::string> answers_in(const std::string& name) {
  std::map<std::string, std::string> answers;
  const std::string text = read_text_file(fixture(name));
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    const auto line = nlohmann::json::parse(text.substr(start, end - start));
    answers[line["task_id"]] = line["completion"];
    start = end + 1;
  }
  return answers;
}

void check_refused(const Verdict& verdict) {
  const bool refused = verdict.status == TaskStatus::kWrong || verdict.status == TaskStatus::kException;
  CHECK_MESSAGE(refused, std::string(name_of(verdict.status)) << ": " << verdict.detail);
}

}  // namespace

TEST_CASE("right answers to MultiPL-E's tasks pass inside, whole or as a body, and wrong ones are wrong") {
  if (!sandbox_or_skip()) return;
  Judge judge(*sandbox_or_skip(), test::quick_options());
  for (const std::string name : {"multipl_e_py", "multipl_e_js", "multipl_e_ts", "multipl_e_cpp"}) {
    const workload::Suite suite = workload::load_suite(fixture(name));
    const auto right = answers_in(name + "_right"), wrong = answers_in(name + "_wrong");
    REQUIRE(suite.prompts.size() == 2);
    for (const workload::Prompt& prompt : suite.prompts) {
      CAPTURE(name);
      CAPTURE(prompt.id);
      const Verdict pass = judge.judge_answer(*prompt.task, right.at(prompt.task->id));
      check_status(pass, TaskStatus::kPass);
      CHECK(pass.judged_inside);
      check_refused(judge.judge_answer(*prompt.task, wrong.at(prompt.task->id)));
    }
  }
}

TEST_CASE("references of MBPP's and EvalPlus' tasks pass, and wrong answers do not") {
  if (!sandbox_or_skip()) return;
  Judge judge(*sandbox_or_skip(), test::quick_options());
  for (const std::string name : {"mbpp", "evalplus"}) {
    const workload::Suite suite = workload::load_suite(fixture(name));
    const auto wrong = answers_in(name + "_wrong");
    REQUIRE(suite.prompts.size() == 3);
    for (const workload::Prompt& prompt : suite.prompts) {
      CAPTURE(prompt.id);
      const Verdict pass = judge.judge_reference(*prompt.task);
      check_status(pass, TaskStatus::kPass);
      CHECK_FALSE(pass.judged_inside);
      check_refused(judge.judge_answer(*prompt.task, wrong.at(prompt.task->id)));
    }
  }
}

}  // namespace qbench::quality
