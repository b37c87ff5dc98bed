#pragma once

#include <cstdint>

#include "kernels/cpu/isa.h"

namespace qbench::kernels::cpu {

/// The small kernels between the matrix products. Bytes moved: inputs once, outputs once. Deterministic: the order of every sum depends on
/// the length and the instruction set only. Pointers need no alignment.
struct ElementwiseKernels {
  /// to[i] = weight[i] * (x[i] / sqrt(mean(x^2) + eps)), statistics in float32, normalised first, then weighted, as Hugging Face does.
  /// x, weight, to: (n); to may be x.
  void (*rms_norm)(const float* x, const float* weight, float eps, std::int64_t n, float* to);

  /// Rotates pairs (j, j + half): head[j] = a cos - b sin, head[j + half] = b cos + a sin. cos, sin: (half). Source: RoFormer, arXiv
  /// 2104.09864, with the halves pairing of GPT-NeoX.
  void (*rope)(float* head, const float* cos, const float* sin, std::int64_t half);

  /// to[i] = gate[i] / (1 + exp(-gate[i])) * up[i]; to may be gate.
  void (*silu_mul)(const float* gate, const float* up, std::int64_t n, float* to);

  /// to[i] += x[i]
  void (*add)(const float* x, std::int64_t n, float* to);

  /// to[i] += scale * x[i]
  void (*add_scaled)(const float* x, float scale, std::int64_t n, float* to);

  /// x[i] = exp(x[i]), the function that softmax and silu use: at most 2 ulp from the exact value between -87.3 and 88.3; 0 below, about
  /// 2^127 above; NaN stays NaN.
  void (*exp)(float* x, std::int64_t n);

  /// The largest of x (n > 0).
  float (*max)(const float* x, std::int64_t n);
};

const ElementwiseKernels& elementwise_kernels(Isa isa);

}  // namespace qbench::kernels::cpu
