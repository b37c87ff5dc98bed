#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "quality/rating/rating.h"
#include "quality/rating/rating_record.h"
#include "quality/rating/web_check.h"

using namespace qbench;
using namespace qbench::quality;

namespace {

/// Answers for a sandbox: tools whose argv holds `hangs` run out of wall time, all others print what `print` gives.
class FakeSandbox : public sandbox::Sandbox {
 public:
  std::string hangs;
  std::string output;
  sandbox::End end = sandbox::End::kExited;
  sandbox::Level level() const override { return sandbox::Level::kBwrap; }
  std::string description() const override { return "none"; }
  sandbox::Outcome run(const sandbox::Job& job) const override {
    sandbox::Outcome outcome;
    outcome.end = end;
    for (const std::string& word : job.argv) {
      if (!hangs.empty() && word.find(hangs) != std::string::npos) outcome.end = sandbox::End::kWallTimeout;
    }
    const bool facts = job.argv.size() > 2 && job.argv[2].find("python_facts") != std::string::npos;
    const bool bandit = job.argv[0].find("bandit") != std::string::npos;
    outcome.output = facts ? kFacts : bandit ? R"({"results": []})" : output;
    return outcome;
  }
  std::unique_ptr<sandbox::Process> start(const sandbox::Job&) const override { return nullptr; }

 private:
  static constexpr const char* kFacts =
      R"({"files": [{"path": "solution.py", "lines": 2, "code_lines": 2, "comment_lines": 0, "loose_lines": 0, "head_comment": false, "is_test": false,
    "parse_error": null}], "functions": [{"file": "solution.py", "name": "f", "owner": "", "line": 1, "start": 1, "end_line": 2, "lines": 2, "complexity": 1, "documented": false, "public": true,
    "slots": 2, "typed": 2, "is_async": false, "body": "ok", "nested": false, "is_test": false}], "tool": "3.11.2"})";
};

RatingInput python(const std::vector<workload::CodeFile>& code) {
  RatingInput input;
  input.language = "python";
  input.code = code;
  return input;
}

/// Paths that exist everywhere: the fake sandbox does not run them.
RaterOptions everywhere() {
  RaterOptions options;
  options.tools.python = options.tools.mypy = "/bin/sh";
  options.tools.bandit = "/usr";
  options.tools.coverage_module = options.tools.pytest_module = "/usr";
  return options;
}

const std::vector<workload::CodeFile> kCode{{"solution.py", "def f(x: int) -> int:\n    return x\n"}};

}  // namespace

TEST_CASE("a tool that is missing leaves its score empty and says what to install") {
  FakeSandbox sandbox;
  RaterOptions options = everywhere();
  options.tools.mypy = "/nonexistent/mypy";
  options.tools.bandit = "/nonexistent/bandit";
  const Rating rating = Rater(sandbox, options).rate(python(kCode));
  CHECK_FALSE(rating.kpi(Kpi::kSecurity).value.has_value());
  CHECK(rating.kpi(Kpi::kSecurity).evidence == "bandit not installed (Debian package bandit)");
  REQUIRE(rating.kpi(Kpi::kTypeCompliance).value.has_value());
  CHECK(*rating.kpi(Kpi::kTypeCompliance).value == 100);
  CHECK(rating.kpi(Kpi::kTypeCompliance).evidence.find("annotations alone: mypy not installed") != std::string::npos);
  CHECK(rating.stars.has_value());
}

TEST_CASE("a tool that hangs is cut off, which is said, and the rest is rated") {
  FakeSandbox sandbox;
  sandbox.hangs = "--check-untyped-defs";
  const Rating rating = Rater(sandbox, everywhere()).rate(python(kCode));
  CHECK(rating.kpi(Kpi::kTypeCompliance).evidence.find("mypy cut off after 60 s") != std::string::npos);
  CHECK(rating.kpi(Kpi::kCompleteness).value == 10.0);
  bool said = false;
  for (const ToolUse& tool : rating.tools) said = said || (tool.name == "mypy" && tool.problem == "cut off after 60 s");
  CHECK(said);
}

