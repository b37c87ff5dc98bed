#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/environment.h"
#include "record/records.h"
#include "sysinfo/roots.h"

namespace qbench::measure {

/// Samples resident memory and processor use of this process, and the GPU it computes on, every interval on a thread of its own, into memory allocated before the start:
/// nothing is written or allocated while it runs. Stops when the object goes.
class Telemetry {
 public:
  struct Options {
    std::int64_t interval_ns = 100'000'000;
    std::size_t capacity = 36'000;  ///< entries: one hour at 100 ms; further ones are counted as dropped
    sysinfo::Roots roots = {};
    std::string gpu = {};  ///< PCI bus id of the GPU that computes; empty without one
    std::string nvml_library = qbench::nvml_library();
  };

  Telemetry() : Telemetry(Options{}) {}
  explicit Telemetry(const Options& options);
  ~Telemetry();
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;

  /// Begins a new series; the first entry is taken at once. QB_CHECK: not running.
  void start();
  /// Takes a last entry, stops the thread and returns the series with times after t0_ns (a now_ns() value). QB_CHECK: running.
  record::TelemetrySeries stop(std::int64_t t0_ns);
  bool running() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Processor time used between the first and the last entry over the time between them: mean cores busy. Nothing with fewer than two
/// entries.
std::optional<double> mean_cpu_cores(const record::TelemetrySeries& series);

}  // namespace qbench::measure
