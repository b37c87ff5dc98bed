#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"

namespace qbench::engine {

/// Order of application: no-repeat n-gram, penalties, temperature, top-k, top-p, min-p, draw. The defaults change nothing; temperature 0 is greedy.
struct SamplingParams {
  double temperature = 0.0;          ///< 0: the largest logit, ties to the lower id
  int top_k = 0;                     ///< 0: off
  double top_p = 1.0;
  double min_p = 0.0;
  double repetition_penalty = 1.0;   ///< over prompt and output, as HF: logit > 0 divided, else multiplied
  double presence_penalty = 0.0;     ///< over the output
  double frequency_penalty = 0.0;    ///< over the output, times the count
  int no_repeat_ngram = 0;           ///< over prompt and output; 0: off
  std::uint64_t seed = 0;
};

/// Throws Error{kUsage} naming the option and its range.
void validate(const SamplingParams& params);

/// Picks the next id of one sequence. Same seed, same logits, same ids, whatever the number of threads.
class Sampler {
 public:
  /// vocab: ids from here on are padding rows and never picked. history: the prompt.
  Sampler(const SamplingParams& params, std::int64_t vocab, std::span<const std::int32_t> history);
  /// logits: (>= vocab) float32, changed in place. The picked id joins the history. A logit that is no finite number (NaN, either
  /// infinity) is never picked. Error{kDevice} when none is finite, {kUsage} when no-repeat n-gram has banned all that were.
  std::int32_t next(std::span<float> logits);

 private:
  void apply_penalties(std::span<float> logits) const;
  /// True when it has banned an id that could have been picked.
  bool ban_repeated_ngrams(std::span<float> logits) const;
  void require_choice(std::span<const float> logits, bool banned) const;
  std::int32_t draw(std::span<const float> logits);
  void remember(std::int32_t id);

  SamplingParams params_;
  std::int64_t vocab_;
  Random random_;
  std::vector<std::int32_t> history_;
  std::vector<std::int32_t> output_counts_;      // (vocab) times each id was generated
  std::vector<bool> is_seen_;                    // (vocab) in prompt or output
  std::vector<std::int32_t> seen_;               // distinct ids of prompt and output
  std::vector<std::pair<float, std::int32_t>> candidates_;
};

}  // namespace qbench::engine
