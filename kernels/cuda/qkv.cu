#include "kernels/cuda/qkv.h"

#include "kernels/cuda/kv_rows.cuh"
#include "kernels/cuda/matvec_rows.cuh"

// [q k v] = rmsnorm(x) * norm w^T + bias, per-head norm, rotation, append: one kernel.
//
// Grid: (heads of q, k and v) * (tiles of a head), tokens. A block multiplies some rows of one head as in matvec.cu and leaves the products
// in `raw`, which stays in L2; the last block of a head to arrive (a ticket counts them) finishes that head: bias, norm and rotation need
// the whole head, and a head for each block would use a third of an H200. Bytes: the weights once for each token; raw passes through L2.
// Deterministic: which block finishes a head does not change what it computes.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kRows = kQkvRows;
constexpr float kLargestF16 = 65504.0F;

/// The part and row at which a head starts.
struct HeadRows {
  WeightRows rows;
  int first;
};

QB_DEVICE HeadRows head_rows(const QkvArguments& a, int head) {
  int row = head * a.head_dim;
  if (row < a.part_rows[0]) return {a.part[0], row};
  row -= a.part_rows[0];
  if (row < a.part_rows[1]) return {a.part[1], row};
  return {a.part[2], row - a.part_rows[1]};
}

/// Finite numbers beyond float16's range become its largest.
QB_DEVICE unsigned short saturated_f16(float x) {
  const bool finite = magnitude_bits(x) < 0x7f800000U;
  return float_to_f16(finite ? fminf(fmaxf(x, -kLargestF16), kLargestF16) : x);
}

/// Largest magnitude, as bits, of the block's values; the whole block. `shared` (kMatvecWarps).
QB_DEVICE unsigned block_largest_bits(float x, float* shared) {
  unsigned bits = magnitude_bits(x);
  bits = warp_butterfly(bits, 1, 16, [](unsigned one, unsigned other) { return larger(one, other); });
  sync_threads();  // shared may still be read
  if (lane() == 0) shared[warp()] = bits_to_float(bits);
  sync_threads();
  for (int w = 0; w < kMatvecWarps; ++w) bits = larger(bits, magnitude_bits(shared[w]));
  return bits;
}

/// Writes number d of a head in FP8: one scale for the head at this row, max|x| / 448. An infinity or NaN makes it NaN.
QB_DEVICE void append_fp8(unsigned char* plane, unsigned char* scales, long long row, int dim, int d, float x, unsigned largest) {
  constexpr float kLargest = 448.0F;
  constexpr float kSmallest = 1e-30F;
  const bool finite = largest < 0x7f800000U;
  const bool any = finite && bits_to_float(largest) > kSmallest;
  const unsigned short bits = !finite ? static_cast<unsigned short>(0x7fc0) : any ? float_to_bf16(bits_to_float(largest) / kLargest) : 0;
  const float scale = bits_to_float(static_cast<unsigned>(bits) << 16);
  if (d == 0) reinterpret_cast<unsigned short*>(scales)[row] = bits;
  if (d < dim) plane[row * dim + d] = float_to_e4m3(any ? fminf(fmaxf(x / scale, -kLargest), kLargest) : 0.0F);
}

/// Writes number d of a position's K or V; every lane of a warp calls it, lanes in order of d, 32 numbers starting at a multiple of 32.
QB_DEVICE void append_number(const KvLayout& layout, unsigned char* plane, unsigned char* scales, long long row, int d, bool inside,
                             float x) {
  const long long at = row * layout.head_dim + d;
  if (layout.dtype == DType::kQ8_0) {
    unsigned bits = magnitude_bits(x);
    bits = warp_butterfly(bits, 1, 16, [](unsigned one, unsigned other) { return larger(one, other); });
    const bool finite = bits < 0x7f800000U;
    const unsigned short scale = finite ? saturated_f16(bits_to_float(bits) / 127.0F) : static_cast<unsigned short>(0x7e00);
    const float d_float = f16_to_float(scale);
    const float code = finite && d_float > 0.0F ? rintf(x / d_float) : 0.0F;
    if (!inside) return;
    reinterpret_cast<signed char*>(plane)[at] = static_cast<signed char>(fminf(fmaxf(code, -127.0F), 127.0F));
    if (d % 32 == 0) reinterpret_cast<unsigned short*>(scales)[row * (layout.head_dim / 32) + d / 32] = scale;
    return;
  }
  if (!inside) return;
  if (layout.dtype == DType::kF32) reinterpret_cast<float*>(plane)[at] = x;
  if (layout.dtype == DType::kBF16) reinterpret_cast<unsigned short*>(plane)[at] = float_to_bf16(x);
  if (layout.dtype == DType::kF16) reinterpret_cast<unsigned short*>(plane)[at] = saturated_f16(x);
}

