#pragma once

#include "kernels/cuda/matvec_grid.h"
#include "kernels/cuda/weight_formats.cuh"

/// The part that all matrix-vector kernels share: a block of 256 threads brings one row of activations into shared memory, each warp then
/// multiplies whole rows of weights with it, or a share of their columns.
///
/// Staged activations, for `units` of 8 numbers (float types), 16 (FP8) or 32 (quantised types):
///   float types      plane of numbers 0..3 of every unit, plane of numbers 4..7, with FP8 two more: lanes that take neighbouring units read
///   neighbouring 16 bytes
///   quantised types  int8, symmetric with scale max|x| / 127 for each 32: plane of codes 0..15, of codes 16..31, scales, scale * sum
///   of codes
/// Everything is deterministic: sums run in a fixed order.
namespace qbench::kernels::QB_CUDA_NAMESPACE {

QB_DEVICE int min_int(int a, int b) { return a < b ? a : b; }

QB_DEVICE int unit_count(const WeightRows& m) { return (m.cols + unit_numbers(m.dtype) - 1) / unit_numbers(m.dtype); }

struct Staged {
  const uint4* low;  // first half of every unit: 4 float32 or 16 int8; FP8: its first quarter
  const uint4* high;
  const float* scale;  // quantised types only
  const float* sum;
};

QB_DEVICE Staged staged_view(const uint4* shared, const WeightRows& m) {
  const int units = unit_count(m);
  const auto* scale = reinterpret_cast<const float*>(shared + 2 * units);
  return {shared, shared + units, scale, scale + units};
}

/// Numbers e .. e + 3 of a row, zero beyond its end.
QB_DEVICE float4 load_numbers(const float* x, int e, int count) {
  if (count % 4 == 0) return e < count ? *reinterpret_cast<const float4*>(x + e) : float4{0.0F, 0.0F, 0.0F, 0.0F};
  return {e < count ? x[e] : 0.0F, e + 1 < count ? x[e + 1] : 0.0F, e + 2 < count ? x[e + 2] : 0.0F, e + 3 < count ? x[e + 3] : 0.0F};
}

QB_DEVICE float square_sum(const float4& v) { return v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w; }

QB_DEVICE float4 normalised(const float4& v, const float* norm, int e, int count) {
  if (norm == nullptr) return v;
  const float4 w = load_numbers(norm, e, count);
  return {v.x * w.x, v.y * w.y, v.z * w.z, v.w * w.w};
}

/// The bits of |x|: as integers they order like the numbers, with infinity and NaN above all.
QB_DEVICE unsigned magnitude_bits(float x) {
  unsigned bits;
  memcpy(&bits, &x, sizeof(bits));
  return bits & 0x7fffffffU;
}

QB_DEVICE unsigned larger(unsigned a, unsigned b) { return a > b ? a : b; }

/// A lane's four numbers as one word of int8; eight neighbouring lanes share a block of 32. A block with an infinity or NaN gets the scale
/// NaN.
QB_DEVICE void stage_int8(const float4& v, int e, bool inside, uint4* shared, int units) {
  unsigned bits = larger(larger(magnitude_bits(v.x), magnitude_bits(v.y)), larger(magnitude_bits(v.z), magnitude_bits(v.w)));
  bits = warp_butterfly(bits, 1, 4, [](unsigned one, unsigned other) { return larger(one, other); });
  const bool finite = bits < 0x7f800000U;
  const float largest = bits_to_float(bits);
  const float inverse = finite && largest > 1e-35F ? 127.0F / largest : 0.0F;
  const auto code = [&](float number) { return finite ? static_cast<int>(rintf(number * inverse)) : 0; };
  const int q[4] = {code(v.x), code(v.y), code(v.z), code(v.w)};
  const int sum = warp_butterfly(q[0] + q[1] + q[2] + q[3], 1, 4, [](int one, int other) { return one + other; });
  if (!inside) return;
  const int unit = e / 32;
  const int word = (e % 32) / 4;
  auto* codes = reinterpret_cast<unsigned*>(shared + (word < 4 ? 0 : units));
  codes[4 * unit + word % 4] = (static_cast<unsigned>(q[0]) & 255U) | ((static_cast<unsigned>(q[1]) & 255U) << 8) |
                               ((static_cast<unsigned>(q[2]) & 255U) << 16) | (static_cast<unsigned>(q[3]) << 24);
  if (word != 0) return;
  auto* scale = reinterpret_cast<float*>(shared + 2 * units);
  const float d = finite ? largest / 127.0F : bits_to_float(0x7fc00000U);
  scale[unit] = d;
  scale[units + unit] = d * static_cast<float>(sum);
}

/// Brings x (cols) * norm (cols, or nullptr) into shared memory in the form that m's type reads. Returns the thread's share of the sum of
/// x^2. The caller synchronises.
QB_DEVICE float stage_row(const float* x, const float* norm, const WeightRows& m, uint4* shared) {
  const int units = unit_count(m);
  const bool int8 = reads_int8(m.dtype);
  const int of_unit = unit_numbers(m.dtype);
  const int padded = units * of_unit;
  float squares = 0.0F;
  for (int first = 128 * warp(); first < padded; first += 4 * kMatvecThreads) {  // the whole warp stays together
    const int e = first + 4 * lane();
    const float4 v = load_numbers(x, e, m.cols);
    if (norm != nullptr) squares += square_sum(v);
    const float4 h = normalised(v, norm, e, m.cols);
    if (int8) {
      stage_int8(h, e, e < padded, shared, units);
    } else if (e < padded) {
      reinterpret_cast<float4*>(shared)[e % of_unit / 4 * units + e / of_unit] = h;
    }
  }
  return squares;
}

/// 1 / sqrt(mean of x^2 + eps) from the threads' shares; synchronises, so that staged numbers are visible too. partial (kMatvecWarps)
/// shared.
QB_DEVICE float block_rms_scale(float squares, float* partial, int cols, float eps) {
  const float sum = warp_sum(squares);
  if (lane() == 0) partial[warp()] = sum;
  sync_threads();
  float total = 0.0F;
  for (int w = 0; w < kMatvecWarps; ++w) total += partial[w];
  return 1.0F / sqrtf(total / static_cast<float>(cols) + eps);
}

/// Stages a row and returns the factor that the products still need: the norm's scale, or 1. Ends synchronised.
QB_DEVICE float stage_normalised(const float* x, const float* norm, float eps, const WeightRows& m, uint4* shared, float* partial) {
  const float squares = stage_row(x, norm, m, shared);
  if (norm != nullptr) return block_rms_scale(squares, partial, m.cols, eps);
  sync_threads();
  return 1.0F;
}

QB_DEVICE float4 as_floats(const uint4& v) { return {bits_to_float(v.x), bits_to_float(v.y), bits_to_float(v.z), bits_to_float(v.w)}; }

QB_DEVICE float dot_floats(const float (&w)[8], const float4& a, const float4& b) {
  return (w[0] * a.x + w[1] * a.y + w[2] * a.z + w[3] * a.w) + (w[4] * b.x + w[5] * b.y + w[6] * b.z + w[7] * b.w);
}

QB_DEVICE float dot_four(const float4& w, const float4& x) { return w.x * x.x + w.y * x.y + w.z * x.z + w.w * x.w; }

/// 16 numbers with the staged ones from `x` on, whose quarters are `units` apart.
QB_DEVICE float dot_sixteen(const float4 (&w)[4], const uint4* x, int units) {
  return (dot_four(w[0], as_floats(x[0])) + dot_four(w[1], as_floats(x[units]))) +
         (dot_four(w[2], as_floats(x[2 * units])) + dot_four(w[3], as_floats(x[3 * units])));
}

QB_DEVICE int dot_bytes(const int* v, const uint4& x) {
  int sum = dp4a(v[0], static_cast<int>(x.x), 0);
  sum = dp4a(v[1], static_cast<int>(x.y), sum);
  sum = dp4a(v[2], static_cast<int>(x.z), sum);
  return dp4a(v[3], static_cast<int>(x.w), sum);
}

/// sum[r] += unit u of row r times the staged one. units: of a row.
template <DType kType, int kRows>
QB_DEVICE void add_unit(const typename Format<kType>::Raw (&raw)[kRows], const Staged& x, int u, int units, float (&sum)[kRows]) {
  using F = Format<kType>;
  if constexpr (is_fp8(kType)) {
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      float4 w[4];
      F::unpack(raw[r].q, w);
      sum[r] += F::scale(raw[r]) * dot_sixteen(w, x.low + u, units);
    }
  } else {
    const uint4 low = x.low[u];
    const uint4 high = x.high[u];
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      if constexpr (reads_int8(kType)) {
        Codes c;
        F::decode(raw[r], u, c);
        const float scaled = c.low * static_cast<float>(dot_bytes(c.v, low)) + c.high * static_cast<float>(dot_bytes(c.v + 4, high));
        sum[r] += scaled * x.scale[u] + c.bias * x.sum[u];
      } else {
        float w[8];
        F::unpack(raw[r], w);
        sum[r] += dot_floats(w, as_floats(low), as_floats(high));
      }
    }
  }
}

