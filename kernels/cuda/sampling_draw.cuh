#pragma once

#include "base/draw_weight.h"
#include "kernels/cuda/matvec_rows.cuh"
#include "kernels/cuda/sampling.h"

/// How a token is drawn from a row of logits, as sampling.cu says in full: all blocks add weights to bins, the last one finds its way by
/// them.
namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// A candidate's place in the ranking: its logit's bits in an order that integers have, then its id, smaller first. Larger is earlier; all
/// are different; 0 is none.
using Standing = unsigned long long;

constexpr int kDrawWarps = kPickDrawThreads / 32;
constexpr int kStaged = 2048;  // candidates in shared memory
constexpr int kOwnBins = kPickBins / kPickDrawThreads;
constexpr int kOwnStaged = kStaged / kPickDrawThreads;
constexpr int kDigits = kPickDigits;
constexpr int kLogitsOnTheirWay = 16;  // of a lane
static_assert(kPickBins % kPickDrawThreads == 0 && kOwnBins % 4 == 0 && kDigits <= kPickDrawThreads &&
              kPickChunk % (32 * kLogitsOnTheirWay) == 0);

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

/// What is added up over candidates in the order of their standings.
enum class DrawSum { kCounts, kWeights, kKept };  // kKept: weights that min-p leaves

/// Candidates of bins [first, last]; with `shift` below 64 only those whose standing >> shift is `digits`.
struct DrawRange {
  int first, last, shift;
  Standing digits;

  QB_DEVICE bool holds(Standing standing) const { return shift == 64 || standing >> shift == digits; }
};

/// A row of logits and what its candidates are judged by.
struct DrawRow {
  const float* logits;
  const volatile unsigned* chunks;  // the first bin that each chunk reaches; written by other multiprocessors
  PickBins* bins;
  int vocab;
  float top, inverse_temperature;
  unsigned long long least_weight;

  /// Relative to the largest logit, in nats; equal in every place that asks.
  QB_DEVICE float distance(float logit) const { return (logit - top) * inverse_temperature; }
  QB_DEVICE unsigned long long weight(float logit) const { return is_finite(logit) ? draw_weight(distance(logit)) : 0; }
  /// Of a candidate; never falls where the logit does.
  QB_DEVICE int bin(float logit) const {
    constexpr float kBinsOfNat = static_cast<float>(kPickBins) / -kLowestDrawn;
    return min_int(static_cast<int>(-distance(logit) * kBinsOfNat), kPickBins - 1);
  }
  /// Whether the logit is of the range's bins, where one of the last may be without weight.
  QB_DEVICE bool holds(float logit, const DrawRange& range) const {
    if (!is_finite(logit) || !(distance(logit) > kLowestDrawn)) return false;
    const int own = bin(logit);
    return own >= range.first && own <= range.last;
  }
  QB_DEVICE unsigned long long term(DrawSum sum, unsigned long long weight) const {
    if (sum == DrawSum::kCounts) return weight > 0 ? 1 : 0;
    return sum == DrawSum::kKept && weight < least_weight ? 0 : weight;
  }
};

/// Shared memory of the last block.
struct DrawShared {
  Standing* staged;              // (kStaged), earliest first
  unsigned long long* weights;   // (kStaged)
  unsigned long long* of_warps;  // (kDrawWarps)
  unsigned long long* found;     // (2)
  unsigned* count;               // (1)
};

/// Every block: adds its chunk to the row's bins, and says which is the first that it reaches (kPickBins: none). Synchronises.
QB_DEVICE void weigh_chunk(const DrawRow& row, unsigned* first_bin, Standing* of_warps) {
  Standing nearest = 0;
  for (int i = thread_x(); i < kPickChunk; i += kPickDrawThreads) {
    const int id = block_x() * kPickChunk + i;
    if (id >= row.vocab) break;
    const float logit = row.logits[id];
    const unsigned long long weight = row.weight(logit);
    if (weight == 0) continue;
    const int bin = row.bin(logit);
    nearest = earlier(nearest, static_cast<Standing>(kPickBins - bin));
    atomic_add(row.bins->counts + bin, 1U);
    atomic_add(row.bins->weights + bin, weight);
    if (row.least_weight > 1 && weight >= row.least_weight) atomic_add(row.bins->kept + bin, weight);
  }
  nearest = earliest_of_block<kDrawWarps>(nearest, of_warps);
  if (thread_x() == 0) *first_bin = static_cast<unsigned>(kPickBins) - static_cast<unsigned>(nearest);
}

