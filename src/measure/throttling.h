#pragma once

#include <span>
#include <string>
#include <vector>

#include "record/records.h"

namespace qbench::measure {

/// Most of a cell's timed repetitions that may be left out.
inline constexpr double kMostDiscardedRatio = 0.2;

/// Which repetitions of one session ran at lowered clocks, as far as their GPU telemetry shows it: at least a tenth of its entries, and one, have a
/// reason of sysinfo::is_throttled, or the mean SM clock is below nine tenths of the median of the session's. Without telemetry none did.
std::vector<bool> throttled_samples(std::span<const record::SampleRecord* const> session);

/// What the statistics of a cell are over.
struct KeptSamples {
  std::vector<const record::SampleRecord*> kept;  ///< in the given order; never empty where the input is not
  std::size_t discarded = 0;
  std::size_t throttled = 0;  ///< discarded, or kept because there are too many of them
  bool too_many() const { return throttled > discarded; }
};

/// Leaves out the throttled repetitions of all sessions, unless they are more than kMostDiscardedRatio of them.
KeptSamples keep_unthrottled(std::span<const record::SampleRecord* const> timed);

}  // namespace qbench::measure
