#include "kernels/cuda/attention_decode.h"

#include "kernels/cuda/kv_numbers.cuh"
#include "kernels/cuda/kv_rows.cuh"
#include "kernels/cuda/matvec_rows.cuh"

// Split-KV attention of single tokens, grouped queries (flash-decoding: Dao, Haziza, Massa, Sizov 2023; online softmax: Milakov, Gimelshein
// 2018).
//
// Grid: (splits, kv_heads * ceil(group / kGroup), tokens). A block holds kGroup query heads of one KV head and a run of positions, so each
// key and value is read once for the group. Its 8 warps work alone: a warp takes 8 positions at a time,
//   scores   lane l: position l / 4, every fourth 4 numbers of the head; keys come through the warp's own shared memory as float32
//   softmax  quarter l % 4 of the lanes keeps maximum and sum of heads g = l % 4, l % 4 + 4
//   values   lane l: 4 numbers of the head, in registers, of every `slots`-th position
// and the warps' results are joined in shared memory at the end. A token deep in its sequence is divided into splits of at least
// kSplitPositions; the last block to arrive joins the splits. Shared memory: q, keys (rows padded by 16 numbers: the lanes of a quarter
// warp read different banks), probabilities; reused for joining. Bytes: K and V once from memory for each token; partial results pass
// through L2. Deterministic.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = 32 * kWarps;
constexpr int kTile = 8;  // positions of a warp
constexpr int kKeyPad = 16;
constexpr float kNegativeInfinity = -INFINITY;

/// Where a block's shared memory lies, in float32: q (kGroup, dim) | keys (kWarps, kTile, dim + kKeyPad) | probabilities (kWarps, kGroup,
/// kTile) | factors (kWarps, kGroup). Joined later: results (kWarps, kGroup, dim) over the keys, maxima and sums over the probabilities.
template <int kGroup>
struct Shared {
  static constexpr int q(int) { return 0; }
  static constexpr int keys(int dim) { return kGroup * dim; }
  static constexpr int keys_of_warp(int dim) { return kTile * (dim + kKeyPad); }
  static constexpr int probabilities(int dim) {
    return keys(dim) + kWarps * (keys_of_warp(dim) > kGroup * dim ? keys_of_warp(dim) : kGroup * dim);
  }
  static constexpr int factors(int dim) { return probabilities(dim) + kWarps * kGroup * kTile; }
  static constexpr int numbers(int dim) { return factors(dim) + kWarps * kGroup; }
};

/// What a warp carries over its positions. Lane: maximum and its positions' share of the sum for heads quarter + 4 i, result of four
/// numbers.
template <int kGroup>
struct Running {
  static constexpr int kOwn = (kGroup + 3) / 4;
  float maximum[kOwn];
  float sum[kOwn];
  float4 result[kGroup];
};

QB_DEVICE float dot4(const float4& a, const float4& b) { return a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w; }

/// The run of this block, in places of the list of what the token sees: its positions, or where the cache's policy leaves some out (kKept)
/// first the sinks, then the window. Empty where the token needs fewer splits.
template <bool kKept>
struct Run {
  int begin, end, used;

  QB_DEVICE int row(int place) const { return place; }
};
template <>
struct Run<true> {
  int begin, end, used;
  int sink_first, sinks;  ///< places below `sinks` are sinks, from position sink_first on
  int jump;               ///< from the other places to their positions
  KvRows rows;

  QB_DEVICE int row(int place) const { return rows.row(place < sinks ? sink_first + place : place + jump); }
};
template <bool kKept>
QB_DEVICE Run<kKept> run_of_split(const AttentionArguments& a, int position, int split) {
  Run<kKept> run;
  const auto first_of = [position](int window) { return window > 0 && position - window + 1 > 0 ? position - window + 1 : 0; };
  const int window_first = first_of(a.window);
  int first = window_first;
  int length = position + 1 - window_first;
  if constexpr (kKept) {
    run.sink_first = first_of(a.outer);
    const int sinks_end = min_int(a.sinks, window_first);
    run.sinks = sinks_end > run.sink_first ? sinks_end - run.sink_first : 0;
    run.jump = window_first - run.sinks;
    run.rows = kv_rows(a.layout, position);
    first = 0;
    length += run.sinks;
  }
  const int share = (length + a.splits - 1) / a.splits;
  const int chunk = (share + kSplitPositions - 1) / kSplitPositions * kSplitPositions;
  run.begin = first + split * chunk;
  run.end = min_int(run.begin + chunk, first + length);
  run.used = (length + chunk - 1) / chunk;
  return run;
}