/// The thread's bins, kOwnBins * thread and those behind.
QB_DEVICE void read_bins(const DrawRow& row, DrawSum sum, unsigned long long (&own)[kOwnBins]) {
  const int first = kOwnBins * thread_x();
  if (sum == DrawSum::kCounts) {
#pragma unroll
    for (int i = 0; i < kOwnBins; i += 4) {
      const float4 bits = load_written128(reinterpret_cast<const float*>(row.bins->counts + first + i));
      unsigned counts[4];
      memcpy(counts, &bits, sizeof(counts));
#pragma unroll
      for (int j = 0; j < 4; ++j) own[i + j] = counts[j];
    }
    return;
  }
  const unsigned long long* sums = sum == DrawSum::kKept && row.least_weight > 1 ? row.bins->kept : row.bins->weights;
#pragma unroll
  for (int i = 0; i < kOwnBins; i += 2) {
    const float4 bits = load_written128(reinterpret_cast<const float*>(sums + first + i));
    memcpy(own + i, &bits, sizeof(bits));
  }
}
QB_DEVICE void clear_bins(const DrawRow& row) {
#pragma unroll
  for (int i = 0; i < kOwnBins; ++i) {
    const int bin = i * kPickDrawThreads + thread_x();
    row.bins->counts[bin] = 0;
    row.bins->weights[bin] = 0;
    if (row.least_weight > 1) row.bins->kept[bin] = 0;
  }
}

/// Where the running sum over the threads' numbers, kOwn each, first passes a target; what stands before; and all of them.
struct Passing {
  int index;  // undefined, as `before`, where the target is not less than `total`
  unsigned long long before, total;
};
template <int kOwn>
QB_DEVICE Passing find_passing(const unsigned long long (&own)[kOwn], unsigned long long target, const DrawShared& s) {
  unsigned long long sum = 0;
#pragma unroll
  for (int i = 0; i < kOwn; ++i) sum += own[i];
  unsigned long long until = sum;
  for (int step = 1; step < 32; step *= 2) {
    const unsigned long long more = shuffle(until, lane() >= step ? lane() - step : lane());
    if (lane() >= step) until += more;
  }
  if (lane() == 31) s.of_warps[warp()] = until;
  sync_threads();
  unsigned long long before = until - sum;
  unsigned long long total = 0;
  for (int w = 0; w < kDrawWarps; ++w) {
    if (w < warp()) before += s.of_warps[w];
    total += s.of_warps[w];
  }
  if (target >= before && target - before < sum) {
    int index = kOwn * thread_x();
    bool passed = false;
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      passed = passed || target - before < own[i];
      if (!passed) before += own[i], ++index;
    }
    s.found[0] = static_cast<unsigned long long>(index);
    s.found[1] = before;
  }
  sync_threads();
  return {static_cast<int>(s.found[0]), s.found[1], total};
}
QB_DEVICE unsigned long long sum_of_block(unsigned long long own, const DrawShared& s) {
  const unsigned long long one[1] = {own};
  return find_passing(one, ~0ULL, s).total;
}

/// Calls `use(standing, weight)` for each candidate of the range. A warp takes whole chunks and passes over those that do not reach it.
template <class Use>
QB_DEVICE void for_each_candidate(const DrawRow& row, const DrawRange& range, Use use) {
  for (int chunk = warp(); chunk * kPickChunk < row.vocab; chunk += kDrawWarps) {
    if (row.chunks[chunk] > static_cast<unsigned>(range.last)) continue;
    for (int part = 0; part < kPickChunk; part += 32 * kLogitsOnTheirWay) {
      int id = chunk * kPickChunk + part + lane();
      float logits[kLogitsOnTheirWay];
#pragma unroll
      for (int i = 0; i < kLogitsOnTheirWay; ++i) logits[i] = id + 32 * i < row.vocab ? row.logits[id + 32 * i] : -INFINITY;
      unsigned inside = 0;
#pragma unroll
      for (int i = 0; i < kLogitsOnTheirWay; ++i) inside |= row.holds(logits[i], range) ? 1U << i : 0U;
        // Few are: a short loop, which reads them again, rather than sixteen copies of what is done with them.
#pragma unroll 1
      for (; inside != 0; inside >>= 1, id += 32) {
        if (inside % 2 == 0) continue;
        const float logit = row.logits[id];
        const Standing standing = standing_of(logit, id);
        const unsigned long long weight = row.weight(logit);
        if (weight > 0 && range.holds(standing)) use(standing, weight);
      }
    }
  }
}

/// Brings the range's candidates, at most kStaged of them, into shared memory, in order. Synchronises.
QB_DEVICE void stage(const DrawRow& row, const DrawRange& range, const DrawShared& s) {
  if (thread_x() == 0) *s.count = 0;
  sync_threads();
  for_each_candidate(row, range, [&](Standing standing, unsigned long long) { s.staged[atomic_add(s.count, 1U)] = standing; });
  sync_threads();
  const int count = static_cast<int>(*s.count);
  int size = 2;
  while (size < count) size *= 2;
  for (int i = count + thread_x(); i < size; i += kPickDrawThreads) s.staged[i] = 0;
  sync_threads();
  for (int run = 2; run <= size; run *= 2) {  // Batcher 1968: bitonic sort
    for (int apart = run / 2; apart > 0; apart /= 2) {
      for (int i = thread_x(); i < size / 2; i += kPickDrawThreads) {
        const int low = 2 * i - (i & (apart - 1));
        const Standing a = s.staged[low];
        const Standing b = s.staged[low + apart];
        if ((a < b) != ((low & run) == 0)) continue;
        s.staged[low] = b;
        s.staged[low + apart] = a;
      }
      sync_threads();
    }
  }
  for (int i = thread_x(); i < kStaged; i += kPickDrawThreads) s.weights[i] = i < count ? row.weight(logit_of(s.staged[i])) : 0;
  sync_threads();
}

