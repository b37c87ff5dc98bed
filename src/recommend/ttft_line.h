#pragma once

#include <vector>

#include "recommend/evidence.h"

namespace qbench::recommend {

/// Time to the first token as a line over the prompt's length.
struct TtftLine {
  double base_ms = 0, ms_per_token = 0;
  double at(double prompt_tokens) const { return base_ms + ms_per_token * prompt_tokens; }
  /// How far a measured point lies from the line, over the line's value there; 0 where that is 0.
  double relative_residual(const SpeedPoint& point) const;
};

/// Theil and Sen: the median of the slopes between points of different lengths (not below 0), then the median of what is left. Where that
/// is below 0, as where prefill grows faster than the prompt, the line through the origin with the median of TTFT over tokens: with the
/// steeper slope it would lie above the points. With one length only, a line from `base_ms` on (at most the TTFT): prefill grows with the
/// prompt. `points` is not empty.
TtftLine fit_ttft(const std::vector<SpeedPoint>& points, double base_ms = 0);

}  // namespace qbench::recommend
