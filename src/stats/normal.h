#pragma once

namespace qbench::stats {

/// 0.975 quantile of the standard normal distribution: half a 95 % interval, in deviations.
inline constexpr double kNormal975 = 1.959963984540054;

}  // namespace qbench::stats