/// sum[r] += row[r] * x over the units first, first + step, ... of `units`; a scale of the row multiplies the whole sum, which starts at
/// zero. The loads of kAhead units of all rows are issued before the first is used.
template <DType kType, int kRows>
QB_DEVICE void dot_rows(const WeightRows& m, const unsigned char* const (&row)[kRows], const Staged& x, int first, int step, int units,
                        float (&sum)[kRows]) {
  using F = Format<kType>;
  constexpr int kAhead = kType == DType::kF32 || reads_int8(kType) ? 2 : 4;
  for (int base = first; base < units; base += kAhead * step) {
    typename F::Raw raw[kAhead][kRows];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const int u = base + i * step < units ? base + i * step : first;  // loads something that is there; not used below
#pragma unroll
      for (int r = 0; r < kRows; ++r) raw[i][r] = F::load(row[r], m, u);
    }
    // No branch around what is not there: the compiler would move the loads behind it, and one unit's alone would be on their way at a time.
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const bool there = base + i * step < units;
      float more[kRows] = {};
      add_unit<kType>(raw[i], x, there ? base + i * step : first, units, more);
#pragma unroll
      for (int r = 0; r < kRows; ++r) sum[r] += there ? more[r] : 0.0F;
    }
  }
  if constexpr (has_row_scale(kType)) {
#pragma unroll
    for (int r = 0; r < kRows; ++r) sum[r] *= row_scale<kType>(row[r], m);
  }
}

