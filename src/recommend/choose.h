#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recommend/predict.h"

namespace qbench::recommend {

/// What is wanted most.
enum class Preference {
  kBalanced,  ///< least time to working code: predicted time over the chance of success, that is, the time of all attempts until one works
  kQuality,   ///< most successes, then the higher quality score, then the shorter time
  kSpeed,     ///< least time
};
std::optional<Preference> preference_from_name(std::string_view name) noexcept;  ///< "balanced", "quality", "speed"
std::string_view name_of(Preference preference) noexcept;

/// A candidate with what is predicted of it, in the order of preference.
struct Ranked {
  std::size_t candidate = 0;          ///< into Evidence::candidates
  /// Constraints that its prediction breaks, each with the value: "ttft<500ms: predicted 812 ms"; the model's own context is one of them.
  std::vector<std::string> violated;
  bool can_win = false;               ///< holds all constraints and has what the preference orders by
  double win_ratio = 0;               ///< share of the resamples in which it is the choice; of a tie its part
};

struct Choice {
  std::vector<Ranked> ranked;        ///< those that hold all constraints first
  std::optional<double> confidence;  ///< win_ratio of the first; nothing when no candidate holds all constraints and can be ordered
  std::vector<std::string> reasons;  ///< why the first, from the numbers; or why none
  std::vector<std::string> caveats;  ///< what the numbers do not carry: few tasks, no quality, longer than measured, ...
  bool chosen() const { return confidence.has_value(); }
};

/// A candidate without a value that the preference or a constraint needs ranks behind those that have it and is never chosen; neither is
/// one whose model cannot hold prompt and predicted answer. Where no candidate was judged on tasks, success counts for nothing and a caveat
/// says so.
Choice choose(const Evidence& evidence, const Predictions& predictions, const std::vector<Constraint>& constraints, Preference preference);

}  // namespace qbench::recommend
