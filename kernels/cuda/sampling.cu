#include "kernels/cuda/sampling.h"

#include <cfloat>

#include "base/draw_weight.h"
#include "base/random.h"
#include "kernels/cuda/matvec_rows.cuh"

// The next token of each sequence, picked where its logits are.
//
//   pick_ban      one block a row: the ids that would complete an n-gram seen before lose their logit
//   pick_largest  up to kMostPickBlocks blocks a row: penalties, the largest logit; the last block to arrive commits it when greedy
//   pick_draw     the same blocks gather the ids of weight above 0; the last to arrive cuts them by top-k, top-p and min-p and draws
// A candidate's standing is its logit's bits in an order that integers have, then its id, smaller first: one 64-bit number, all different.
// The k-th candidate, the one at which the weights reach top-p and the one that is drawn are found by its digits: sums per digit of 8 bits,
// from the highest down, without sorting. Weights are integers, so no sum depends on the order of its terms (base/draw_weight.h): the
// host's sampler picks the same token. Bytes: the logits once (greedy) or twice; up to kStaged candidates stay in shared memory.
// Deterministic.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

using Standing = unsigned long long;  // larger is earlier; 0 is none

constexpr int kThreads = kPickThreads;
constexpr int kDrawThreads = 1024;
constexpr int kStaged = 4096;
constexpr int kDigits = 256;

