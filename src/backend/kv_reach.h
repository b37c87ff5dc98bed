#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "backend/backend.h"
#include "base/check.h"

namespace qbench::backend {

/// What a layer's tokens see of a cache, and where that lies: the model's own window joined with the cache's policy. A token at p sees the
/// positions <= p with > p - window (0: all), and of the first `sinks` those > p - outer (0: all).
struct KvReach {
  std::int64_t window = 0;
  std::int64_t sinks = 0;
  std::int64_t outer = 0;
  std::int64_t origin = 0;  ///< positions from here on lie in the ring
  std::int64_t ring = 0;    ///< its slots; 0: every position has its own
  bool operator==(const KvReach&) const = default;
};

/// `own_window`: of the model's layer, 0: none. The narrower of the two windows acts; sinks stay visible as far as the model's window
/// reaches.
constexpr KvReach kv_reach(std::int64_t own_window, const KvPolicy& policy, std::int64_t positions) {
  KvReach reach;
  reach.window = own_window;
  if (policy.window <= 0) return reach;
  reach.window = own_window > 0 ? std::min(own_window, policy.window) : policy.window;
  const bool own_is_narrower = own_window > 0 && own_window <= policy.window;
  reach.sinks = own_is_narrower ? 0 : policy.sinks;
  reach.outer = own_window;
  const std::int64_t room = kv_room(policy, positions);
  reach.origin = room < positions ? policy.sinks : 0;
  reach.ring = room < positions ? room - policy.sinks : 0;
  return reach;
}

/// Positions [begin, end) that lie one behind the other: position p in slot p - shift. A token at p sees those > p - window (0: all).
struct KvSegment {
  std::int64_t begin, end, window, shift;
};

/// What the tokens at positions first..last of one sequence see, in order of position; at most four.
struct KvSegments {
  std::array<KvSegment, 4> at{};
  std::size_t count = 0;
  void add(const KvSegment& segment) {
    if (segment.begin >= segment.end) return;
    QB_CHECK(count < at.size());
    at[count++] = segment;
  }
};

inline KvSegments kv_segments(const KvReach& reach, std::int64_t first, std::int64_t last) {
  const auto from = [first](std::int64_t window) { return window > 0 ? std::max<std::int64_t>(0, first - window + 1) : 0; };
  KvSegments segments;
  std::int64_t begin = from(reach.window);
  if (reach.sinks > 0) {
    segments.add({from(reach.outer), std::min(reach.sinks, last + 1), reach.outer, 0});
    begin = std::max(begin, reach.sinks);
  }
  if (reach.ring == 0) {
    segments.add({begin, last + 1, reach.window, 0});
    return segments;
  }
  segments.add({begin, std::min(reach.origin, last + 1), reach.window, 0});
  begin = std::max(begin, reach.origin);
  while (begin <= last) {
    const std::int64_t shift = (begin - reach.origin) / reach.ring * reach.ring;
    const std::int64_t end = std::min(last + 1, reach.origin + shift + reach.ring);
    segments.add({begin, end, reach.window, shift});
    begin = end;
  }
  return segments;
}

/// The slot of a position.
constexpr std::int64_t kv_slot(const KvReach& reach, std::int64_t position) {
  if (reach.ring == 0 || position < reach.origin) return position;
  return reach.origin + (position - reach.origin) % reach.ring;
}

}  // namespace qbench::backend
