#include "stats/stopping.h"

#include <algorithm>
#include <numeric>

#include "stats/bootstrap.h"
#include "stats/summary.h"

namespace qbench::stats {

std::string_view name_of(StopReason reason) noexcept {
  switch (reason) {
    case StopReason::kFixed:
      return "fixed";
    case StopReason::kCi:
      return "ci";
    case StopReason::kMaxReps:
      return "max_reps";
    case StopReason::kMaxTime:
      return "max_time";
  }
  return "";
}

std::optional<StopReason> stop_now(const StoppingRule& rule, std::span<const double> durations, std::int64_t done, double elapsed_s) {
  if (rule.fixed > 0) return done >= rule.fixed ? std::optional(StopReason::kFixed) : std::nullopt;
  const auto n = static_cast<std::int64_t>(durations.size());
  if (n >= rule.min_reps) {
    const auto center = median(durations);
    const auto interval = bootstrap_median_interval(durations);
    const auto width = interval && center ? interval->half_width_ratio(*center) : std::nullopt;
    if (width && *width <= rule.target_ci_ratio) return StopReason::kCi;
  }
  if (done >= rule.max_reps) return StopReason::kMaxReps;
  if (n > 0 && elapsed_s >= rule.max_time_s) return StopReason::kMaxTime;
  return std::nullopt;
}

bool is_warm(std::span<const double> durations_s) {
  constexpr std::size_t kFewest = 2, kMost = 10, kAgreeing = 3;
  constexpr double kShortestS = 3, kLongestS = 30, kAgreement = 0.02;
  if (durations_s.size() < kFewest) return false;
  const double total = std::accumulate(durations_s.begin(), durations_s.end(), 0.0);
  if (durations_s.size() >= kMost || total >= kLongestS) return true;
  if (total < kShortestS || durations_s.size() < kAgreeing) return false;
  const auto last = durations_s.last(kAgreeing);
  const auto [least, most] = std::minmax_element(last.begin(), last.end());
  return *most <= *least * (1.0 + kAgreement);
}

}  // namespace qbench::stats