TEST_CASE("without the interpreter nothing is rated, and nothing is held against the answer") {
  FakeSandbox sandbox;
  RaterOptions options = everywhere();
  options.tools.python = "/nonexistent/python3";
  const Rating rating = Rater(sandbox, options).rate(python(kCode));
  CHECK_FALSE(rating.stars.has_value());
  CHECK_FALSE(rating.quality_score.has_value());
  CHECK(rating.stars_reason == "python ast not installed (Debian package python3)");
  for (const KpiValue& value : rating.kpis) CHECK_FALSE(value.value.has_value());
  workload::Task task;
  task.kind = workload::TaskKind::kChecks;
  task.checks = "{}";
  CHECK(check_web_service(sandbox, options, task, kCode).status == record::TaskStatus::kHarnessError);
}

TEST_CASE("a tool that prints something else than its report has failed") {
  FakeSandbox sandbox;
  sandbox.end = sandbox::End::kNotStarted;
  CHECK(Rater(sandbox, everywhere()).rate(python(kCode)).stars_reason == "python ast not started: no reason given");
}

TEST_CASE("an answer without code has one star, code in another language none") {
  FakeSandbox sandbox;
  const Rater rater(sandbox, everywhere());
  const Rating nothing = rater.rate(python({}));
  CHECK(nothing.stars == 1);
  CHECK(nothing.quality_score == 0.0);
  CHECK(nothing.stars_reason == "the answer has no code");
  CHECK(rater.rate(python({{"solution.py", " \n"}})).stars == 1);
  const std::vector<workload::CodeFile> code{{"main.rs", "fn main() {}"}};
  RatingInput rust;
  rust.language = "rust";
  rust.code = code;
  const Rating unrated = rater.rate(rust);
  CHECK_FALSE(unrated.stars.has_value());
  CHECK(unrated.stars_reason == "code in rust is not rated; python, typescript and cpp are");
}

TEST_CASE("an answer in another language than the prompt's is said to be that") {
  FakeSandbox sandbox;
  const Rater rater(sandbox, everywhere());
  workload::Task task;
  task.language = "python";
  const Rating other = rater.rate_answer("Here:\n\n```bash\nnpm i\n```\n\n```javascript\nlet x = 1;\n```\n", task, "", std::nullopt);
  CHECK(other.stars == 1);
  CHECK(other.stars_reason == "the answer has no code in python: what it shows is javascript");
  CHECK(rater.rate_answer("I cannot.", task, "", std::nullopt).stars_reason == "the answer has no code");
  const Rating prose = rater.rate_answer("Paris.", {}, "What is the capital of France?", std::nullopt);
  CHECK_FALSE(prose.stars.has_value());
}

TEST_CASE("ten megabytes of code are not read") {
  FakeSandbox sandbox;
  const std::vector<workload::CodeFile> code{{"solution.py", std::string(10 << 20, '#')}};
  const Rating rating = Rater(sandbox, everywhere()).rate(python(code));
  CHECK_FALSE(rating.stars.has_value());
  CHECK(rating.stars_reason == "10485760 bytes of code: more than 1048576 are not rated");
  workload::Task task;
  task.kind = workload::TaskKind::kChecks;
  CHECK(check_web_service(sandbox, everywhere(), task, code).status == record::TaskStatus::kCompileError);
}

TEST_CASE("answers to checks, which return nothing, agree by their code: comments aside, not more") {
  FakeSandbox sandbox;
  Judge judge(sandbox, {});
  workload::Task task;
  task.kind = workload::TaskKind::kChecks;
  task.language = "python";
  task.paths = {"solution.py"};
  std::string lines;
  while (lines.size() <= (1 << 20)) lines += "x = 1\n";  // too much to be read: the verdict needs no tool
  const auto behaviour = [&](const std::string& code) {
    return judge_task(judge, sandbox, task, "```python\n" + code + "```\n").behaviour;
  };
  CHECK_FALSE(behaviour(lines).empty());
  CHECK(behaviour(lines) == behaviour("# said differently\n" + lines));
  CHECK(behaviour(lines) != behaviour(lines + "y = 2\n"));
}
