#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "quality/judge/judge.h"
#include "record/records.h"
#include "sandbox/sandbox.h"
#include "workload/task.h"

namespace qbench::quality::test {

/// The sandbox of the tests, or nullptr (said once a test) where the machine has none.
inline const sandbox::Sandbox* sandbox_or_skip() {
  static const std::unique_ptr<sandbox::Sandbox> opened = []() -> std::unique_ptr<sandbox::Sandbox> {
    try {
      return sandbox::Sandbox::open({});
    } catch (const Error& error) {
      MESSAGE("skipped: " << error.what());
      return nullptr;
    }
  }();
  if (!opened) MESSAGE("skipped: no sandbox on this machine");
  return opened.get();
}

inline workload::Task cases_task(std::string language, std::string cases, std::string reference = {}) {
  workload::Task task;
  task.id = "task";
  task.language = std::move(language);
  task.kind = workload::TaskKind::kCases;
  task.paths = {task.language == "python" ? "solution.py" : task.language == "cpp" ? "solution.cpp" : "solution.ts"};
  task.cases = std::move(cases);
  if (!reference.empty()) task.reference = {{task.paths.front(), std::move(reference)}};
  task.digest = digest_of(task);
  return task;
}

/// As HumanEval's: `prompt` begins the function that `test`'s check(candidate) calls.
inline workload::Task human_eval_task(std::string prompt, std::string entry, std::string test, std::string solution = {}) {
  workload::Task task;
  task.id = "HumanEval/x";
  task.language = "python";
  task.kind = workload::TaskKind::kPythonTest;
  task.paths = {"solution.py"};
  task.prefix = std::move(prompt);
  task.entry_point = std::move(entry);
  task.test = std::move(test) + "\n\ncheck(candidate)\n";
  if (!solution.empty()) task.reference = {{"solution.py", task.prefix + solution}};
  task.digest = digest_of(task);
  return task;
}

/// Little processor time and much wall time, so that a busy machine does not end what is tested for the former.
inline JudgeOptions quick_options() {
  JudgeOptions options;
  options.limits.cpu_s = 3;
  options.limits.wall_s = 240;
  return options;
}

inline Verdict judged(const workload::Task& task, const std::string& code, JudgeOptions options = quick_options()) {
  Judge judge(*sandbox_or_skip(), options);
  const std::vector<workload::CodeFile> files{{task.paths.front(), code}};
  return judge.judge(task, files);
}

inline void check_status(const Verdict& verdict, record::TaskStatus expected) {
  CHECK_MESSAGE(verdict.status == expected, "expected " << std::string(name_of(expected)) << ", got "
                                                        << std::string(name_of(verdict.status)) << ": " << verdict.detail);
}

}  // namespace qbench::quality::test
