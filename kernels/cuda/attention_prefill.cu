#include "kernels/cuda/attention_prefill.h"

#include "kernels/cuda/kv_numbers.cuh"
#include "kernels/cuda/kv_rows.cuh"
#include "kernels/cuda/matvec_rows.cuh"

// Causal flash attention of a prompt's tokens on tensor cores (mma m16n8k16, Dao 2023: FlashAttention-2), grouped queries, optional window.
//
// Grid: (tiles of 64 queries, heads). Block: 4 warps of 16 queries each. The queries become A fragments once; then, for each 64 positions:
//   S = Q K^T (each warp 16 x 64), mask, online softmax in float32 over the row's four lanes, O += P V with P in 16 bits straight from S's
//   registers: the accumulator's layout is that of the next product's A operand.
// Shared memory: one tile of keys (at first the queries) and one of values, rows padded by 16 bytes so that ldmatrix reads all banks. The
// next keys travel (cp.async) while the softmax and P V run, the next values while S is computed. FP8 and Q8_0 caches become F16 on the way
// (2^-12 of a number at most, where BF16 would take 2^-9; beyond 65,504 the largest F16): their codes travel in registers, the next keys'
// while S is computed, the next values' while P V is. Bytes: keys and values once for each tile of queries and head, mostly from L2.
// Deterministic.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kThreads = 128;
constexpr int kTile = 64;  // positions, and queries
constexpr int kPad = 8;    // numbers
constexpr float kMinusInfinity = -INFINITY;

constexpr bool is_quantised(DType cache) { return cache == DType::kFP8 || cache == DType::kQ8_0; }

/// To what the tensor cores multiply for a cache of this type: BF16 for BF16, else F16.
template <DType kType>
QB_DEVICE unsigned pack2(float lo, float hi) {
  if constexpr (kType == DType::kBF16) return pack2_bf16(lo, hi);
  return is_quantised(kType) ? pack2_f16_finite(lo, hi) : pack2_f16(lo, hi);
}
template <DType kType>
QB_DEVICE void mma_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  if constexpr (kType == DType::kBF16) {
    mma_bf16_16x8x16(d, a, b);
  } else {
    mma_f16_16x8x16(d, a, b);
  }
}

template <int kDim>
struct PrefillTraits {
  static constexpr int kStride = kDim + kPad;
  static constexpr int kSteps = kDim / 16;    // of S = Q K^T
  static constexpr int kOutTiles = kDim / 8;  // 8 numbers of the head each
  static constexpr int kBufferNumbers = kTile * kStride;
  static constexpr int kSharedBytes = 2 * kBufferNumbers * 2;
};

/// What a tile of queries sees: positions below sinks, and [first, end).
struct Visible {
  int sinks, first, end;
  KvRows rows;

  QB_DEVICE bool holds(int position) const { return position < end && (position < sinks || position >= first); }
  /// The first 64 positions that hold some of it behind those from `base` on.
  QB_DEVICE int next(int base) const {
    base += kTile;
    return base >= sinks && base < first / kTile * kTile ? first / kTile * kTile : base;
  }
};

/// One head's keys or values.
struct Plane {
  const unsigned char* numbers;
  const unsigned char* scales;
};

/// The rows of 64 positions from `base` on, on their way to a tile of shared memory that is in use when fetch() is called and free when
/// place() is. Those that no query sees become zero, since 0 * NaN is not 0.
template <DType kType, int kDim>
struct Rows {  // of 16 bits a number: place() starts the copy
  int base;

  QB_DEVICE void fetch(const Plane&, int from, const Visible&) { base = from; }
  QB_DEVICE void place(const Plane& plane, const Visible& visible, unsigned short* to) const {
    constexpr int kChunks = kDim / 8;
    for (int i = thread_x(); i < kTile * kChunks; i += kThreads) {
      const int row = i / kChunks;
      const int chunk = i % kChunks;
      unsigned short* at = to + row * PrefillTraits<kDim>::kStride + 8 * chunk;
      if (visible.holds(base + row)) {
        cp_async16(at, plane.numbers + (static_cast<long long>(visible.rows.row(base + row)) * kDim + 8 * chunk) * 2);
      } else {
        *reinterpret_cast<uint4*>(at) = uint4{0, 0, 0, 0};
      }
    }
    cp_async_commit();
  }
};
template <DType kType, int kDim>
  requires(is_quantised(kType))
