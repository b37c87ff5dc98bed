#include "measure/telemetry.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "sysinfo/gpu_probe.h"
#include "sysinfo/process.h"

namespace qbench::measure {

struct Telemetry::State {
  struct Entry {
    std::int64_t time_ns, rss_bytes, cpu_ns;
  };

  explicit State(const Options& o) : options(o), probe(o.roots), gpu(sysinfo::GpuProbe::open(o.gpu, o.nvml_library)) {
    if (gpu) gpu_entries.resize(options.capacity);
    entries.resize(options.capacity);  // touched here, so that the sampling thread meets no page fault
  }

  void take() {
    const auto rss = probe.rss_bytes();
    if (!rss) return;
    if (count == entries.size()) {
      ++dropped;
      return;
    }
    if (gpu) gpu_entries[count] = gpu->read();
    entries[count++] = {now_ns(), *rss, sysinfo::process_cpu_time_ns()};
  }

  void loop() {
    std::unique_lock lock(mutex);
    auto next = std::chrono::steady_clock::now();
    do {
      // A late entry does not make the following ones come in a burst.
      next = std::max(next + std::chrono::nanoseconds(options.interval_ns), std::chrono::steady_clock::now());
      wake.wait_until(lock, next, [this] { return stopping; });
      take();  // the last one too, when stopping
    } while (!stopping);
  }

  /// Nothing where the counter ran backwards, too: the driver was loaded anew.
  std::optional<std::int64_t> energy_advance_mj() const {
    const std::optional<std::int64_t> end_mj = gpu->energy_mj();
    if (!energy_start_mj || !end_mj || *end_mj < *energy_start_mj) return std::nullopt;
    return *end_mj - *energy_start_mj;
  }

  record::GpuSeries gpu_series() const {
    record::GpuSeries series;
    series.energy_mj = energy_advance_mj();
    for (std::size_t i = 0; i < count; ++i) {
      const sysinfo::GpuReading& reading = gpu_entries[i];
      series.utilization_percent.push_back(reading.utilization_percent);
      series.sm_clock_mhz.push_back(reading.sm_clock_mhz);
      series.memory_clock_mhz.push_back(reading.memory_clock_mhz);
      series.power_mw.push_back(reading.power_mw);
      series.temperature_c.push_back(reading.temperature_c);
      series.used_bytes.push_back(reading.used_bytes);
      series.clock_reasons.push_back(reading.clock_reasons);
    }
    return series;
  }

  Options options;
  sysinfo::ProcessProbe probe;
  std::unique_ptr<sysinfo::GpuProbe> gpu;  ///< nullptr without one
  std::optional<std::int64_t> energy_start_mj;
  std::vector<Entry> entries;
  std::vector<sysinfo::GpuReading> gpu_entries;  ///< beside entries, where there is a GPU
  std::size_t count = 0;
  std::int64_t dropped = 0;
  bool stopping = false;
  std::mutex mutex;
  std::condition_variable wake;
  std::thread thread;

  void join() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    wake.notify_one();
    thread.join();
  }
};

Telemetry::Telemetry(const Options& options) : state_(std::make_unique<State>(options)) {}

Telemetry::~Telemetry() {
  if (state_->thread.joinable()) state_->join();
}

bool Telemetry::running() const { return state_->thread.joinable(); }

void Telemetry::start() {
  QB_CHECK(!running());
  state_->count = 0;
  state_->dropped = 0;
  state_->stopping = false;
  if (state_->gpu) state_->energy_start_mj = state_->gpu->energy_mj();
  state_->take();
  state_->thread = std::thread([state = state_.get()] { state->loop(); });
}

record::TelemetrySeries Telemetry::stop(std::int64_t t0_ns) {
  QB_CHECK(running());
  state_->join();
  record::TelemetrySeries series;
  if (state_->gpu) series.gpu = state_->gpu_series();
  series.interval_ns = state_->options.interval_ns;
  series.dropped = state_->dropped;
  for (std::size_t i = 0; i < state_->count; ++i) {
    const State::Entry& entry = state_->entries[i];
    series.time_ns.push_back(entry.time_ns - t0_ns);
    series.rss_bytes.push_back(entry.rss_bytes);
    series.cpu_time_ns.push_back(entry.cpu_ns - state_->entries.front().cpu_ns);
  }
  return series;
}

std::optional<double> mean_cpu_cores(const record::TelemetrySeries& series) {
  if (series.time_ns.size() < 2 || series.time_ns.back() <= series.time_ns.front()) return std::nullopt;
  return static_cast<double>(series.cpu_time_ns.back() - series.cpu_time_ns.front()) /
         static_cast<double>(series.time_ns.back() - series.time_ns.front());
}

}  // namespace qbench::measure
