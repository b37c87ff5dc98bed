#include "backend/kv_visible.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "base/random.h"

using namespace qbench;
using namespace qbench::backend;

namespace {

/// Each position of each sequence by the definition, one token after the other.
std::int64_t by_definition(const KvReach& reach, const std::vector<std::int32_t>& positions, const std::vector<std::int32_t>& sequences) {
  std::set<std::pair<std::int32_t, std::int64_t>> seen;
  for (std::size_t t = 0; t < positions.size(); ++t) {
    for (std::int64_t p = 0; p <= positions[t]; ++p) {
      const bool late = reach.window == 0 || p > positions[t] - reach.window;
      const bool sink = p < reach.sinks && (reach.outer == 0 || p > positions[t] - reach.outer);
      if (late || sink) seen.insert({sequences[t], p});
    }
  }
  return static_cast<std::int64_t>(seen.size());
}

}  // namespace

TEST_CASE("positions that a step sees are counted once for each sequence, windows and sinks included") {
  Random random(7);
  for (int round = 0; round < 300; ++round) {
    const auto pick = [&](std::uint64_t below) { return static_cast<std::int64_t>(random.next_below(below)); };
    KvReach reach;
    reach.window = pick(3) == 0 ? 0 : 1 + pick(40);
    reach.sinks = reach.window > 0 ? pick(8) : 0;
    reach.outer = pick(2) == 0 ? 0 : reach.window + pick(30);
    std::vector<std::int32_t> positions, sequences;
    for (std::int32_t sequence = 0; sequence < 3; ++sequence) {
      const std::int64_t first = pick(60), tokens = pick(50);
      for (std::int64_t t = 0; t < tokens; ++t) {
        positions.push_back(static_cast<std::int32_t>(first + t));
        sequences.push_back(sequence);
      }
    }
    CAPTURE(reach.window);
    CAPTURE(reach.sinks);
    CAPTURE(reach.outer);
    CHECK(visible_positions(reach, positions, sequences) == by_definition(reach, positions, sequences));
  }
}