struct Rows<kType, kDim> {  // two threads a row, each every second 16 numbers of it
  static constexpr int kOwn = kDim / 32;
  static_assert(kThreads == 2 * kTile);
  uint4 codes[kOwn];
  unsigned short scales[kOwn];

  QB_DEVICE static int number(int i) { return 32 * i + thread_x() % 2 * 16; }
  QB_DEVICE void fetch(const Plane& plane, int base, const Visible& visible) {
    const int position = base + thread_x() / 2;
    const bool seen = visible.holds(position);
    const long long row = seen ? visible.rows.row(position) : 0;
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      codes[i] = seen ? *reinterpret_cast<const uint4*>(plane.numbers + row * kDim + number(i)) : uint4{0, 0, 0, 0};
      scales[i] = seen ? KvNumbers<kType>::scale_bits(plane.scales, row, kDim, number(i)) : static_cast<unsigned short>(0);
    }
  }
  QB_DEVICE void place(const Plane&, const Visible&, unsigned short* to) const {
    unsigned short* row = to + thread_x() / 2 * PrefillTraits<kDim>::kStride;
#pragma unroll
    for (int i = 0; i < kOwn; ++i) {
      const float scale = KvNumbers<kType>::scale(scales[i]);
      const unsigned words[4] = {codes[i].x, codes[i].y, codes[i].z, codes[i].w};
#pragma unroll
      for (int w = 0; w < 4; w += 2) {
        const float4 a = KvNumbers<kType>::unpack(words[w], scale);
        const float4 b = KvNumbers<kType>::unpack(words[w + 1], scale);
        *reinterpret_cast<uint4*>(row + number(i) + 4 * w) =
            uint4{pack2<kType>(a.x, a.y), pack2<kType>(a.z, a.w), pack2<kType>(b.x, b.y), pack2<kType>(b.z, b.w)};
      }
    }
  }
};

/// The warp's 16 queries, divided by sqrt(head_dim), as A fragments. Rows beyond the tile's tokens are zero.
template <DType kType, int kDim>
QB_DEVICE void load_queries(const AttentionPrefillArguments& a, const PrefillTile& tile, int head, unsigned short* shared,
                            unsigned (&fragments)[kDim / 16][4]) {
  using T = PrefillTraits<kDim>;
  const float scale = 1.0F / sqrtf(static_cast<float>(kDim));
  for (int i = thread_x(); i < kTile * kDim / 2; i += kThreads) {
    const int row = 2 * i / kDim;
    const int d = 2 * i % kDim;
    unsigned pair = 0;
    if (row < tile.tokens) {
      const float* q = a.q + (static_cast<long long>(tile.first_token + row) * a.heads + head) * kDim + d;
      pair = pack2<kType>(scale * q[0], scale * q[1]);
    }
    *reinterpret_cast<unsigned*>(shared + row * T::kStride + d) = pair;
  }
  sync_threads();
#pragma unroll
  for (int k = 0; k < T::kSteps; ++k)
    ldmatrix_x4(fragments[k], shared + (16 * warp() + lane() % 16) * T::kStride + 16 * k + lane() / 16 * 8);
  sync_threads();
}

/// S (16, 64) of the warp.
template <DType kType, int kDim>
QB_DEVICE void multiply_keys(const unsigned (&queries)[kDim / 16][4], const unsigned short* keys, float (&s)[8][4]) {
  using T = PrefillTraits<kDim>;
#pragma unroll
  for (int n = 0; n < 8; ++n) s[n][0] = s[n][1] = s[n][2] = s[n][3] = 0.0F;
  const int matrix = lane() / 8;
  const int row = matrix / 2 * 8 + lane() % 8;
  const int column = matrix % 2 * 8;
#pragma unroll
  for (int k = 0; k < T::kSteps; ++k) {
#pragma unroll
    for (int n = 0; n < 8; n += 2) {
      unsigned b[4];
      ldmatrix_x4(b, keys + (8 * n + row) * T::kStride + 16 * k + column);
      mma_16x8x16<kType>(s[n], queries[k], {b[0], b[1]});
      mma_16x8x16<kType>(s[n + 1], queries[k], {b[2], b[3]});
    }
  }
}

