#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quality/rating/rating.h"
#include "record/records.h"
#include "sandbox/sandbox.h"
#include "workload/task.h"

/// Judges tasks of TaskKind::kChecks: a web service is read, and started where that can be done.
namespace qbench::quality {

enum class CheckResult : std::uint8_t { kPassed, kFailed, kUnknown };

struct Check {
  std::string name;  ///< "model loaded once"
  CheckResult result = CheckResult::kUnknown;
  std::string evidence;  ///< one line with line numbers: why
};

/// What the score of an answer that fails this check cannot rise above: 4.9 where it does not do what it should (also for a name that is no
/// check's), 6.9 where it does and misbehaves, 8.4 where a good practice is missing.
double score_limit_of_check(std::string_view name);

struct CheckReport {
  record::TaskStatus status = record::TaskStatus::kHarnessError;
  double seconds = 0;         ///< processor time of the started service; 0 where it was not started
  std::string detail;         ///< the gravest failed check, or "7 of 7 checks, the service was not started: ..."
  std::string first_failure;  ///< "input validated: ..."; empty when none failed
  std::vector<Check> checks;
  std::vector<ToolUse> tools;
  std::int64_t passed() const;
  Correctness correctness() const;
};

/// Checks a FastAPI answer (`task.checks` names what is wanted, see prompts/README.md). Whatever the machine lacks makes a check unknown,
/// never failed. kHarnessError only where nothing could be checked at all.
CheckReport check_web_service(const sandbox::Sandbox& sandbox, const RaterOptions& options, const workload::Task& task,
                              std::span<const workload::CodeFile> code);

}  // namespace qbench::quality
