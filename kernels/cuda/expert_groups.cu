#include "kernels/cuda/expert_groups.h"

#include "kernels/cuda/experts.h"
#include "kernels/cuda/matvec_rows.cuh"

// Experts of many tokens: slots sorted by expert, so that the grouped products (matmul.cu, matmul_few.cu) read each expert's weights once
// for a tile of its rows.
//
// group_slots    one block: counts each expert's slots in shared memory, adds them up, writes the tiles, then gives every slot its row.
// Which of an
//                expert's rows a slot gets depends on the order of atomics; what is computed in it does not.
// combine_slots  grid (tiles of hidden, tokens): adds a token's experts in the order of their rank. Deterministic.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kThreads = 256;

QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 1) group_slots_kernel(GroupSlotsArguments a) {
  QB_SHARED(unsigned, next, kMostExperts);  // count, then the next free row of each expert
  grid_dependency_wait();
  grid_dependency_trigger();
  for (int e = thread_x(); e < a.experts; e += kThreads) next[e] = 0;
  sync_threads();
  for (int s = thread_x(); s < a.slots; s += kThreads) atomic_add(&next[a.ids[s]], 1U);
  sync_threads();
  if (thread_x() == 0) {
    int row = 0;
    int tile = 0;
    for (int e = 0; e < a.experts; ++e) {
      const int end = row + static_cast<int>(next[e]);
      next[e] = static_cast<unsigned>(row);
      for (; row < end; row += a.tile_rows) a.tiles[tile++] = {e, row, min_int(a.tile_rows, end - row)};
      row = end;
    }
    *a.tile_count = tile;
  }
  sync_threads();
  for (int s = thread_x(); s < a.slots; s += kThreads) {
    const auto row = static_cast<int>(atomic_add(&next[a.ids[s]], 1U));
    a.token_of_row[row] = s / a.used;
    a.row_of_slot[s] = row;
  }
}

QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 1) combine_slots_kernel(CombineSlotsArguments a) {
  grid_dependency_wait();
  grid_dependency_trigger();
  const long long token = block_y();
  const int d = block_x() * kThreads + thread_x();
  if (d >= a.hidden) return;
  float sum = 0.0F;
  for (int s = 0; s < a.used; ++s) {
    const long long slot = token * a.used + s;
    sum += a.weights[slot] * a.rows[static_cast<long long>(a.row_of_slot[slot]) * a.hidden + d];
  }
  a.x[token * a.hidden + d] += sum;
}

}  // namespace

void group_slots(const GroupSlotsArguments& a, Stream& stream) {
  launch(LaunchConfig{{1, 1, 1}, kThreads, 0, stream, a.programmatic, "group_slots"}, (group_slots_kernel), a);
}

void combine_slots(const CombineSlotsArguments& a, Stream& stream) {
  const auto blocks = static_cast<unsigned>((a.hidden + kThreads - 1) / kThreads);
  launch(LaunchConfig{{blocks, static_cast<unsigned>(a.tokens), 1}, kThreads, 0, stream, a.programmatic, "combine_slots"},
         (combine_slots_kernel), a);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