/// The whole warp's products of kRows rows with the staged activations: every lane returns with the sums of the warp's share of the
/// columns, which is part `part` of `parts`.
template <int kRows>
QB_DEVICE void multiply_rows(const WeightRows& m, const unsigned char* const (&row)[kRows], const Staged& x, int part, int parts,
                             float (&sum)[kRows]) {
  const int units = unit_count(m);
  const int first = 32 * part + lane();
  const int step = 32 * parts;
#pragma unroll
  for (int r = 0; r < kRows; ++r) sum[r] = 0.0F;
  switch (m.dtype) {
    case DType::kF32:
      dot_rows<DType::kF32>(m, row, x, first, step, units, sum);
      break;
    case DType::kF16:
      dot_rows<DType::kF16>(m, row, x, first, step, units, sum);
      break;
    case DType::kBF16:
      dot_rows<DType::kBF16>(m, row, x, first, step, units, sum);
      break;
    case DType::kQ4_0:
      dot_rows<DType::kQ4_0>(m, row, x, first, step, units, sum);
      break;
    case DType::kQ4_1:
      dot_rows<DType::kQ4_1>(m, row, x, first, step, units, sum);
      break;
    case DType::kQ5_0:
      dot_rows<DType::kQ5_0>(m, row, x, first, step, units, sum);
      break;
    case DType::kQ5_1:
      dot_rows<DType::kQ5_1>(m, row, x, first, step, units, sum);
      break;
    case DType::kQ8_0:
      dot_rows<DType::kQ8_0>(m, row, x, first, step, units, sum);
      break;
    case DType::kQ4_K:
      dot_rows<DType::kQ4_K>(m, row, x, first, step, units, sum);
      break;
    case DType::kQ5_K:
      dot_rows<DType::kQ5_K>(m, row, x, first, step, units, sum);
      break;
    case DType::kQ6_K:
      dot_rows<DType::kQ6_K>(m, row, x, first, step, units, sum);
      break;
    case DType::kIQ4_NL:
      dot_rows<DType::kIQ4_NL>(m, row, x, first, step, units, sum);
      break;
    case DType::kInt8:
      dot_rows<DType::kInt8>(m, row, x, first, step, units, sum);
      break;
    case DType::kFP8:
      dot_rows<DType::kFP8>(m, row, x, first, step, units, sum);
      break;
    case DType::kFP8Block:
      dot_rows<DType::kFP8Block>(m, row, x, first, step, units, sum);
      break;
    case DType::kInt4:
      dot_rows<DType::kInt4>(m, row, x, first, step, units, sum);
      break;
    default:
      break;  // the backend loads no other type
  }
  warp_sums(sum);
}

/// The sum over the warps that share rows: parts > 1 writes each warp's sums to `sums` (warps, kRows) and adds them in order. Every warp of
/// the block calls it; the result is right in the first warp of each group.
template <int kRows>
QB_DEVICE void join_parts(float (&sum)[kRows], int parts, float* sums) {
  if (parts == 1) return;
  sync_threads();  // the sums of the tile before have been read
  if (lane() == 0) {
    for (int r = 0; r < kRows; ++r) sums[kRows * warp() + r] = sum[r];
  }
  sync_threads();
  if (warp() % parts != 0) return;
  for (int r = 0; r < kRows; ++r) {
    float total = 0.0F;
    for (int p = 0; p < parts; ++p) total += sums[kRows * (warp() + p) + r];
    sum[r] = total;
  }
}

/// Whether this block is the last of `blocks` to arrive here; what the others wrote before is then visible to volatile loads. The counter
/// is back at zero afterwards. last: one shared word. Synchronises.
QB_DEVICE bool last_to_arrive(unsigned* ticket, unsigned blocks, unsigned* last) {
  thread_fence();
  sync_threads();
  if (thread_x() == 0) last[0] = atomic_increment(ticket, blocks - 1);
  sync_threads();
  if (last[0] != blocks - 1) return false;
  thread_fence();
  return true;
}

/// Asks for the first bytes of a row before the step's input is there: weights do not depend on the kernels before.
QB_DEVICE void prefetch_row(const unsigned char* row, const WeightRows& m) {
  const long long at = 128LL * lane();
  if (at < m.row_bytes) prefetch_l2(row + at);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
