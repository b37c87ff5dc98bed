#include "measure/gpu_metrics.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "base/clock.h"
#include "measure/telemetry.h"

using namespace qbench;
using record::MetricId;

namespace {

record::TelemetrySeries series(std::int64_t length_ns) {
  record::TelemetrySeries telemetry;
  telemetry.time_ns = {-1'000'000, length_ns / 2, length_ns - 1'000'000};
  telemetry.rss_bytes = telemetry.cpu_time_ns = {1, 1, 1};
  telemetry.gpu = record::GpuSeries{.utilization_percent = {0, 90, std::nullopt},
                                    .sm_clock_mhz = {210, 1980, 1200},
                                    .memory_clock_mhz = {2619, 2619, 2619},
                                    .power_mw = {100'000, 500'000, 600'000},
                                    .temperature_c = {40, 60, 61},
                                    .used_bytes = {5, 7, 6},
                                    .clock_reasons = {1, 0, 4},
                                    .energy_mj = 64'000};
  return telemetry;
}

}  // namespace

TEST_CASE("GPU telemetry becomes means, largest values and joules by the energy counter") {
  record::MetricValues metrics;
  measure::add_gpu_metrics(series(2'000'000'000), 128, metrics);
  CHECK(metrics[MetricId::kGpuUseRatio] == doctest::Approx(0.9));  // the idle entry before the work is no part of a mean
  CHECK(metrics[MetricId::kGpuSmClockMhz] == doctest::Approx(1590));
  CHECK(metrics[MetricId::kGpuPowerW] == doctest::Approx(550));
  CHECK(metrics[MetricId::kGpuTemperatureC] == 61);
  CHECK(metrics[MetricId::kGpuUsedBytes] == 7);
  CHECK(metrics[MetricId::kGpuThrottleRatio] == doctest::Approx(1.0 / 3));
  CHECK(metrics[MetricId::kEnergyJPerToken] == doctest::Approx(0.5));
}

TEST_CASE("joules per token stay empty below a second, without a counter, without tokens and without a GPU") {
  record::MetricValues metrics;
  measure::add_gpu_metrics(series(900'000'000), 128, metrics);
  CHECK_FALSE(metrics[MetricId::kEnergyJPerToken]);
  CHECK(metrics[MetricId::kGpuPowerW]);
  record::TelemetrySeries no_counter = series(2'000'000'000);
  no_counter.gpu->energy_mj.reset();
  metrics = {};
  measure::add_gpu_metrics(no_counter, 128, metrics);
  CHECK_FALSE(metrics[MetricId::kEnergyJPerToken]);
  metrics = {};
  measure::add_gpu_metrics(series(2'000'000'000), 0, metrics);
  CHECK_FALSE(metrics[MetricId::kEnergyJPerToken]);
  metrics = {};
  measure::add_gpu_metrics({}, 128, metrics);
  CHECK_FALSE(metrics[MetricId::kGpuPowerW]);
}

TEST_CASE("a cell's joules per token are the counter's advance over all timed repetitions by all their tokens") {
  record::SampleRecord sample;
  sample.telemetry = series(400'000'000);
  sample.sequences.resize(2);
  for (auto& sequence : sample.sequences) sequence.token_ns.assign(50, 1);
  const record::SampleRecord* three[] = {&sample, &sample, &sample};
  CHECK(measure::pooled_joules_per_token(three).value() == doctest::Approx(0.64));
  CHECK_FALSE(measure::pooled_joules_per_token(std::span(three).first(2)));  // 0.8 s together
  record::SampleRecord other = sample;
  other.telemetry.gpu->energy_mj.reset();
  const record::SampleRecord* one_without[] = {&sample, &sample, &sample, &other};
  CHECK_FALSE(measure::pooled_joules_per_token(one_without));
  CHECK_FALSE(measure::pooled_joules_per_token({}));
}

TEST_CASE("throttling and a clock that moved are named, the idle clock before the work is not") {
  record::SampleRecord sample;
  sample.telemetry = series(2'000'000'000);
  const record::SampleRecord* one[] = {&sample};
  CHECK(measure::gpu_disturbances(one) == "the GPU was throttled in 1 of 3 samples (power cap); its SM clock moved between 1200 and 1980 MHz");
  sample.telemetry.gpu->clock_reasons = {1, 0, 2};
  sample.telemetry.gpu->sm_clock_mhz = {210, 1980, 1935};
  CHECK(measure::gpu_disturbances(one).empty());
  sample.telemetry.gpu.reset();
  CHECK(measure::gpu_disturbances(one).empty());
}

TEST_CASE("telemetry samples the GPU at its PCI place beside the process") {
  measure::Telemetry::Options options;
  options.interval_ns = 2'000'000;
  options.capacity = 50;
  options.gpu = "0000:5e:00.0";
  options.nvml_library = QB_FAKE_NVML;
  measure::Telemetry telemetry(options);
  telemetry.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const record::TelemetrySeries taken = telemetry.stop(now_ns());
  REQUIRE(taken.gpu);
  CHECK(taken.gpu->power_mw.size() == taken.time_ns.size());
  CHECK(taken.gpu->power_mw.front() == 350'000);
  CHECK_FALSE(taken.gpu->temperature_c.front());
  CHECK(taken.gpu->energy_mj == 500'000);
  options.gpu = "0000:77:00.0";
  measure::Telemetry elsewhere(options);
  elsewhere.start();
  CHECK_FALSE(elsewhere.stop(now_ns()).gpu);
}
