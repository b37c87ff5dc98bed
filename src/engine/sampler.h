#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "backend/sampling_params.h"
#include "base/random.h"

namespace qbench::engine {

using SamplingParams = backend::SamplingParams;

/// Throws Error{kUsage} naming the option and its range.
void validate(const SamplingParams& params);

/// What a sampler says that finds no id to pick: Error{kUsage} when no-repeat n-gram has banned all that were possible, else {kDevice}.
[[noreturn]] void throw_no_choice(bool banned, const SamplingParams& params);

/// Picks the next id of one sequence. Same seed, same logits, same ids, whatever the number of threads.
class Sampler {
 public:
  /// vocab: ids from here on are padding rows and never picked. history: the prompt.
  Sampler(const SamplingParams& params, std::int64_t vocab, std::span<const std::int32_t> history);
  /// logits: (>= vocab) float32, changed in place. The picked id joins the history. A logit that is no finite number (NaN, either
  /// infinity) is never picked. Error{kDevice} when none is finite, {kUsage} when no-repeat n-gram has banned all that were.
  std::int32_t next(std::span<float> logits);
  /// An id that was decided elsewhere joins the history as if it had been picked; nothing is drawn for it.
  void take(std::int32_t id);
  /// Of the picks from now on. Error{kUsage} as validate().
  void set_temperature(double temperature);

 private:
  struct Candidate {
    float logit;
    std::int32_t id;
    std::uint64_t weight;
  };
  static bool ranks_before(const Candidate& a, const Candidate& b);
  void apply_penalties(std::span<float> logits) const;
  /// True when it has banned an id that could have been picked.
  bool ban_repeated_ngrams(std::span<float> logits) const;
  void require_choice(std::span<const float> logits, bool banned) const;
  void gather_candidates(std::span<const float> logits);
  /// The candidate at `index` of the ranking; ranks as many as that takes.
  const Candidate& ranked(std::size_t index);
  std::uint64_t weight_of_all() const;
  void keep(std::size_t count);  ///< the first of the ranking
  std::int32_t draw(std::span<const float> logits);
  void remember(std::int32_t id);

  SamplingParams params_;
  std::int64_t vocab_;
  Random random_;
  std::vector<std::int32_t> history_;
  std::vector<std::int32_t> output_counts_;      // (vocab) times each id was generated
  std::vector<bool> is_seen_;                    // (vocab) in prompt or output
  std::vector<std::int32_t> seen_;               // distinct ids of prompt and output
  std::vector<Candidate> candidates_;
  std::size_t ranked_ = 0;                       ///< of them stand in front, in order
};

}  // namespace qbench::engine
