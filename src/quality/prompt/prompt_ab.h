#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "record/records.h"
#include "stats/bootstrap.h"

/// Two prompts for the same tasks, compared in pairs: one pair is one task and one sample, with the same seed for both.
namespace qbench::quality {

/// One answer to one of the two prompts.
struct AbAnswer {
  record::TaskStatus status = record::TaskStatus::kHarnessError;
  std::int64_t prompt_tokens = 0, output_tokens = 0;
  double seconds = 0.0;  ///< from rendering the prompt to the last token
  bool passed() const { return status == record::TaskStatus::kPass; }
};

struct AbPair {
  std::string task_id;
  std::int64_t sample = 0;
  AbAnswer a, b;
};

/// One quantity over the pairs: medians, and the median over the units (see AbResult) of B / A with its 95 % sign-test interval (nothing
/// below six units).
struct AbQuantity {
  double a = 0.0, b = 0.0;
  std::optional<double> ratio;
  std::optional<stats::Interval> interval;
};

enum class AbVerdict { kA, kB, kUndecided };
std::string_view name_of(AbVerdict verdict) noexcept;  ///< "A", "B", "undecided"

/// Samples of one task are alike: where there are several tasks, each is one unit of the tests, with all of its samples; where there is
/// one, its samples are the units, and what is found holds for this task.
struct AbResult {
  std::int64_t pairs = 0;     ///< compared
  std::int64_t tasks = 0;     ///< that they are of
  std::int64_t left_out = 0;  ///< where either answer could not be judged (harness_error)
  std::int64_t a_passed = 0, b_passed = 0;
  std::int64_t only_a = 0, only_b = 0;  ///< pairs that disagree
  std::int64_t better_a = 0,
               better_b = 0;  ///< units in which one prompt passes more often; with one sample a task these are the pairs that disagree
  double mcnemar_p = 1.0;     ///< exact, of better_a against better_b
  AbQuantity prompt_tokens, output_tokens, total_tokens, seconds, tokens_per_s;  ///< tokens_per_s: output tokens / seconds
  AbVerdict verdict = AbVerdict::kUndecided;
  std::string reason;
};

/// The verdict: the prompt with more passes where McNemar's exact p is below 0.05; else the one that takes fewer tokens (prompt and
/// output), where the interval of their ratio excludes 1 and any answer passed; else undecided. Times are reported and decide nothing: they
/// depend on the machine.
AbResult compare_prompts(std::span<const AbPair> pairs);

}  // namespace qbench::quality
