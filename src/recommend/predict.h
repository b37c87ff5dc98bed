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

/// A value with its 95 % interval, over n measured values.
struct Estimate {
  double value = 0, low = 0, high = 0;
  std::int64_t n = 0;
};

/// What one request will take. Nothing where nothing was measured that it could follow from.
struct Prediction {
  double prompt_tokens = 0;
  bool prompt_tokens_measured = false;
  std::optional<Estimate> output_tokens, ttft_ms, decode_tok_per_s, e2e_ms, success_ratio, quality_score;
  std::optional<double> memory_bytes;
  std::optional<double> context_tokens;  ///< prompt and the upper end of the output
  bool success_of_like_tasks = false;    ///< success_ratio is over tasks of like complexity; else over all

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
/// length was measured); the time is TTFT + (n - 1) gaps. Intervals: percentiles of what resamples predict for one request, the scatter of
/// single values about the line included; of the success ratio Wilson's. Tasks count that are within 2 points of complexity, where there
/// are 10 such. Deterministic: the draws come from a fixed seed.
Predictions predict(const Evidence& evidence, const TaskNeeds& needs, std::int64_t resamples = 1000);

}  // namespace qbench::recommend
