#include "recommend/ttft_line.h"

#include <algorithm>
#include <map>

#include "stats/summary.h"

namespace qbench::recommend {
namespace {

struct LengthPoint {
  double tokens = 0, ttft_ms = 0;
};

constexpr std::size_t kMostLengths = 32;  // neighbours above that are one: a line needs no more, and the pairs stay few

/// The medians at each length, or of neighbouring lengths together.
std::vector<LengthPoint> by_length(const std::vector<SpeedPoint>& points) {
  std::map<double, std::vector<double>> times;
  for (const SpeedPoint& point : points) times[point.prompt_tokens].push_back(point.ttft_ms);
  std::vector<LengthPoint> out;
  const std::size_t together = (times.size() + kMostLengths - 1) / kMostLengths;
  std::vector<double> tokens, ttft;
  for (const auto& [length, values] : times) {
    tokens.push_back(length);
    ttft.insert(ttft.end(), values.begin(), values.end());
    if (tokens.size() < together && length != times.rbegin()->first) continue;
    out.push_back({*stats::median(tokens), *stats::median(ttft)});
    tokens.clear();
    ttft.clear();
  }
  return out;
}

}  // namespace

double TtftLine::relative_residual(const SpeedPoint& point) const {
  const double expected = at(point.prompt_tokens);
  return expected > 0 ? (point.ttft_ms - expected) / expected : 0;
}

TtftLine fit_ttft(const std::vector<SpeedPoint>& points, double base_ms) {
  const std::vector<LengthPoint> lengths = by_length(points);
  if (lengths.size() == 1) {
    const double base = std::min(base_ms, lengths.front().ttft_ms);
    return {base, (lengths.front().ttft_ms - base) / lengths.front().tokens};
  }
  std::vector<double> slopes, rest;
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    for (std::size_t j = i + 1; j < lengths.size(); ++j)
      slopes.push_back((lengths[j].ttft_ms - lengths[i].ttft_ms) / (lengths[j].tokens - lengths[i].tokens));
  }
  const double slope = std::max(0.0, *stats::median(slopes));
  for (const LengthPoint& point : lengths) rest.push_back(point.ttft_ms - slope * point.tokens);
  const double base = *stats::median(rest);
  if (base >= 0) return {base, slope};
  std::vector<double> ratios;
  for (const LengthPoint& point : lengths) ratios.push_back(point.ttft_ms / point.tokens);
  return {0, *stats::median(ratios)};
}

}  // namespace qbench::recommend
