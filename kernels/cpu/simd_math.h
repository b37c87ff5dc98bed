// Functions on Vec; included after one of simd_*.h.
#pragma once

namespace qbench::kernels::cpu {
namespace {

/// e^x: x = n ln2 + r with |r| <= ln2 / 2 (ln2 in two parts, Cody and Waite), e^r by the degree-6 minimax polynomial of Cephes' expf, times
/// 2^n. Below -87.3 the result is 0 (the exact one is below 2^-125.9); above 88.3 it stays at e^88.3. NaN stays NaN.
QB_INLINE Vec vexp(Vec x) {
  const Vec low = vset(-87.3F);
  const Vec clamped = vmin(vset(88.3F), vmax(low, x));
  const Vec n = vround(vmul(clamped, vset(1.44269504088896341F)));
  Vec r = vfnma(n, vset(0.693359375F), clamped);
  r = vfnma(n, vset(-2.12194440e-4F), r);
  Vec p = vset(1.9875691500e-4F);
  p = vfma(p, r, vset(1.3981999507e-3F));
  p = vfma(p, r, vset(8.3334519073e-3F));
  p = vfma(p, r, vset(4.1665795894e-2F));
  p = vfma(p, r, vset(1.6666665459e-1F));
  p = vfma(p, r, vset(5.0000001201e-1F));
  p = vadd(vfma(p, vmul(r, r), r), vset(1.0F));
  return vselect_less(x, low, vzero(), vscale2(p, n));
}

}  // namespace
}  // namespace qbench::kernels::cpu