/// Bias, norm, rotation and destination of a finished head. The whole block; numbers (kMostHeadDim) and partial (kMatvecWarps) are shared.
QB_DEVICE void finish_head(const QkvArguments& a, int token, int head, float* numbers, float* partial) {
  const int dim = a.head_dim;
  const int all = a.heads + 2 * a.kv_heads;
  const volatile float* raw = a.raw + (static_cast<long long>(token) * all + head) * dim;  // volatile: written by other multiprocessors
  const bool is_q = head < a.heads;
  const bool is_v = head >= a.heads + a.kv_heads;
  const int position = a.positions[token];
  const int d = thread_x();
  float value = 0.0F;
  if (d < dim) {
    value = raw[d];
    if (a.bias != nullptr) value += a.bias[head * dim + d];
  }
  const float* norm = is_v ? nullptr : is_q ? a.q_norm : a.k_norm;
  if (norm != nullptr) {
    const float scale = block_rms_scale(value * value, partial, dim, a.rms_eps);
    if (d < dim) value = value * scale * norm[d];
  }
  if (!is_v) {
    if (d < dim) numbers[d] = value;
    sync_threads();
    const int half = a.rotary_dim / 2;
    if (d < a.rotary_dim) {
      const int j = d < half ? d : d - half;
      const float c = a.rope_cos[static_cast<long long>(position) * half + j];
      const float s = a.rope_sin[static_cast<long long>(position) * half + j];
      value = d < half ? value * c - numbers[d + half] * s : value * c + numbers[d - half] * s;
    }
  }
  if (is_q) {
    if (d < dim) a.q[(static_cast<long long>(token) * a.heads + head) * dim + d] = value;
    return;
  }
  const KvLayout& layout = a.layout;
  const int kv_head = (head - a.heads) % a.kv_heads;
  unsigned char* block = a.cache + layout.head_offset(a.layer, a.sequences[token], kv_head);
  unsigned char* plane = block + (is_v ? layout.v : 0);
  unsigned char* scales = block + (is_v ? layout.v_scales : layout.k_scales);
  const int row = kv_rows(layout, position).row(position);
  if (layout.dtype == DType::kFP8) {
    const unsigned largest = block_largest_bits(d < dim ? value : 0.0F, partial);
    append_fp8(plane, scales, row, dim, d, value, largest);
    return;
  }
  if (32 * warp() >= dim) return;  // whole warps
  append_number(layout, plane, scales, row, d, d < dim, value);
}

QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 2) qkv_kernel(QkvArguments a, int tiles, int parts) {
  QB_DYNAMIC_SHARED(uint4, staged);
  QB_SHARED(float, partial, kMatvecWarps);
  QB_SHARED(float, sums, kMatvecWarps* kRows);
  QB_SHARED(float, numbers, kMostHeadDim);
  QB_SHARED(unsigned, last, 1);
  const int token = block_y();
  const int head = block_x() / tiles;
  const int all = a.heads + 2 * a.kv_heads;
  const HeadRows from = head_rows(a, head);
  const WeightRows& m = from.rows;
  const int first = (block_x() % tiles) * (kMatvecWarps / parts * kRows) + warp() / parts * kRows;
  const unsigned char* rows[kRows];
  for (int r = 0; r < kRows; ++r) {
    rows[r] = m.data + (from.first + min_int(first + r, a.head_dim - 1)) * m.row_bytes;
    prefetch_row(rows[r], m);
  }
  grid_dependency_wait();
  const float scale = stage_normalised(a.x + static_cast<long long>(token) * m.cols, a.norm, a.rms_eps, m, staged, partial);
  grid_dependency_trigger();
  float sum[kRows];
  multiply_rows(m, rows, staged_view(staged, m), warp() % parts, parts, sum);
  join_parts(sum, parts, sums);
  if (warp() % parts == 0 && lane() < kRows && first + lane() < a.head_dim) {
    a.raw[(static_cast<long long>(token) * all + head) * a.head_dim + first + lane()] = scale * (lane() == 0 ? sum[0] : sum[1]);
  }
  if (!last_to_arrive(a.tickets + static_cast<long long>(token) * all + head, static_cast<unsigned>(tiles), last)) return;
  finish_head(a, token, head, numbers, partial);
}

/// One block for each head and token.
QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 2) qkv_finish_kernel(QkvFinishArguments a) {
  QB_SHARED(float, partial, kMatvecWarps);
  QB_SHARED(float, numbers, kMostHeadDim);
  grid_dependency_wait();
  grid_dependency_trigger();
  finish_head(a.qkv, block_y(), block_x(), numbers, partial);
}

}  // namespace

void qkv_finish(const QkvFinishArguments& a, Stream& stream) {
  launch(LaunchConfig{{static_cast<unsigned>(a.qkv.heads + 2 * a.qkv.kv_heads), static_cast<unsigned>(a.qkv.tokens), 1},
                      kMatvecThreads,
                      0,
                      stream,
                      a.qkv.programmatic,
                      "qkv_finish"},
         (qkv_finish_kernel), a);
}

void qkv(const QkvArguments& a, int sm_count, Stream& stream) {
  const int all = a.heads + 2 * a.kv_heads;
  const QkvGrid grid = qkv_grid(a, sm_count);
  launch(LaunchConfig{{static_cast<unsigned>(all * grid.tiles), static_cast<unsigned>(a.tokens), 1},
                      kMatvecThreads,
                      static_cast<std::size_t>(grid.shared_bytes),
                      stream,
                      a.programmatic,
                      "qkv"},
         (qkv_kernel), a, grid.tiles, grid.parts);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
