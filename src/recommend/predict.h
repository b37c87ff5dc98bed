#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "recommend/complexity.h"
#include "recommend/constraints.h"
#include "recommend/evidence.h"

namespace qbench::recommend {

/// What is asked of a model.
struct TaskNeeds {
  std::string digest;                   ///< Prompt::digest
  double prompt_tokens = 0;             ///< estimate, for candidates that have not seen the prompt
  std::optional<double> output_tokens;  ///< given by the user; else what the model wrote for prompts of like complexity
  Complexity complexity;
};

/// A value with its 95 % interval, over n measured values. Fewer than three tell no interval (of a TTFT
/// that follows from prompts of several lengths fewer than four): nothing then.
struct Estimate {
  double value = 0;
  std::optional<double> low, high;  ///< both or none
  std::int64_t n = 0;
  bool holds(double measured) const { return low && measured >= *low && measured <= *high; }
};

/// What one request will take. Nothing where nothing was measured that it could follow from.
struct Prediction {
  double prompt_tokens = 0;
  bool prompt_tokens_measured = false;
  std::optional<Estimate> output_tokens, ttft_ms, decode_tok_per_s, e2e_ms, success_ratio, quality_score;
  std::optional<double> memory_bytes;
  std::optional<double> context_tokens;  ///< prompt and the upper end of the output, whose last token takes no position
  bool success_of_like_tasks = false;    ///< success_ratio is over tasks of like complexity; else over all
  bool success_of_same_tasks = true;     ///< over tasks that all judged candidates had; else over those that each one had

  /// The value a constraint speaks of.
  std::optional<double> value(Quantity quantity) const;
};

/// One resample of the measured sessions and tasks: what would have been predicted from it.
struct Draw {
  std::optional<double> ttft_ms, e2e_ms, decode_tok_per_s, output_tokens, success_ratio, quality_score;
};

struct Predictions {
  std::vector<Prediction> of;            ///< beside Evidence::candidates
  std::vector<std::vector<Draw>> draws;  ///< [resample][candidate]; tasks are drawn alike for all candidates, sessions for each on its own
};

/// TTFT is a line through the measured (prompt tokens, TTFT) by Theil and Sen, its slope not below 0 (through the origin where only one
/// length was measured, or where it would begin below 0); the time is TTFT + (n - 1) gaps, or n over the rate of whole answers where a
/// table has no more. Tasks count that are within 2 points of complexity, where there are 10 such, and that all judged candidates had,
/// where there are 10 such. A resample draws as many sessions as there are, and of each as many points as it has. Intervals are percentiles
/// of what the resamples predict for one further request, which scatters as the measured ones do (predictive.h); of the success ratio it is
/// Wilson's. Deterministic: the draws come from a fixed seed.
Predictions predict(const Evidence& evidence, const TaskNeeds& needs, std::int64_t resamples = 1000);

}  // namespace qbench::recommend
