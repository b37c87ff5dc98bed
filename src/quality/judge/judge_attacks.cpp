#include "quality/judge/judge_attacks.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "quality/judge/driver_texts.h"
#include "quality/judge/judge.h"

namespace qbench::quality {
namespace {

using record::TaskStatus;

constexpr double kCpuS = 3;
constexpr double kWallS = 30;

workload::Task of_test() {
  workload::Task task;
  task.id = "attacked/test";
  task.language = "python";
  task.kind = workload::TaskKind::kPythonTest;
  task.paths = {"solution.py"};
  task.entry_point = "code_of";
  task.prefix = "def code_of(n):\n    \"\"\"The code of n.\"\"\"\n";
  task.test =
      "def check(candidate):\n    assert candidate(1) == 7932\n    assert candidate(2) == 5844\n    assert candidate(77) == "
      "9356\n\ncheck(candidate)\n";
  task.digest = digest_of(task);
  return task;
}

workload::Task of_cases() {
  workload::Task task;
  task.id = "attacked/cases";
  task.language = "python";
  task.paths = {"solution.py"};
  task.cases =
      R"([{"call": "code_of", "args": [1], "returns": 7932}, {"call": "code_of", "args": [2], "returns": 5844}, {"call": "code_of", "args": [77], "returns": 9356}])";
  task.digest = digest_of(task);
  return task;
}

sandbox::Finding attack(const sandbox::Sandbox& room, const std::string& code, bool right) {
  JudgeOptions options;
  options.limits.cpu_s = kCpuS;
  options.limits.wall_s = kWallS;
  Judge judge(room, options);
  sandbox::Finding finding{true, {}};
  for (const workload::Task& task : {of_test(), of_cases()}) {
    const std::vector<workload::CodeFile> files{{"solution.py", code}};
    const Verdict verdict = judge.judge(task, files);
    const bool passed = verdict.status == TaskStatus::kPass;
    const bool contained = right ? passed : !passed && verdict.status != TaskStatus::kHarnessError;
    if (!contained) finding.contained = false;
    finding.detail += (finding.detail.empty() ? "" : "; ") + std::string(name_of(verdict.status));
    if (!contained && !verdict.detail.empty()) finding.detail += " (" + verdict.detail + ")";
  }
  return finding;
}

}  // namespace

std::vector<sandbox::Attack> judge_attacks() {
  std::vector<sandbox::Attack> attacks;
  constexpr std::string_view kMark = "### ";
  const std::string_view text = attacks_py();
  for (std::size_t at = text.find(kMark); at != std::string_view::npos;) {
    const std::size_t line = text.find('\n', at);
    const std::size_t next = text.find("\n### ", line);
    const std::string name(text.substr(at + kMark.size(), line - at - kMark.size()));
    const std::string code(text.substr(line + 1, next == std::string_view::npos ? next : next - line));
    const bool right = attacks.empty();
    attacks.push_back({"judge", name, [code, right](const sandbox::Sandbox& room) { return attack(room, code, right); }});
    at = next == std::string_view::npos ? next : next + 1;
  }
  return attacks;
}

}  // namespace qbench::quality
