#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/draw_weight.h"

namespace qbench::backend {

/// How the next token is chosen, in this order:
///   no-repeat n-gram, penalties        the logits of ids that were seen change
///   temperature                        x = (logit - largest) * inverse_temperature, in float32; 0 is greedy: the largest logit
///   candidates                         ids ranked by logit, ties by the lower id, with weight draw_weight(x); those of weight 0 are
///   dropped top-k                              the first k candidates top-p                              the fewest of these, in order,
///   whose weights reach p of their sum min-p                              those of these with at least min_p of the largest weight draw
///   the first whose running sum passes random_below(random_value(random_key(seed), n), sum) in draw n
/// Weights are integers (base/draw_weight.h), so every device draws the same token. The defaults change nothing.
struct SamplingParams {
  double temperature = 0.0;  ///< 0: the largest logit, ties to the lower id
  int top_k = 0;             ///< 0: off
  double top_p = 1.0;
  double min_p = 0.0;
  double repetition_penalty = 1.0;  ///< over prompt and output, as HF: logit > 0 divided, else multiplied
  double presence_penalty = 0.0;    ///< over the output
  double frequency_penalty = 0.0;   ///< over the output, times the count
  int no_repeat_ngram = 0;          ///< over prompt and output; 0: off
  std::uint64_t seed = 0;

  bool penalizes() const noexcept { return repetition_penalty != 1.0 || presence_penalty != 0.0 || frequency_penalty != 0.0; }
  /// Finite: 0 times it is 0 for the largest logit, however small the temperature.
  float inverse_temperature() const noexcept {
    return static_cast<float>(std::min(1.0 / temperature, static_cast<double>(std::numeric_limits<float>::max())));
  }
  std::uint64_t smallest_weight() const noexcept {
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(min_p * static_cast<double>(kDrawUnit))));
  }
  bool operator==(const SamplingParams&) const = default;
};

}  // namespace qbench::backend