template <DType kType, int kGroup, bool kKept>
QB_DEVICE void attend_tile(const AttentionArguments& a, const unsigned char* block, const Run<kKept>& places, int base, const float* q,
                           float* keys, float* probabilities, float* factors, int lanes_of_row, Running<kGroup>& run) {
  using Kv = KvNumbers<kType>;
  const int dim = a.layout.head_dim;
  const int stride = dim + kKeyPad;
  const int count = min_int(kTile, places.end - base);
  const int units = dim / 8;
  for (int i = lane(); i < kTile * units; i += 32) {
    const int row = i / units;
    const int unit = i % units;
    float x[8] = {};
    if (row < count) Kv::load8(block, block + a.layout.k_scales, places.row(base + row), dim, 8 * unit, x);
    auto* to = reinterpret_cast<float4*>(keys + row * stride + 8 * unit);
    to[0] = float4{x[0], x[1], x[2], x[3]};
    to[1] = float4{x[4], x[5], x[6], x[7]};
  }
  // The values' loads start before the scores are computed.
  const int slots = 32 / lanes_of_row;
  const int slot = lane() / lanes_of_row;
  const int d = 4 * (lane() % lanes_of_row);
  float4 v[kTile];
#pragma unroll
  for (int i = 0; i < kTile; ++i) {
    const int row = i * slots + slot;
    v[i] = float4{0.0F, 0.0F, 0.0F, 0.0F};
    if (row < count && d < dim) v[i] = Kv::load4(block + a.layout.v, block + a.layout.v_scales, places.row(base + row), dim, d);
  }
  sync_warp();

  const int row = lane() / 4;
  const int quarter = lane() % 4;
  float score[kGroup];
#pragma unroll
  for (int g = 0; g < kGroup; ++g) score[g] = 0.0F;
#pragma unroll 2  // more would cost registers that a second block of the multiprocessor needs
  for (int at = 4 * quarter; at < dim; at += 16) {
    const float4 k = *reinterpret_cast<const float4*>(keys + row * stride + at);
#pragma unroll
    for (int g = 0; g < kGroup; ++g) score[g] += dot4(k, *reinterpret_cast<const float4*>(q + g * dim + at));
  }
  warp_sums(score, 1, 2);
#pragma unroll
  for (int i = 0; i < Running<kGroup>::kOwn; ++i) {
    float own = kNegativeInfinity;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (4 * i + j < kGroup && quarter == j) own = score[4 * i + j];
    }
    if (row >= count) own = kNegativeInfinity;
    const float largest = warp_butterfly(own, 4, 16, [](float l, float r) { return fmaxf(l, r); });
    const float maximum = fmaxf(run.maximum[i], largest);
    const float shift = maximum == kNegativeInfinity ? 0.0F : maximum;  // a lane without a head, or scores of minus infinity alone
    const float factor = fast_exp(run.maximum[i] - shift);
    const float p = row < count ? fast_exp(own - shift) : 0.0F;
    run.sum[i] = run.sum[i] * factor + p;
    run.maximum[i] = maximum;
    const int g = 4 * i + quarter;
    if (g < kGroup) {
      probabilities[g * kTile + row] = p;
      if (row == 0) factors[g] = factor;
    }
  }
  sync_warp();
#pragma unroll
  for (int g = 0; g < kGroup; ++g) {
    const float factor = factors[g];
    float4 r = run.result[g];
    r.x *= factor, r.y *= factor, r.z *= factor, r.w *= factor;
#pragma unroll
    for (int i = 0; i < kTile; ++i) {
      if (i * slots + slot >= kTile) break;
      const float p = probabilities[g * kTile + i * slots + slot];
      r.x += p * v[i].x, r.y += p * v[i].y, r.z += p * v[i].z, r.w += p * v[i].w;
    }
    run.result[g] = r;
  }
  // No barrier here: keys were read before the second one, and probabilities are written again after the next tile's first.
}

