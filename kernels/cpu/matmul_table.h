#pragma once

#include "kernels/cpu/matmul_kernels_float.h"
#include "kernels/cpu/matmul_kernels_quant.h"

/// The table of one instruction set. Included by one file per instruction set, see matmul_kernels.h.
namespace qbench::kernels::cpu {
namespace {

/// Scale d = max|x| / 127 per 32 numbers; q = round(x / d) to nearest even, never -128. A block whose largest number is below 2^-119 becomes
/// zeros (1 / d would overflow); an infinity or NaN makes d infinite or NaN, and with it every result that reads the block.
template <class V>
void prepare_q8(const PrepareArgs& a) {
  Q8Block* out = reinterpret_cast<Q8Block*>(a.to);
  for (std::int64_t b = 0; b < a.cols / kBlockCols; ++b, ++out) {
    const float* x = a.x + b * kBlockCols;
    const float most = V::largest(x);
    const bool tiny = most < 0x1p-119f;
    const float d = tiny ? 0.0f : most / 127.0f;
    std::int32_t sums[2];
    V::quantize(x, tiny ? 0.0f : 127.0f / most, out->q, sums);
    out->d = d;
    out->d_sum = d * static_cast<float>(sums[0] + sums[1]);
    out->minus_sum = -(sums[0] + sums[1]);
    for (int half = 0; half < 2; ++half) {
      out->minus_sum_half[half] = -sums[half];
      out->d_sum_half[half] = d * static_cast<float>(sums[half]);
    }
    out->unused = 0;
  }
}

template <class V>
MatmulKernels make_table() {
  MatmulKernels k{};
  k.f32 = multiply_float<V, WeightsF32<V>>;
  k.f16 = multiply_float<V, WeightsF16<V>>;
  k.bf16 = multiply_float<V, WeightsBF16<V>>;
  k.q4_0 = multiply_quant<V, kFormatQ4_0>;
  k.q4_1 = multiply_quant<V, kFormatQ4_1>;
  k.q5_0 = multiply_quant<V, kFormatQ5_0>;
  k.q5_1 = multiply_quant<V, kFormatQ5_1>;
  k.q8_0 = multiply_quant<V, kFormatQ8_0>;
  k.q2_k = multiply_quant<V, kFormatQ2_K>;
  k.q3_k = multiply_quant<V, kFormatQ3_K>;
  k.q4_k = multiply_quant<V, kFormatQ4_K>;
  k.q5_k = multiply_quant<V, kFormatQ5_K>;
  k.q6_k = multiply_quant<V, kFormatQ6_K>;
  k.iq4_nl = multiply_quant<V, kFormatIQ4_NL>;
  k.iq4_xs = multiply_quant<V, kFormatIQ4_XS>;
  k.prepare_q8 = prepare_q8<V>;
  return k;
}

}  // namespace
}  // namespace qbench::kernels::cpu