/// O += P V.
template <DType kType, int kDim>
QB_DEVICE void multiply_values(const float (&p)[8][4], const unsigned short* values, float (&o)[kDim / 8][4]) {
  using T = PrefillTraits<kDim>;
  const int matrix = lane() / 8;
  const int row = matrix % 2 * 8 + lane() % 8;
  const int column = matrix / 2 * 8;
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    const unsigned a[4] = {pack2<kType>(p[2 * k][0], p[2 * k][1]), pack2<kType>(p[2 * k][2], p[2 * k][3]),
                           pack2<kType>(p[2 * k + 1][0], p[2 * k + 1][1]), pack2<kType>(p[2 * k + 1][2], p[2 * k + 1][3])};
#pragma unroll
    for (int n = 0; n < T::kOutTiles; n += 2) {
      unsigned b[4];
      ldmatrix_x4_trans(b, values + (16 * k + row) * T::kStride + 8 * n + column);
      mma_16x8x16<kType>(o[n], a, {b[0], b[1]});
      mma_16x8x16<kType>(o[n + 1], a, {b[2], b[3]});
    }
  }
}

/// Maximum and sum of two rows: lane / 4 and lane / 4 + 8 of the warp's 16; the sum is the lane's share.
struct RowState {
  float maximum[2] = {kMinusInfinity, kMinusInfinity};
  float sum[2] = {0.0F, 0.0F};
};

/// Masks and exponentiates S in place; returns in `factor` what the results so far are to be multiplied with.
QB_DEVICE void softmax_tile(const AttentionPrefillArguments& a, float (&s)[8][4], int base, const int (&position)[2], RowState& state,
                            float (&factor)[2]) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float largest = kMinusInfinity;
#pragma unroll
    for (int n = 0; n < 8; ++n) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int p = base + 8 * n + 2 * (lane() % 4) + i;
        float& x = s[n][2 * half + i];
        const bool in_window = a.window <= 0 || p > position[half] - a.window;
        const bool sink = p < a.sinks && (a.outer <= 0 || p > position[half] - a.outer);
        const bool visible = p <= position[half] && (in_window || sink);
        x = visible ? x : kMinusInfinity;
        largest = fmaxf(largest, x);
      }
    }
    largest = fmaxf(largest, shuffle_xor(largest, 1));
    largest = fmaxf(largest, shuffle_xor(largest, 2));
    const float maximum = fmaxf(state.maximum[half], largest);
    const float shift = maximum == kMinusInfinity ? 0.0F : maximum;  // nothing visible yet
    factor[half] = fast_exp(state.maximum[half] - shift);
    float sum = 0.0F;
#pragma unroll
    for (int n = 0; n < 8; ++n) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        float& x = s[n][2 * half + i];
        x = fast_exp(x - shift);
        sum += x;
      }
    }
    state.sum[half] = state.sum[half] * factor[half] + sum;
    state.maximum[half] = maximum;
  }
}

template <int kDim>
QB_DEVICE void write_rows(const AttentionPrefillArguments& a, const PrefillTile& tile, int head, RowState& state,
                          const float (&o)[kDim / 8][4]) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float sum = state.sum[half];
    sum += shuffle_xor(sum, 1);
    sum += shuffle_xor(sum, 2);
    const int row = 16 * warp() + lane() / 4 + 8 * half;
    if (row >= tile.tokens) continue;
    const float inverse = 1.0F / sum;
    float* out = a.out + (static_cast<long long>(tile.first_token + row) * a.heads + head) * kDim + 2 * (lane() % 4);
#pragma unroll
    for (int n = 0; n < PrefillTraits<kDim>::kOutTiles; ++n)
      *reinterpret_cast<float2*>(out + 8 * n) = float2{o[n][2 * half] * inverse, o[n][2 * half + 1] * inverse};
  }
}