/// Adds the slots' results and the positions' sums within the warp, then writes the warp's result, maximum and sum for joining.
template <int kGroup>
QB_DEVICE void leave_for_joining(Running<kGroup>& run, int dim, int lanes_of_row, float* results, float* maxima, float* sums) {
  warp_sums(run.sum, 4, 16);
#pragma unroll
  for (int i = 0; i < Running<kGroup>::kOwn; ++i) {
    const int g = 4 * i + lane() % 4;
    if (g < kGroup && lane() < 4) {
      maxima[warp() * kGroup + g] = run.maximum[i];
      sums[warp() * kGroup + g] = run.sum[i];
    }
  }
#pragma unroll
  for (int g = 0; g < kGroup; ++g) {
    float r[4] = {run.result[g].x, run.result[g].y, run.result[g].z, run.result[g].w};
    warp_sums(r, lanes_of_row, 16);
    const int d = 4 * lane();
    if (lane() < lanes_of_row && d < dim) *reinterpret_cast<float4*>(results + (warp() * kGroup + g) * dim + d) = {r[0], r[1], r[2], r[3]};
  }
}

/// Joins `count` partial results: row i has its result at results[i * stride + d], maximum and sum at the pointers' [i * step].
struct Joined {
  float result, maximum, sum;
};
template <class Pointer>
QB_DEVICE Joined join(Pointer results, long long stride, Pointer maxima, Pointer sums, long long step, int count) {
  Joined j{0.0F, kNegativeInfinity, 0.0F};
  for (int i = 0; i < count; ++i) j.maximum = fmaxf(j.maximum, maxima[i * step]);
  for (int i = 0; i < count; ++i) {
    const float m = maxima[i * step];
    const float factor = m == kNegativeInfinity ? 0.0F : fast_exp(m - j.maximum);
    if (factor == 0.0F && sums[i * step] == 0.0F) continue;
    j.sum += factor * sums[i * step];
    j.result += factor * results[i * stride];
  }
  return j;
}

