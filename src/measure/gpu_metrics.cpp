#include "measure/gpu_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sysinfo/gpu_probe.h"

namespace qbench::measure {
namespace {

using record::MetricId;
using Column = record::GpuSeries::Column;

constexpr std::int64_t kShortestEnergyNs = 1'000'000'000;
constexpr double kClockMoved = 0.05;  ///< share of the highest clock

/// Mean of what is known, times `scale`, without the first entry: it is taken before the work begins, when the GPU may be idle.
std::optional<double> mean(const Column& column, double scale) {
  double sum = 0;
  std::int64_t count = 0;
  for (std::size_t i = 1; i < column.size(); ++i) {
    const auto& value = column[i];
    if (!value) continue;
    sum += static_cast<double>(*value);
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count) * scale;
}

std::optional<double> largest(const Column& column) {
  std::optional<double> most;
  for (const auto& value : column) {
    if (value) most = std::max(most.value_or(static_cast<double>(*value)), static_cast<double>(*value));
  }
  return most;
}

struct Throttling {
  std::int64_t known = 0, throttled = 0, reasons = 0;
  void add(const Column& column) {
    for (const auto& bits : column) {
      if (!bits) continue;
      ++known;
      if (!sysinfo::is_throttled(*bits)) continue;
      ++throttled;
      reasons |= *bits;
    }
  }
};

/// What the energy counter advanced over windows of work, and what was made of it.
struct EnergyWindow {
  std::int64_t energy_mj = 0, time_ns = 0, tokens = 0;
  bool known = true;
  void add(const record::TelemetrySeries& telemetry, std::int64_t output_tokens) {
    known = known && telemetry.gpu && telemetry.gpu->energy_mj && telemetry.time_ns.size() > 1;
    if (!known) return;
    energy_mj += *telemetry.gpu->energy_mj;
    time_ns += telemetry.time_ns.back() - telemetry.time_ns.front();
    tokens += output_tokens;
  }
  std::optional<double> joules_per_token() const {
    if (!known || time_ns < kShortestEnergyNs || tokens <= 0) return std::nullopt;
    return static_cast<double>(energy_mj) / 1e3 / static_cast<double>(tokens);
  }
};

}  // namespace

void add_gpu_metrics(const record::TelemetrySeries& telemetry, std::int64_t output_tokens, record::MetricValues& metrics) {
  if (!telemetry.gpu) return;
  const record::GpuSeries& gpu = *telemetry.gpu;
  metrics[MetricId::kGpuUseRatio] = mean(gpu.utilization_percent, 0.01);
  metrics[MetricId::kGpuSmClockMhz] = mean(gpu.sm_clock_mhz, 1.0);
  metrics[MetricId::kGpuMemoryClockMhz] = mean(gpu.memory_clock_mhz, 1.0);
  metrics[MetricId::kGpuPowerW] = mean(gpu.power_mw, 1e-3);
  metrics[MetricId::kGpuTemperatureC] = largest(gpu.temperature_c);
  metrics[MetricId::kGpuUsedBytes] = largest(gpu.used_bytes);
  Throttling throttling;
  throttling.add(gpu.clock_reasons);
  if (throttling.known > 0)
    metrics[MetricId::kGpuThrottleRatio] = static_cast<double>(throttling.throttled) / static_cast<double>(throttling.known);
  EnergyWindow window;
  window.add(telemetry, output_tokens);
  metrics[MetricId::kEnergyJPerToken] = window.joules_per_token();
}

std::optional<double> pooled_joules_per_token(std::span<const record::SampleRecord* const> timed) {
  EnergyWindow all;
  for (const record::SampleRecord* sample : timed) {
    std::int64_t tokens = 0;
    for (const record::SequenceRecord& sequence : sample->sequences) tokens += static_cast<std::int64_t>(sequence.token_ns.size());
    all.add(sample->telemetry, tokens);
  }
  return all.joules_per_token();
}

std::string gpu_disturbances(std::span<const record::SampleRecord* const> timed) {
  Throttling throttling;
  std::optional<std::int64_t> slowest, fastest;
  for (const record::SampleRecord* sample : timed) {
    if (!sample->telemetry.gpu) continue;
    const record::GpuSeries& gpu = *sample->telemetry.gpu;
    throttling.add(gpu.clock_reasons);
    // The first entry is taken before the work begins: the clock may still be the idle one.
    for (std::size_t i = 1; i < gpu.sm_clock_mhz.size(); ++i) {
      const auto clock = gpu.sm_clock_mhz[i];
      if (!clock) continue;
      slowest = std::min(slowest.value_or(*clock), *clock);
      fastest = std::max(fastest.value_or(*clock), *clock);
    }
  }
  std::string text;
  if (throttling.throttled > 0) {
    text = fmt::format("the GPU was throttled in {} of {} samples ({})", throttling.throttled, throttling.known,
                       sysinfo::describe_throttling(throttling.reasons));
  }
  if (slowest && static_cast<double>(*fastest - *slowest) > kClockMoved * static_cast<double>(*fastest)) {
    text += fmt::format("{}its SM clock moved between {} and {} MHz", text.empty() ? "the GPU: " : "; ", *slowest, *fastest);
  }
  return text;
}

}  // namespace qbench::measure