/// Divides a bin of more than kStaged candidates, of nearly equal or equal logits, until the part that holds the target fits, and counts
/// the target from there: by the eight bits of their standings from the first that differs on, with sums in global memory, whose atomics
/// are native. Synchronises.
QB_DEVICE DrawRange narrow(const DrawRow& row, int bin, DrawSum sum, unsigned long long& target, const DrawShared& s) {
  DrawRange range{bin, bin, 64, 0};
  for (unsigned left = kStaged + 1; left > kStaged;) {
    Standing earliest = 0;
    Standing least = ~0ULL;
    for_each_candidate(row, range, [&](Standing standing, unsigned long long) {
      earliest = earlier(earliest, standing);
      least = standing < least ? standing : least;
    });
    earliest = earliest_of_block<kDrawWarps>(earliest, s.of_warps);
    least = ~earliest_of_block<kDrawWarps>(~least, s.of_warps);
    int shift = 0;
    while ((earliest ^ least) >> shift >= kDigits) ++shift;
    for_each_candidate(row, range, [&](Standing standing, unsigned long long weight) {
      const auto later = static_cast<int>(kDigits - 1 - (standing >> shift) % kDigits);
      const unsigned long long term = row.term(sum, weight);
      if (term > 0) atomic_add(row.bins->digit_sums + later, term);
      atomic_add(row.bins->digit_counts + later, 1U);
    });
    thread_fence();
    sync_threads();
    const volatile unsigned long long* sums = row.bins->digit_sums;  // volatile: past L1, which the atomics do not pass through
    const volatile unsigned* counts = row.bins->digit_counts;
    const unsigned long long own[1] = {thread_x() < kDigits ? sums[thread_x()] : 0};
    const Passing passing = find_passing(own, target, s);
    left = counts[passing.index];
    target -= passing.before;
    range.shift = shift;
    range.digits = (earliest >> shift) / kDigits * kDigits + static_cast<Standing>(kDigits - 1 - passing.index);
    sync_threads();
    if (thread_x() < kDigits) row.bins->digit_sums[thread_x()] = row.bins->digit_counts[thread_x()] = 0;
    sync_threads();
  }
  return range;
}

/// The candidate at which the running sum, less than all, passes the target. staged: what shared memory holds, before and after.
QB_DEVICE Standing find_candidate(const DrawRow& row, DrawSum sum, unsigned long long target, DrawRange& staged, const DrawShared& s) {
  unsigned long long own[kOwnBins];
  read_bins(row, sum, own);
  const Passing passing = find_passing(own, target, s);
  const int bin = passing.index;
  if (staged.shift < 64 || bin < staged.first || bin > staged.last) {
    read_bins(row, DrawSum::kCounts, own);
    unsigned long long until = 0;
    unsigned long long inside = 0;
#pragma unroll
    for (int i = 0; i < kOwnBins; ++i) {
      const int at = kOwnBins * thread_x() + i;
      until += at <= bin ? own[i] : 0;
      inside += at == bin ? own[i] : 0;
    }
    until = sum_of_block(until, s);
    inside = sum_of_block(inside, s);
    staged = {until <= kStaged ? 0 : bin, bin, 64, 0};
    if (staged.first > 0) target -= passing.before;
    if (staged.first > 0 && inside > kStaged) staged = narrow(row, bin, sum, target, s);
    stage(row, staged, s);
  } else if (staged.first > 0) {
    target -= passing.before;
  }
  unsigned long long terms[kOwnStaged];
#pragma unroll
  for (int i = 0; i < kOwnStaged; ++i) terms[i] = row.term(sum, s.weights[kOwnStaged * thread_x() + i]);
  return s.staged[find_passing(terms, target, s).index];
}

/// The sum over all candidates up to `latest`, which the staged bins hold; over all where it is 0 and none are staged.
QB_DEVICE unsigned long long sum_until(const DrawRow& row, DrawSum sum, Standing latest, const DrawRange& staged, const DrawShared& s) {
  unsigned long long own[kOwnBins];
  read_bins(row, sum, own);
  unsigned long long until = 0;
#pragma unroll
  for (int i = 0; i < kOwnBins; ++i) until += kOwnBins * thread_x() + i < staged.first ? own[i] : 0;
  if (staged.shift < 64) {
    for_each_candidate(row, {staged.first, staged.last, 64, 0}, [&](Standing standing, unsigned long long weight) {
      if (standing >= latest) until += row.term(sum, weight);
    });
  } else if (latest > 0) {
    for (int i = thread_x(); i < kStaged; i += kPickDrawThreads) {
      const unsigned long long weight = s.weights[i];
      if (weight > 0 && s.staged[i] >= latest) until += row.term(sum, weight);
    }
  }
  return sum_of_block(until, s);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
