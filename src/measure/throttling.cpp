#include "measure/throttling.h"

#include <algorithm>
#include <map>
#include <optional>

#include "stats/summary.h"
#include "sysinfo/gpu_probe.h"

namespace qbench::measure {
namespace {

constexpr double kThrottledShare = 0.1;
constexpr double kSlowClock = 0.9;

bool has_reason(const record::GpuSeries& gpu) {
  std::size_t known = 0, lowered = 0;
  for (const auto& bits : gpu.clock_reasons) {
    if (!bits) continue;
    ++known;
    lowered += sysinfo::is_throttled(*bits) ? 1 : 0;
  }
  return lowered > 0 && static_cast<double>(lowered) >= kThrottledShare * static_cast<double>(known);
}

/// Mean SM clock of a repetition. The first entry is taken before the work begins and left out: the clock may still be the idle one.
std::optional<double> mean_clock(const record::SampleRecord& sample) {
  if (!sample.telemetry.gpu) return std::nullopt;
  double sum = 0;
  std::size_t count = 0;
  const auto& clocks = sample.telemetry.gpu->sm_clock_mhz;
  for (std::size_t i = 1; i < clocks.size(); ++i) {
    if (!clocks[i]) continue;
    sum += static_cast<double>(*clocks[i]);
    ++count;
  }
  return count > 0 ? std::optional(sum / static_cast<double>(count)) : std::nullopt;
}

}  // namespace

std::vector<bool> throttled_samples(std::span<const record::SampleRecord* const> session) {
  std::vector<double> clocks;
  for (const record::SampleRecord* sample : session) {
    if (const auto clock = mean_clock(*sample)) clocks.push_back(*clock);
  }
  const std::optional<double> usual = stats::median(clocks);
  std::vector<bool> throttled;
  for (const record::SampleRecord* sample : session) {
    const auto clock = mean_clock(*sample);
    const bool is_slow = clock && usual && *clock < kSlowClock * *usual;
    throttled.push_back(is_slow || (sample->telemetry.gpu && has_reason(*sample->telemetry.gpu)));
  }
  return throttled;
}

KeptSamples keep_unthrottled(std::span<const record::SampleRecord* const> timed) {
  std::map<std::int64_t, std::vector<const record::SampleRecord*>> sessions;
  for (const record::SampleRecord* sample : timed) sessions[sample->session].push_back(sample);
  std::vector<const record::SampleRecord*> lowered;
  for (const auto& [session, samples] : sessions) {
    const std::vector<bool> throttled = throttled_samples(samples);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (throttled[i]) lowered.push_back(samples[i]);
    }
  }
  KeptSamples result;
  result.throttled = lowered.size();
  const bool leave_out = static_cast<double>(lowered.size()) <= kMostDiscardedRatio * static_cast<double>(timed.size());
  for (const record::SampleRecord* sample : timed) {
    const bool is_lowered = std::find(lowered.begin(), lowered.end(), sample) != lowered.end();
    if (!leave_out || !is_lowered) result.kept.push_back(sample);
  }
  result.discarded = timed.size() - result.kept.size();
  return result;
}

}  // namespace qbench::measure
