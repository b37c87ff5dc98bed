#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "record/records.h"
#include "sandbox/sandbox.h"
#include "workload/task.h"

namespace qbench::quality {

/// What became of one answer.
struct Verdict {
  record::TaskStatus status = record::TaskStatus::kHarnessError;
  double seconds = 0;  ///< processor time of the judged run
  std::string detail;  ///< one line: which case, which exception, expected and actual
  std::int64_t cases_passed = 0, cases_total = 0;
  bool judged_inside = false;  ///< the tests ran in the candidate's process: weaker, and said in every row
};

struct JudgeOptions {
  sandbox::Limits limits;  ///< most that a candidate may have; the processor time is lowered by calibration
  bool calibrate = true;   ///< run the reference first, and allow max(2 s, 10 times its processor time)
};

/// Judges answers to tasks. Keeps the calibration of each task; safe to use from several threads at once.
class Judge {
 public:
  Judge(const sandbox::Sandbox& sandbox, JudgeOptions options);
  ~Judge();
  /// Judges the code. Whatever goes wrong on qbench's or the machine's side (a missing interpreter, a reference that fails) is
  /// kHarnessError.
  Verdict judge(const workload::Task& task, std::span<const workload::CodeFile> code);
  /// Extracts the code of a chatty answer and judges it.
  Verdict judge_answer(const workload::Task& task, const std::string& answer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace qbench::quality