QB_DEVICE Standing standing_of(float logit, int id) {
  unsigned bits;
  const float zero_is_positive = logit + 0.0F;
  memcpy(&bits, &zero_is_positive, sizeof(bits));
  const unsigned ordered = (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
  return static_cast<Standing>(ordered) << 32 | (0xffffffffU - static_cast<unsigned>(id));
}
QB_DEVICE float logit_of(Standing standing) {
  const auto ordered = static_cast<unsigned>(standing >> 32);
  return bits_to_float((ordered & 0x80000000U) != 0 ? ordered & 0x7fffffffU : ~ordered);
}
QB_DEVICE int id_of(Standing standing) { return static_cast<int>(0xffffffffU - static_cast<unsigned>(standing)); }
QB_DEVICE Standing earlier(Standing a, Standing b) { return a > b ? a : b; }

/// The earliest of all threads' standings, in every thread. of_warps: one shared number a warp. Synchronises, also before it returns.
template <int kWarps>
QB_DEVICE Standing earliest_of_block(Standing own, Standing* of_warps) {
  own = warp_butterfly(own, 1, 16, [](Standing a, Standing b) { return earlier(a, b); });
  if (lane() == 0) of_warps[warp()] = own;
  sync_threads();
  Standing all = 0;
  for (int w = 0; w < kWarps; ++w) all = earlier(all, of_warps[w]);
  sync_threads();
  return all;
}

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

/// The candidates of a row, as one block sees them.
struct Pool {
  const float* logits;
  const volatile int* ids;  // written by other multiprocessors
  const Standing* staged;   // in shared memory, or nullptr
  int count;
  float top;
  float inverse_temperature;
  Standing latest;                  // later ones are cut off
  unsigned long long least_weight;  // lighter ones are, too
};

QB_DEVICE Standing standing_at(const Pool& pool, int i) {
  if (pool.staged != nullptr) return pool.staged[i];
  const int id = pool.ids[i];
  return standing_of(pool.logits[id], id);
}

/// 0 where the candidate is cut off.
QB_DEVICE unsigned long long weight_at(const Pool& pool, Standing standing) {
  if (standing < pool.latest) return 0;
  const unsigned long long weight = draw_weight((logit_of(standing) - pool.top) * pool.inverse_temperature);
  return weight < pool.least_weight ? 0 : weight;
}

/// What the weights left in the pool add up to, in every thread. sum: one shared number. Synchronises.
QB_DEVICE unsigned long long weight_of_all(const Pool& pool, unsigned long long* sum) {
  if (thread_x() == 0) *sum = 0;
  sync_threads();
  unsigned long long own = 0;
  for (int i = thread_x(); i < pool.count; i += kDrawThreads) own += weight_at(pool, standing_at(pool, i));
  if (own > 0) atomic_add(sum, own);
  sync_threads();
  const unsigned long long all = *sum;
  sync_threads();
  return all;
}

/// One warp: the digit, from the highest down, at which the running sum of bins passes `target`, and what of the target is left in it.
QB_DEVICE void find_digit(const unsigned long long* bins, unsigned long long target, unsigned long long* found) {
  constexpr int kOwn = kDigits / 32;
  const int highest = kDigits - 1 - kOwn * lane();
  unsigned long long own = 0;
  for (int i = 0; i < kOwn; ++i) own += bins[highest - i];
  unsigned long long until = own;
  for (int step = 1; step < 32; step *= 2) {
    const unsigned long long more = shuffle(until, lane() >= step ? lane() - step : lane());
    if (lane() >= step) until += more;
  }
  unsigned long long left = target - (until - own);
  if (target >= until || target < until - own) return;
  int digit = highest;
  while (left >= bins[digit]) left -= bins[digit--];
  found[0] = static_cast<unsigned long long>(digit);
  found[1] = left;
}

/// Where the candidates' running sum, of weights or of ones, first passes `target`, which must be less than all of them. In every thread.
/// bins (kDigits), found (2): shared. Synchronises.
template <bool kWeights>
QB_DEVICE Standing find_passing(const Pool& pool, unsigned long long target, unsigned long long* bins, unsigned long long* found) {
  Standing digits = 0;
  for (int shift = 56; shift >= 0; shift -= 8) {
    for (int i = thread_x(); i < kDigits; i += kDrawThreads) bins[i] = 0;
    sync_threads();
    for (int i = thread_x(); i < pool.count; i += kDrawThreads) {
      const Standing standing = standing_at(pool, i);
      if (shift < 56 && standing >> (shift + 8) != digits) continue;
      const unsigned long long weight = weight_at(pool, standing);
      if (weight > 0) atomic_add(bins + ((standing >> shift) & (kDigits - 1)), kWeights ? weight : 1ULL);
    }
    sync_threads();
    if (warp() == 0) find_digit(bins, target, found);
    sync_threads();
    digits = digits << 8 | found[0];
    target = found[1];
  }
  return digits;
}

QB_KERNEL QB_LAUNCH_BOUNDS(kDrawThreads, 1) pick_draw_kernel(PickArguments a) {
  QB_SHARED(Standing, staged, kStaged);
  QB_SHARED(unsigned long long, bins, kDigits);
  QB_SHARED(unsigned long long, found, 2);
  QB_SHARED(unsigned long long, sum, 1);  // not in `found`, which other threads may still read
  QB_SHARED(unsigned, last, 1);
  grid_dependency_wait();
  grid_dependency_trigger();
  const int row = block_y();
  const Standing best = a.largest[static_cast<long long>(row) * (kMostPickBlocks + 1) + kMostPickBlocks];
  if (best == 0) return;  // committed as failed
  const float* logits = a.logits + row * a.stride;
  const float top = logit_of(best);
  int* ids = a.candidates + static_cast<long long>(row) * a.vocab;
  for (int id = block_x() * kDrawThreads + thread_x(); id < a.vocab; id += grid_x() * kDrawThreads) {
    const float logit = logits[id];
    if (is_finite(logit) && draw_weight((logit - top) * a.rule.inverse_temperature) > 0) ids[atomic_add(a.candidate_counts + row, 1U)] = id;
  }
  if (!last_to_arrive(a.tickets + row, static_cast<unsigned>(grid_x()), last)) return;
  const int count = static_cast<int>(*static_cast<const volatile unsigned*>(a.candidate_counts + row));
  Pool pool{logits, ids, nullptr, count, top, a.rule.inverse_temperature, 0, 1};
  if (count <= kStaged) {
    for (int i = thread_x(); i < count; i += kDrawThreads) staged[i] = standing_at(pool, i);
    pool.staged = staged;
  }
  sync_threads();
  if (thread_x() == 0) a.candidate_counts[row] = 0;
  if (a.rule.top_k > 0 && a.rule.top_k < count)
    pool.latest = find_passing<false>(pool, static_cast<unsigned long long>(a.rule.top_k) - 1, bins, found);
  if (a.rule.top_p < 1.0) pool.latest = find_passing<true>(pool, wanted_weight(a.rule.top_p, weight_of_all(pool, sum)) - 1, bins, found);
  pool.least_weight = a.rule.smallest_weight;
  SamplerState& state = a.states[a.slots[row]];
  const unsigned long long target = random_below(random_value(state.random_key, state.draws), weight_of_all(pool, sum));
  const int id = id_of(find_passing<true>(pool, target, bins, found));
  if (thread_x() != 0) return;
  ++state.draws;
  commit(a, row, id);
}

}  // namespace

void pick(const PickArguments& a, Stream& stream) {
  const auto rows = static_cast<unsigned>(a.rows);
  const auto blocks_of = [&](int threads) { return static_cast<unsigned>(pick_blocks(a.vocab, threads)); };
  if (a.rule.no_repeat_ngram > 0) {
    launch(LaunchConfig{{1, rows, 1}, kThreads, 0, stream, a.programmatic, "pick_ban"}, (pick_ban_kernel), a);
  }
  launch(LaunchConfig{{blocks_of(kThreads), rows, 1}, kThreads, 0, stream, a.programmatic, "pick_largest"}, (pick_largest_kernel), a);
  if (a.rule.inverse_temperature == 0.0F) return;
  launch(LaunchConfig{{blocks_of(kDrawThreads), rows, 1}, kDrawThreads, 0, stream, a.programmatic, "pick_draw"}, (pick_draw_kernel), a);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