template <DType kType, int kDim>
QB_KERNEL QB_LAUNCH_BOUNDS(kThreads, 2) attention_prefill_kernel(AttentionPrefillArguments a) {
  using T = PrefillTraits<kDim>;
  QB_DYNAMIC_SHARED(unsigned short, shared);
  unsigned short* keys = shared;
  unsigned short* values = shared + T::kBufferNumbers;
  grid_dependency_wait();
  grid_dependency_trigger();
  const PrefillTile tile = a.tiles[grid_x() - 1 - block_x()];  // the deepest first: the costliest
  const int head = block_y();
  unsigned queries[T::kSteps][4];
  load_queries<kType, kDim>(a, tile, head, keys, queries);

  const unsigned char* block = a.cache + a.layout.head_offset(a.layer, tile.sequence, head / (a.heads / a.layout.kv_heads));
  const int end = tile.first_position + tile.tokens;
  const int first = a.window > 0 && tile.first_position - a.window + 1 > 0 ? tile.first_position - a.window + 1 : 0;
  const Visible visible{a.sinks, first, end, kv_rows(a.layout, end - 1)};
  const int start = a.sinks > 0 ? 0 : first / kTile * kTile;
  const int row = 16 * warp() + lane() / 4;
  const int position[2] = {tile.first_position + row, tile.first_position + row + 8};
  RowState state;
  float o[T::kOutTiles][4];
#pragma unroll
  for (int n = 0; n < T::kOutTiles; ++n) o[n][0] = o[n][1] = o[n][2] = o[n][3] = 0.0F;

  const Plane key_plane{block, block + a.layout.k_scales};
  const Plane value_plane{block + a.layout.v, block + a.layout.v_scales};
  Rows<kType, kDim> rows;
  rows.fetch(key_plane, start, visible);
  rows.place(key_plane, visible, keys);
  rows.fetch(value_plane, start, visible);
  rows.place(value_plane, visible, values);
  for (int base = start; base < end; base = visible.next(base)) {
    cp_async_wait<1>();
    sync_threads();  // the keys are there
    rows.fetch(key_plane, visible.next(base), visible);
    float s[8][4];
    multiply_keys<kType, kDim>(queries, keys, s);
    sync_threads();  // and free
    rows.place(key_plane, visible, keys);
    float factor[2];
    softmax_tile(a, s, base, position, state, factor);
#pragma unroll
    for (int n = 0; n < T::kOutTiles; ++n) {
      o[n][0] *= factor[0], o[n][1] *= factor[0];
      o[n][2] *= factor[1], o[n][3] *= factor[1];
    }
    cp_async_wait<1>();
    sync_threads();  // the values are there
    rows.fetch(value_plane, visible.next(base), visible);
    multiply_values<kType, kDim>(s, values, o);
    sync_threads();  // and free
    rows.place(value_plane, visible, values);
  }
  cp_async_wait<0>();
  write_rows<kDim>(a, tile, head, state, o);
}

template <DType kType, int kDim>
void start(const AttentionPrefillArguments& a, Stream& stream) {
  launch(LaunchConfig{{static_cast<unsigned>(a.tile_count), static_cast<unsigned>(a.heads), 1},
                      kThreads,
                      PrefillTraits<kDim>::kSharedBytes,
                      stream,
                      a.programmatic,
                      "attention_prefill"},
         (attention_prefill_kernel<kType, kDim>), a);
}

template <DType kType>
void start_for_dim(const AttentionPrefillArguments& a, Stream& stream) {
  if (a.layout.head_dim == 64) return start<kType, 64>(a, stream);
  if (a.layout.head_dim == 96) return start<kType, 96>(a, stream);
  start<kType, 128>(a, stream);
}

}  // namespace

void attention_prefill(const AttentionPrefillArguments& a, Stream& stream) {
  if (a.layout.dtype == DType::kBF16) return start_for_dim<DType::kBF16>(a, stream);
  if (a.layout.dtype == DType::kFP8) return start_for_dim<DType::kFP8>(a, stream);
  if (a.layout.dtype == DType::kQ8_0) return start_for_dim<DType::kQ8_0>(a, stream);
  start_for_dim<DType::kF16>(a, stream);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
