#include "report/sparkline.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"

namespace qbench::report {
namespace {

constexpr int kLevels = 8;

/// The mean of each of at most `width` stretches; nothing where a stretch has no value.
std::vector<std::optional<double>> stretches(std::span<const std::optional<double>> values, std::size_t width) {
  const std::size_t n = std::min(values.size(), width);
  std::vector<std::optional<double>> means;
  for (std::size_t i = 0; i < n; ++i) {
    double sum = 0;
    int count = 0;
    for (const auto& value : values.subspan(i * values.size() / n, (i + 1) * values.size() / n - i * values.size() / n)) {
      if (!value || !std::isfinite(*value)) continue;
      sum += *value;
      ++count;
    }
    means.push_back(count > 0 ? std::optional(sum / count) : std::nullopt);
  }
  return means;
}

}  // namespace

std::string sparkline(std::span<const std::optional<double>> values, std::size_t width) {
  QB_CHECK(width > 0);
  const auto means = stretches(values, width);
  std::optional<double> least, most;
  for (const auto& mean : means) {
    if (!mean) continue;
    least = std::min(least.value_or(*mean), *mean);
    most = std::max(most.value_or(*mean), *mean);
  }
  if (!least) return {};
  std::string out;
  for (const auto& mean : means) {
    if (!mean) {
      out += ' ';
      continue;
    }
    const double share = *most > *least ? (*mean - *least) / (*most - *least) : 0.5;
    out += "\xE2\x96";
    out += static_cast<char>(0x81 + std::min(kLevels - 1, static_cast<int>(share * kLevels)));
  }
  return out;
}

}  // namespace qbench::report
