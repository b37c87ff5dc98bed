#include "kernels/cuda/sampling.h"

#include <cfloat>

#include "base/random.h"
#include "kernels/cuda/sampling_draw.cuh"

// The next token of each sequence, picked where its logits are.
//
//   pick_ban      one block a row: the ids that would complete an n-gram seen before lose their logit
//   pick_largest  up to kMostPickBlocks blocks a row: penalties, the largest logit; the last block to arrive commits it when greedy
//   pick_draw     a block for each kPickChunk ids; the last to arrive cuts by top-k, top-p and min-p and draws
//
// Drawing (sampling_draw.cuh). Each block adds the weights of its ids, and their number, to bins of equal width below the largest logit, 30
// nats in all: atomics on global memory, whose units are many and whose sums need no answer. Bins follow the ranking, so the last block
// finds where a running sum passes its target (the k-th candidate, top-p's share, what is drawn) by one scan of the bins, brings that bin's
// candidates, or all up to it, into shared memory, sorts them there and scans them. A bin with more than kStaged candidates is first
// divided by the first differing digits of their standings; that takes nearly equal logits or many equal ones. Weights are integers, so no
// sum depends on the order of its terms (base/draw_weight.h), and the host's sampler picks the same token. Deterministic.
//
// Bytes: the logits once to find the largest and, drawing, once by all blocks; then by the last block 12 bytes a bin for each scan, and the
// chunks that reach the bins in question: with T 0.7 and top-p 0.9 those of the kept tokens, once. What it replaces gathered every
// candidate 18 times in one block. No pass depends on how many candidates there are, so none is cut off to save time: kLowestDrawn is where
// weights end.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kThreads = kPickThreads;

QB_DEVICE float penalized(float logit, unsigned count, const SamplingRule& rule) {
  if (!is_finite(logit)) return logit;
  double value = logit;
  if (rule.repetition_penalty != 1.0) {
    value = value > 0.0 ? value / rule.repetition_penalty : multiply_rounded(value, rule.repetition_penalty);
  }
  const unsigned generated = count & ~kInPrompt;
  if (generated > 0) value -= rule.presence_penalty + multiply_rounded(rule.frequency_penalty, static_cast<double>(generated));
  constexpr double kLargest = FLT_MAX;
  return static_cast<float>(value < -kLargest ? -kLargest : value > kLargest ? kLargest : value);
}

/// One thread of a row: makes `id` (or what is in its place) the sequence's next token.
QB_DEVICE void commit(const PickArguments& a, int row, int id) {
  const int slot = a.slots[row];
  SamplerState& state = a.states[slot];
  const int fed = id < 0 ? 0 : id;  // the steps launched behind a pick that failed need some id
  a.ids[row] = fed;
  a.positions[row] = min_int(a.positions[row] + 1, a.last_position);
  if (a.rule.penalizes) ++a.counts[static_cast<long long>(slot) * a.vocab + fed];
  if (a.rule.no_repeat_ngram > 0 && state.history < a.history_length) {
    a.history[static_cast<long long>(slot) * a.history_length + state.history] = fed;
    ++state.history;
  }
  const int pick = state.picks;
  state.picks = pick + 1;
  store_release_system(a.ring + static_cast<long long>(pick % kRingPicks) * a.ring_slots + slot,
                       static_cast<unsigned long long>(pick + 1) << 32 | static_cast<unsigned>(id));
}

QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 1) pick_ban_kernel(PickArguments a) {
  grid_dependency_wait();
  grid_dependency_trigger();
  const int row = block_y();
  const int slot = a.slots[row];
  SamplerState& state = a.states[slot];
  const int* history = a.history + static_cast<long long>(slot) * a.history_length;
  const int length = state.history;
  const int n = a.rule.no_repeat_ngram;
  if (thread_x() == 0) state.banned = 0;
  sync_threads();
  for (int at = thread_x(); at + n <= length; at += kThreads) {
    const int follower = history[at + n - 1];
    bool same = follower >= 0 && follower < a.vocab;
    for (int i = 0; same && i < n - 1; ++i) same = history[at + i] == history[length - (n - 1) + i];
    if (!same) continue;
    // Several n-grams may ban one id: by an addition, which leaves no finite number and says whether there was one.
    const float before = atomic_add(a.logits + row * a.stride + follower, -INFINITY);
    if (is_finite(before)) atomic_add(&state.banned, 1U);
  }
}

QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 1) pick_largest_kernel(PickArguments a) {
  QB_SHARED(Standing, of_warps, kThreads / 32);
  QB_SHARED(unsigned, last, 1);
  grid_dependency_wait();
  grid_dependency_trigger();
  const int row = block_y();
  const int slot = a.slots[row];
  float* logits = a.logits + row * a.stride;
  const unsigned* counts = a.rule.penalizes ? a.counts + static_cast<long long>(slot) * a.vocab : nullptr;
  Standing best = 0;
  for (int id = block_x() * kThreads + thread_x(); id < a.vocab; id += grid_x() * kThreads) {
    float logit = logits[id];
    if (counts != nullptr && counts[id] != 0) {
      logit = penalized(logit, counts[id], a.rule);
      logits[id] = logit;
    }
    if (is_finite(logit)) best = earlier(best, standing_of(logit, id));
  }
  best = earliest_of_block<kThreads / 32>(best, of_warps);
  Standing* of_blocks = a.largest + static_cast<long long>(row) * (kMostPickBlocks + 1);
  if (thread_x() == 0) of_blocks[block_x()] = best;
  if (!last_to_arrive(a.tickets + row, static_cast<unsigned>(grid_x()), last)) return;
  const volatile Standing* others = of_blocks;  // volatile: written by other multiprocessors
  best = thread_x() < grid_x() ? others[thread_x()] : 0;
  best = earliest_of_block<kThreads / 32>(best, of_warps);
  if (thread_x() != 0) return;
  of_blocks[kMostPickBlocks] = best;
  if (best == 0) {
    commit(a, row, a.rule.no_repeat_ngram > 0 && a.states[slot].banned > 0 ? kAllBanned : kNoFiniteLogit);
  } else if (a.rule.inverse_temperature == 0.0F) {
    commit(a, row, id_of(best));
  }
}

QB_KERNEL QB_LAUNCH_BOUNDS(kPickDrawThreads, 2) pick_draw_kernel(PickArguments a) {
  QB_SHARED(Standing, staged_standings, kStaged);
  QB_SHARED(unsigned long long, staged_weights, kStaged);
  QB_SHARED(unsigned long long, of_warps, kDrawWarps);
  QB_SHARED(unsigned long long, found, 2);
  QB_SHARED(unsigned, count, 1);
  QB_SHARED(unsigned, last, 1);
  grid_dependency_wait();
  grid_dependency_trigger();
  const int at = block_y();
  const Standing best = a.largest[static_cast<long long>(at) * (kMostPickBlocks + 1) + kMostPickBlocks];
  if (best == 0) return;  // committed as failed
  unsigned* chunks = a.chunks + static_cast<long long>(at) * pick_chunks(a.vocab);
  const DrawRow row{a.logits + at * a.stride, chunks, a.bins + at, a.vocab, logit_of(best), a.rule.inverse_temperature,
                    a.rule.smallest_weight};
  weigh_chunk(row, chunks + block_x(), of_warps);
  if (!last_to_arrive(a.tickets + at, static_cast<unsigned>(grid_x()), last)) return;

  const DrawShared shared{staged_standings, staged_weights, of_warps, found, count};
  SamplerState& state = a.states[a.slots[at]];
  DrawRange staged{kPickBins, -1, 64, 0};
  Standing latest = 0;  // that is left; at last the one that is drawn
#pragma unroll 1
  for (int step = 0; step < 3; ++step) {
    const DrawSum sum = step == 0 ? DrawSum::kCounts : step == 1 ? DrawSum::kWeights : DrawSum::kKept;
    if (sum == DrawSum::kCounts && a.rule.top_k == 0) continue;
    if (sum == DrawSum::kWeights && a.rule.top_p >= 1.0) continue;
    const unsigned long long all = sum_until(row, sum, latest, staged, shared);
    unsigned long long target = static_cast<unsigned long long>(a.rule.top_k) - 1;
    if (sum == DrawSum::kCounts && target >= all) continue;
    if (sum == DrawSum::kWeights) target = wanted_weight(a.rule.top_p, all) - 1;
    if (sum == DrawSum::kKept) target = random_below(random_value(state.random_key, state.draws), all);
    latest = find_candidate(row, sum, target, staged, shared);
  }
  clear_bins(row);
  if (thread_x() != 0) return;
  ++state.draws;
  commit(a, at, id_of(latest));
}

}  // namespace

void pick(const PickArguments& a, Stream& stream) {
  const auto rows = static_cast<unsigned>(a.rows);
  if (a.rule.no_repeat_ngram > 0) {
    launch(LaunchConfig{{1, rows, 1}, kThreads, 0, stream, a.programmatic, "pick_ban"}, (pick_ban_kernel), a);
  }
  launch(
      LaunchConfig{{static_cast<unsigned>(pick_blocks(a.vocab, kThreads)), rows, 1}, kThreads, 0, stream, a.programmatic, "pick_largest"},
      (pick_largest_kernel), a);
  if (a.rule.inverse_temperature == 0.0F) return;
  const auto chunks = static_cast<unsigned>(pick_chunks(a.vocab));
  launch(LaunchConfig{{chunks, rows, 1}, kPickDrawThreads, 0, stream, a.programmatic, "pick_draw"}, (pick_draw_kernel), a);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
