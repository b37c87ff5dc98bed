#pragma once

namespace qbench::run {

/// What measuring a decoding costs beside the decoding: processor time of the whole process, by the kernel's clock.
struct HarnessOverhead {
  double ns_per_token = 0;      ///< one stamp, and handing the token to the thread that tells how far the request is
  double telemetry_us = 0;      ///< one entry of the telemetry, every 100 ms
  /// Of the time of a token that takes so long.
  double ratio(double ns_of_token) const;
};

/// Measures it with the classes that `run` uses; takes about two seconds, most of which it sleeps.
HarnessOverhead measure_harness_overhead();

}  // namespace qbench::run
