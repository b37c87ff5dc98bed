// Bodies of the elementwise kernels, written on Vec: each instruction set's translation unit includes its simd_*.h, then this.
#pragma once

#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/simd_math.h"

namespace qbench::kernels::cpu {
namespace {

/// Vectors of fewer than kWidth numbers: the rest is zero, and is not written.
QB_INLINE Vec load_tail(const float* p, std::int64_t count) {
  float padded[kWidth] = {};
  for (std::int64_t i = 0; i < count; ++i) padded[i] = p[i];
  return vload(padded);
}
QB_INLINE void store_tail(float* p, std::int64_t count, Vec v) {
  float padded[kWidth];
  vstore(padded, v);
  for (std::int64_t i = 0; i < count; ++i) p[i] = padded[i];
}

float sum_of_squares(const float* x, std::int64_t n) {
  Vec a = vzero();
  Vec b = vzero();
  Vec c = vzero();
  Vec d = vzero();
  std::int64_t i = 0;
  for (; i + 4 * kWidth <= n; i += 4 * kWidth) {
    const Vec x0 = vload(x + i);
    const Vec x1 = vload(x + i + kWidth);
    const Vec x2 = vload(x + i + 2 * kWidth);
    const Vec x3 = vload(x + i + 3 * kWidth);
    a = vfma(x0, x0, a);
    b = vfma(x1, x1, b);
    c = vfma(x2, x2, c);
    d = vfma(x3, x3, d);
  }
  for (; i + kWidth <= n; i += kWidth) {
    const Vec v = vload(x + i);
    a = vfma(v, v, a);
  }
  if (i < n) {
    const Vec v = load_tail(x + i, n - i);
    b = vfma(v, v, b);
  }
  return vsum(vadd(vadd(a, b), vadd(c, d)));
}

void rms_norm(const float* x, const float* weight, float eps, std::int64_t n, float* to) {
  const float mean = sum_of_squares(x, n) / static_cast<float>(n);
  const float scale = 1.0F / __builtin_sqrtf(mean + eps);
  const Vec s = vset(scale);
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) vstore(to + i, vmul(vload(weight + i), vmul(vload(x + i), s)));
  for (; i < n; ++i) to[i] = weight[i] * (x[i] * scale);
}

void rope(float* head, const float* cos, const float* sin, std::int64_t half) {
  std::int64_t j = 0;
  for (; j + kWidth <= half; j += kWidth) {
    const Vec a = vload(head + j);
    const Vec b = vload(head + half + j);
    const Vec c = vload(cos + j);
    const Vec s = vload(sin + j);
    vstore(head + j, vfnma(b, s, vmul(a, c)));
    vstore(head + half + j, vfma(a, s, vmul(b, c)));
  }
  for (; j < half; ++j) {
    const float a = head[j];
    const float b = head[half + j];
    head[j] = a * cos[j] - b * sin[j];
    head[half + j] = b * cos[j] + a * sin[j];
  }
}

QB_INLINE Vec silu_mul_vec(Vec gate, Vec up) {
  const Vec sigmoid_inverse = vadd(vset(1.0F), vexp(vsub(vzero(), gate)));
  return vmul(vdiv(gate, sigmoid_inverse), up);
}

void silu_mul(const float* gate, const float* up, std::int64_t n, float* to) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) vstore(to + i, silu_mul_vec(vload(gate + i), vload(up + i)));
  if (i < n) store_tail(to + i, n - i, silu_mul_vec(load_tail(gate + i, n - i), load_tail(up + i, n - i)));
}

void add(const float* x, std::int64_t n, float* to) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) vstore(to + i, vadd(vload(to + i), vload(x + i)));
  for (; i < n; ++i) to[i] += x[i];
}

void add_scaled(const float* x, float scale, std::int64_t n, float* to) {
  const Vec s = vset(scale);
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) vstore(to + i, vfma(s, vload(x + i), vload(to + i)));
  if (i < n) store_tail(to + i, n - i, vfma(s, load_tail(x + i, n - i), load_tail(to + i, n - i)));
}

void exp_all(float* x, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) vstore(x + i, vexp(vload(x + i)));
  if (i < n) store_tail(x + i, n - i, vexp(load_tail(x + i, n - i)));
}

float max_of(const float* x, std::int64_t n) {
  std::int64_t i = 0;
  float best = x[0];
  if (n >= kWidth) {
    Vec v = vload(x);
    for (i = kWidth; i + kWidth <= n; i += kWidth) v = vmax(v, vload(x + i));
    best = vmax_of(v);
  }
  for (; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

constexpr ElementwiseKernels kElementwise = {rms_norm, rope, silu_mul, add, add_scaled, exp_all, max_of};

}  // namespace
}  // namespace qbench::kernels::cpu
