#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quality/judge/toolchain.h"
#include "record/records.h"
#include "sandbox/sandbox.h"
#include "workload/task.h"

namespace qbench::quality {

/// What became of one answer.
struct Verdict {
  record::TaskStatus status = record::TaskStatus::kHarnessError;
  double seconds = 0;       ///< processor time of the judged run, without compilers
  double test_seconds = 0;  ///< and of the suite's own Python test beside it
  std::string detail;       ///< one line: which case, which exception, expected and actual
  std::int64_t cases_passed = 0, cases_total = 0;
  /// SHA-256 over what came back for each input, so that equal ones behaved equally: values, exceptions' classes, output; where the suite's
  /// own test runs, its outcome. Empty for kHarnessError.
  std::string behaviour;
  bool judged_inside = false;  ///< the tests ran in the candidate's process: weaker, and said in every row
};

struct JudgeOptions {
  sandbox::Limits limits;  ///< most that a candidate may have; the processor time is lowered by calibration
  bool calibrate = true;   ///< run the reference first: 10 times its processor time, at least 2 s; 3 times where that is beyond `limits`
  Toolchain tools;
};

/// Judges answers to tasks. The tests are outside: what a case expects never enters the candidate's sandbox, values come back as data, and
/// qbench compares. A suite's own Python test runs in a second sandbox and calls the candidate through qbench. Right values are right
/// however they were made; nothing else passes. Keeps the calibration of each task; safe to use from several threads at once.
class Judge {
 public:
  Judge(const sandbox::Sandbox& sandbox, JudgeOptions options);
  ~Judge();
  /// Judges the code. Whatever goes wrong on qbench's or the machine's side (a missing interpreter, a task without tests, a reference that
  /// fails, tests that an empty program passes) is kHarnessError.
  Verdict judge(const workload::Task& task, std::span<const workload::CodeFile> code);
  /// Extracts the code of a chatty answer and judges it.
  Verdict judge_answer(const workload::Task& task, const std::string& answer);
  /// Judges the task's reference, which calibrates the task. A task without reference is kHarnessError.
  Verdict judge_reference(const workload::Task& task);
  /// Judges code that need not be right: a wrong variant, an empty program. As judge(), but a reference that fails is no matter.
  Verdict judge_variant(const workload::Task& task, std::span<const workload::CodeFile> code);
  const Toolchain& tools() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qbench::quality
