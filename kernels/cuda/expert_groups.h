#pragma once

#include <cstdint>

#include "kernels/cuda/matmul.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Sorts the (token, rank) slots of a step by expert, on the device, for grouped products: no count reaches the host, so a graph replays
/// whatever the router chose.
struct GroupSlotsArguments {
  const std::int32_t* ids;  // (slots) expert of each slot
  std::int32_t slots, used, experts;
  std::int32_t tile_rows;      ///< the most rows of a tile
  std::int32_t* token_of_row;  // (slots) token of each grouped row
  std::int32_t* row_of_slot;   // (slots) grouped row of each slot
  ExpertTile* tiles;           // (most_tiles(slots, experts, tile_rows))
  std::int32_t* tile_count;    // (1)
  bool programmatic;

  bool operator==(const GroupSlotsArguments&) const = default;
};
/// Tiles that any choice may need.
constexpr std::int32_t most_tiles(std::int32_t slots, std::int32_t experts, std::int32_t tile_rows) {
  const std::int32_t touched = slots < experts ? slots : experts;
  return slots / tile_rows + touched;
}
/// Rows of a tile that suit so many slots. An expert's last tile is half empty on average; matmul's tile of 128 does about 1.4 times as
/// many products for each byte of shared memory as matmul_few's of 64, so it wins from an average of 96 rows on (calculated, not measured).
/// few_most: matmul_few_most of the device.
constexpr std::int32_t group_tile_rows(std::int32_t slots, std::int32_t experts, std::int32_t few_most) {
  const std::int32_t average = (slots + experts - 1) / experts;
  if (few_most < 64 && average > 16) return average <= 48 ? 32 : 128;
  return average <= 8 ? 16 : average <= 16 ? 32 : average <= 96 ? 64 : 128;
}
constexpr Cost group_slots_cost(const GroupSlotsArguments& a) { return {static_cast<std::uint64_t>(a.slots) * 16, 0}; }
/// Requires experts <= kMostExperts.
void group_slots(const GroupSlotsArguments& a, Stream& stream);

/// x[t] += sum over s of weights[t, s] * rows[row_of_slot[t, s]], in the order of s.
struct CombineSlotsArguments {
  const float* rows;                // (slots, hidden) grouped
  const std::int32_t* row_of_slot;  // (tokens, used)
  const float* weights;             // (tokens, used)
  std::int32_t tokens, used, hidden;
  float* x;  // (tokens, hidden)
  bool programmatic;

  bool operator==(const CombineSlotsArguments&) const = default;
};
constexpr Cost combine_slots_cost(const CombineSlotsArguments& a) {
  const std::uint64_t numbers = static_cast<std::uint64_t>(a.tokens) * static_cast<std::uint64_t>(a.hidden);
  return {numbers * 4 * static_cast<std::uint64_t>(a.used + 2), 2 * numbers * static_cast<std::uint64_t>(a.used)};
}
void combine_slots(const CombineSlotsArguments& a, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
