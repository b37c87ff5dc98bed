#include "kernels/cpu/matmul_kernels_float.h"
#include "kernels/cpu/matmul_vector_avx512.h"

namespace qbench::kernels::cpu {
namespace {

using V = VectorAvx512<false>;

/// BF16 weights times BF16 activations, two columns an instruction: products exact, sums in float32 (VDPBF16PS, subnormals count as zero).
struct WeightsBF16Dot {
  static constexpr int kColsPerStep = 2, kInputBytes = 2, kStepBytes = 64, kLaneBytes = 4, kTokens = V::kFloatTokens;
  using Weights = __m512i;
  QB_INLINE Weights load(const std::uint8_t* w) { return V::load_bytes(w); }
  template <int kRegs>
  QB_INLINE void multiply(const Weights* w, const std::byte* x, V::Float* sum, int sum_step) {
    const __m512i input = V::broadcast4(reinterpret_cast<const std::int8_t*>(x));
#pragma GCC unroll 8
    for (int r = 0; r < kRegs; ++r) {
      sum[r * sum_step] = _mm512_dpbf16_ps(sum[r * sum_step], reinterpret_cast<__m512bh>(w[r]), reinterpret_cast<__m512bh>(input));
    }
  }
};

/// Rounds to nearest even; a padding column becomes 0.
void prepare_bf16(const PrepareArgs& a) {
  for (std::int64_t c = 0; c < a.cols; c += 16) {
    const std::int64_t n = a.cols - c;
    const __m512 x = n >= 16 ? V::load(a.x + c) : V::load_first(a.x + c, n);
    const __m256bh rounded = _mm512_cvtneps_pbh(x);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(a.to + 2 * c), reinterpret_cast<__m256i>(rounded));
  }
}

}  // namespace

void add_kernels_avx512_bf16(MatmulKernels& kernels) {
  kernels.bf16_dot = multiply_float<V, WeightsBF16Dot>;
  kernels.prepare_bf16 = prepare_bf16;
}

}  // namespace qbench::kernels::cpu
