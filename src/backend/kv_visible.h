#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "backend/kv_reach.h"

namespace qbench::backend {

/// Positions of the cache that the tokens of a step see in all, each counted once for a sequence however many of its tokens see it: what attention
/// must read. positions, sequences: (tokens).
inline std::int64_t visible_positions(const KvReach& reach, std::span<const std::int32_t> positions, std::span<const std::int32_t> sequences) {
  const auto from = [](std::int64_t position, std::int64_t window) { return window > 0 ? std::max<std::int64_t>(0, position - window + 1) : 0; };
  std::vector<std::tuple<std::int32_t, std::int64_t, std::int64_t>> ranges;  // sequence, begin, end
  // Tokens at consecutive positions see one range of late positions and one of sinks.
  for (std::size_t first = 0, next = 0; first < positions.size(); first = next) {
    next = first + 1;
    while (next < positions.size() && sequences[next] == sequences[first] && positions[next] == positions[next - 1] + 1) ++next;
    const std::int64_t p = positions[first], last = positions[next - 1];
    ranges.emplace_back(sequences[first], from(p, reach.window), last + 1);
    const std::int64_t sinks_end = std::min(reach.sinks, from(last, reach.window));
    if (from(p, reach.outer) < sinks_end) ranges.emplace_back(sequences[first], from(p, reach.outer), sinks_end);
  }
  std::sort(ranges.begin(), ranges.end());
  std::int64_t count = 0, end = 0;
  std::int32_t sequence = -1;
  for (const auto& [of, begin, stop] : ranges) {
    if (of != sequence) end = 0;
    sequence = of;
    count += std::max<std::int64_t>(0, stop - std::max(begin, end));
    end = std::max(end, stop);
  }
  return count;
}

}  // namespace qbench::backend
