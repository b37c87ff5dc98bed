#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace qbench::stats {

/// When enough has been measured.
struct StoppingRule {
  std::int64_t fixed = 0;  ///< above 0: as many repetitions, whatever they show
  std::int64_t min_reps = 6, max_reps = 30;
  double max_time_s = 120;         ///< of the measured repetitions
  double target_ci_ratio = 0.01;  ///< half-width of the median's 95 % bootstrap interval over the median
};

enum class StopReason { kFixed, kCi, kMaxReps, kMaxTime };
std::string_view name_of(StopReason reason) noexcept;  ///< "fixed", "ci", "max_reps", "max_time"

/// The rule that ends the repetitions now, or nothing: go on. `durations`: of the repetitions that count; `done`: of all, those left out included;
/// `elapsed_s`: time since the first began. At least one repetition that counts is always measured, unless max_reps are done.
std::optional<StopReason> stop_now(const StoppingRule& rule, std::span<const double> durations, std::int64_t done, double elapsed_s);

/// Warm-up until stable: at least two requests and three seconds, until the last three agree within 2 %; at most ten, and none after thirty seconds.
/// `durations_s`: of the warm-up requests so far, in order.
bool is_warm(std::span<const double> durations_s);

}  // namespace qbench::stats