// Finding the rows of a ring takes registers: with groups of four, two blocks of a multiprocessor would spill.
template <DType kType, int kGroup, bool kKept>
QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, kGroup + kKept > 4 ? 1 : 2) attention_decode_kernel(AttentionArguments a) {
  QB_DYNAMIC_SHARED(float, shared);
  QB_SHARED(unsigned, last, 1);
  using Layout = Shared<kGroup>;
  grid_dependency_wait();
  grid_dependency_trigger();
  const int dim = a.layout.head_dim;
  const int group = a.heads / a.layout.kv_heads;
  const int blocks_of_group = (group + kGroup - 1) / kGroup;
  const int kv_head = block_y() / blocks_of_group;
  const int first_in_group = block_y() % blocks_of_group * kGroup;
  const int first_head = kv_head * group + first_in_group;
  const int heads = min_int(kGroup, group - first_in_group);
  const int token = block_z();
  const auto positions = run_of_split<kKept>(a, a.positions[token], block_x());
  if (block_x() >= positions.used) return;

  const float scale = 1.0F / sqrtf(static_cast<float>(dim));
  float* q = shared;
  for (int i = thread_x(); i < kGroup * dim; i += kThreads) {
    q[i] = i < heads * dim ? scale * a.q[(static_cast<long long>(token) * a.heads + first_head) * dim + i] : 0.0F;
  }
  sync_threads();

  int lanes_of_row = 4;
  while (4 * lanes_of_row < dim) lanes_of_row *= 2;
  Running<kGroup> run;
  for (int i = 0; i < Running<kGroup>::kOwn; ++i) {
    run.maximum[i] = kNegativeInfinity;
    run.sum[i] = 0.0F;
  }
  for (int g = 0; g < kGroup; ++g) run.result[g] = float4{0.0F, 0.0F, 0.0F, 0.0F};
  const unsigned char* block = a.cache + a.layout.head_offset(a.layer, a.sequences[token], kv_head);
  float* keys = shared + Layout::keys(dim) + warp() * Layout::keys_of_warp(dim);
  float* probabilities = shared + Layout::probabilities(dim);
  float* factors = shared + Layout::factors(dim);
  for (int base = positions.begin + kTile * warp(); base < positions.end; base += kTile * kWarps) {
    attend_tile<kType, kGroup, kKept>(a, block, positions, base, q, keys, probabilities + warp() * kGroup * kTile,
                                      factors + warp() * kGroup, lanes_of_row, run);
  }
  sync_threads();  // keys and probabilities are free
  float* results = shared + Layout::keys(dim);
  float* maxima = probabilities;
  float* sums = factors;
  leave_for_joining<kGroup>(run, dim, lanes_of_row, results, maxima, sums);
  sync_threads();

  for (int i = thread_x(); i < heads * dim; i += kThreads) {
    const int g = i / dim;
    const Joined j = join(static_cast<const float*>(results + i), static_cast<long long>(kGroup) * dim,
                          static_cast<const float*>(maxima + g), static_cast<const float*>(sums + g), kGroup, kWarps);
    const long long row = static_cast<long long>(token) * a.heads + first_head + g;
    if (positions.used == 1) {
      a.out[row * dim + i % dim] = j.result / j.sum;
      continue;
    }
    float* partial = a.partial + (row * a.splits + block_x()) * (dim + 2);
    partial[i % dim] = j.result;
    if (i % dim == 0) {
      partial[dim] = j.maximum;
      partial[dim + 1] = j.sum;
    }
  }
  if (positions.used == 1) return;
  if (!last_to_arrive(a.tickets + static_cast<long long>(token) * a.heads + first_head, static_cast<unsigned>(positions.used), last))
    return;
  for (int i = thread_x(); i < heads * dim; i += kThreads) {
    const long long row = static_cast<long long>(token) * a.heads + first_head + i / dim;
    const volatile float* partial = a.partial + row * a.splits * (dim + 2);  // volatile: written by other multiprocessors
    const Joined j = join(partial + i % dim, dim + 2LL, partial + dim, partial + dim + 1, dim + 2LL, positions.used);
    a.out[row * dim + i % dim] = j.result / j.sum;
  }
}

template <DType kType, int kGroup, bool kKept>
void start(const AttentionArguments& a, Stream& stream) {
  const int group = a.heads / a.layout.kv_heads;
  const auto blocks = static_cast<unsigned>(a.layout.kv_heads * ((group + kGroup - 1) / kGroup));
  launch(LaunchConfig{{static_cast<unsigned>(a.splits), blocks, static_cast<unsigned>(a.tokens)},
                      kThreads,
                      sizeof(float) * static_cast<std::size_t>(Shared<kGroup>::numbers(a.layout.head_dim)),
                      stream,
                      a.programmatic,
                      "attention_decode"},
         (attention_decode_kernel<kType, kGroup, kKept>), a);
}

template <DType kType, bool kKept>
void start_for_group(const AttentionArguments& a, Stream& stream) {
  const int group = a.heads / a.layout.kv_heads;
  if (group == 1) return start<kType, 1, kKept>(a, stream);
  if (group <= 4) return start<kType, 4, kKept>(a, stream);
  start<kType, 8, kKept>(a, stream);
}

template <DType kType>
void start_for_policy(const AttentionArguments& a, Stream& stream) {
  if (a.sinks > 0 || a.layout.ring > 0) return start_for_group<kType, true>(a, stream);
  start_for_group<kType, false>(a, stream);
}

}  // namespace

void attention_decode(const AttentionArguments& a, Stream& stream) {
  switch (a.layout.dtype) {
    case DType::kF32:
      return start_for_policy<DType::kF32>(a, stream);
    case DType::kF16:
      return start_for_policy<DType::kF16>(a, stream);
    case DType::kBF16:
      return start_for_policy<DType::kBF16>(a, stream);
    case DType::kFP8:
      return start_for_policy<DType::kFP8>(a, stream);
    default:
      return start_for_policy<DType::kQ8_0>(a, stream);
  }
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
