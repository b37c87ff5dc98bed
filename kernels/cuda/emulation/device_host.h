#pragma once

// The toolkit's types and conversions compile for the host; what makes a variable shared does not: it would silently become a local one.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <vector_functions.h>
#include <vector_types.h>

#include <cmath>
#include <cstring>
#include <source_location>
#include <type_traits>
#include <utility>

#include "kernels/cuda/emulation/block.h"
#include "kernels/cuda/emulation/collectives.h"
#include "kernels/cuda/emulation/launch.h"
#include "kernels/cuda/runtime.h"
#include "tensor/float_formats.h"

#undef __shared__
#undef __global__
#undef __device__
#undef __constant__
#pragma GCC poison __shared__ __global__ __device__ __constant__ __syncthreads __syncwarp

#define QB_KERNEL static void
#define QB_LAUNCH_BOUNDS(threads, min_blocks)
#define QB_DEVICE inline
#define QB_SHARED(type, name, count)                                                                                                \
  static constinit ::qbench::kernels::cuda_emulated::emulation::SharedKey qb_key_##name{#name};                                     \
  auto& name = *static_cast<type(*)[count]>(::qbench::kernels::cuda_emulated::emulation::shared_array(qb_key_##name, sizeof(type) * (count)))
#define QB_DYNAMIC_SHARED(type, name) \
  type* const name = static_cast<type*>(::qbench::kernels::cuda_emulated::emulation::shared_dynamic())

/// device.cuh on the host: the same names, run by the fibres of emulation/block.h.
namespace qbench::kernels::cuda_emulated {

inline int thread_x() { return emulation::current_lane->thread; }
inline int threads() { return emulation::current_lane->block->launch->threads; }
inline int block_x() { return static_cast<int>(emulation::current_lane->block->index.x); }
inline int block_y() { return static_cast<int>(emulation::current_lane->block->index.y); }
inline int block_z() { return static_cast<int>(emulation::current_lane->block->index.z); }
inline int grid_x() { return static_cast<int>(emulation::current_lane->block->launch->grid.x); }
inline int grid_y() { return static_cast<int>(emulation::current_lane->block->launch->grid.y); }
inline int grid_z() { return static_cast<int>(emulation::current_lane->block->launch->grid.z); }
inline int lane() { return emulation::current_lane->lane; }
inline int warp() { return emulation::current_lane->thread / 32; }

inline void sync_threads(emulation::Site site = emulation::Site::current()) {
  emulation::Lane& self = *emulation::current_lane;
  self.block->sync_threads(self, site);
}
inline void sync_warp(emulation::Site site = emulation::Site::current()) {
  emulation::Lane& self = *emulation::current_lane;
  self.block->sync_warp(self, site);
}
inline void thread_fence() { emulation::fence(); }
/// For loops that wait for what another block writes.
inline void spin_pause(emulation::Site site = emulation::Site::current()) {
  emulation::Lane& self = *emulation::current_lane;
  self.block->pause(self, site);
}
inline unsigned load_acquire(const unsigned* address) { return __atomic_load_n(address, __ATOMIC_ACQUIRE); }
inline void store_release(unsigned* address, unsigned value) { __atomic_store_n(address, value, __ATOMIC_RELEASE); }

inline float warp_sum(float value, emulation::Site site = emulation::Site::current()) { return emulation::sum_float(value, site); }
inline int warp_sum(int value, emulation::Site site = emulation::Site::current()) { return emulation::sum_int(value, site); }
inline float warp_max(float value, emulation::Site site = emulation::Site::current()) { return emulation::max_float(value, site); }
template <int N>
void warp_sums(float (&values)[N], int first_mask = 1, int last_mask = 16, emulation::Site site = emulation::Site::current()) {
  for (int n = 0; n < N; n += 8) emulation::sum_floats(values + n, N - n < 8 ? N - n : 8, first_mask, last_mask, site);
}
template <typename T, typename Combine>
T warp_butterfly(T value, int first_mask, int last_mask, Combine combine, emulation::Site site = emulation::Site::current()) {
  return emulation::butterfly(value, first_mask, last_mask, combine, site);
}
inline unsigned ballot(bool predicate, emulation::Site site = emulation::Site::current()) { return emulation::ballot(predicate, site); }

template <typename T>
T shuffle(T value, int from_lane, emulation::Site site = emulation::Site::current()) {
  return emulation::exchange_value(emulation::Operation::kShuffle, value, from_lane & 31, site);
}
template <typename T>
T shuffle_xor(T value, int mask, emulation::Site site = emulation::Site::current()) {
  return emulation::exchange_value(emulation::Operation::kShuffleXor, value, (lane() ^ mask) & 31, site);
}

inline uint4 load_weights128(const void* address, emulation::Site site = emulation::Site::current()) {
  emulation::require_aligned(address, 16, site);
  uint4 v;
  std::memcpy(&v, address, sizeof v);
  return v;
}
inline uint2 load_weights64(const void* address, emulation::Site site = emulation::Site::current()) {
  emulation::require_aligned(address, 8, site);
  uint2 v;
  std::memcpy(&v, address, sizeof v);
  return v;
}
inline float4 load_written128(const float* address, emulation::Site site = emulation::Site::current()) {
  emulation::require_aligned(address, 16, site);
  float4 v;
  std::memcpy(&v, address, sizeof v);
  return v;
}
inline void prefetch_l2(const void*) {}

inline int dp4a(int a, int b, int c) {
  for (int i = 0; i < 32; i += 8) c += static_cast<int>(static_cast<signed char>(a >> i)) * static_cast<int>(static_cast<signed char>(b >> i));
  return c;
}
inline int dp4a_us(unsigned a, int b, int c) {
  for (int i = 0; i < 32; i += 8) c += static_cast<int>((a >> i) & 255u) * static_cast<int>(static_cast<signed char>(b >> i));
  return c;
}

inline void mma_bf16_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                             emulation::Site site = emulation::Site::current()) {
  emulation::mma_bf16_16x8x16(d, a, b, site);
}
inline void mma_f16_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                            emulation::Site site = emulation::Site::current()) {
  emulation::mma_f16_16x8x16(d, a, b, site);
}
inline void ldmatrix_x4(unsigned (&r)[4], const void* shared, emulation::Site site = emulation::Site::current()) {
  emulation::ldmatrix_x4(r, shared, false, site);
}
inline void ldmatrix_x4_trans(unsigned (&r)[4], const void* shared, emulation::Site site = emulation::Site::current()) {
  emulation::ldmatrix_x4(r, shared, true, site);
}

inline void cp_async16(void* shared, const void* global, emulation::Site site = emulation::Site::current()) {
  emulation::copy_async(shared, global, site);
}
inline void cp_async_commit() { ++emulation::current_lane->copy_groups; }
template <int Pending>
void cp_async_wait() {
  emulation::copy_async_wait(Pending);
}

inline unsigned atomic_add(unsigned* address, unsigned value) { return __atomic_fetch_add(address, value, __ATOMIC_RELAXED); }
/// One more, or zero after `last`; returns what was there.
inline unsigned atomic_increment(unsigned* address, unsigned last) {
  const unsigned before = __atomic_load_n(address, __ATOMIC_RELAXED);
  __atomic_store_n(address, before >= last ? 0u : before + 1, __ATOMIC_RELAXED);
  return before;
}
inline float atomic_add(float* address, float value) {
  float before = __builtin_bit_cast(float, __atomic_load_n(reinterpret_cast<unsigned*>(address), __ATOMIC_RELAXED));
  const float after = before + value;  // the blocks of a launch share one OS thread
  __atomic_store_n(reinterpret_cast<unsigned*>(address), __builtin_bit_cast(unsigned, after), __ATOMIC_RELAXED);
  return before;
}

inline unsigned long long atomic_add(unsigned long long* address, unsigned long long value) {
  return __atomic_fetch_add(address, value, __ATOMIC_RELAXED);
}

inline void store_release_system(unsigned long long* address, unsigned long long value) {
  __atomic_store_n(address, value, __ATOMIC_RELEASE);
}

inline double multiply_rounded(double a, double b) { return a * b; }
inline bool is_finite(float x) { return std::isfinite(x); }

inline void grid_dependency_wait(emulation::Site site = emulation::Site::current()) {
  emulation::Lane& self = *emulation::current_lane;
  self.block->wait_for_dependency(self, site);
}
inline void grid_dependency_trigger() {}

inline float fast_exp(float x) { return std::exp(x); }
inline float rsqrt_float(float x) { return 1.0f / std::sqrt(x); }

inline float bf16_to_float(unsigned short bits) { return tensor::f32_from_bf16(bits); }
inline unsigned short float_to_bf16(float x) { return tensor::bf16_from_f32(x); }
inline unsigned char float_to_e4m3(float x) { return tensor::e4m3_from_f32(x); }
inline float f16_to_float(unsigned short bits) { return tensor::f32_from_f16(bits); }
inline unsigned short float_to_f16(float x) { return tensor::f16_from_f32(x); }
/// Four E4M3 codes, the first in the low byte.
inline float4 e4m3x4_to_floats(unsigned codes) {
  const auto code = [codes](int i) { return tensor::f32_from_e4m3(static_cast<unsigned char>(codes >> (8 * i))); };
  return {code(0), code(1), code(2), code(3)};
}
/// `lo` in the low half.
inline unsigned pack2_bf16(float lo, float hi) {
  return static_cast<unsigned>(float_to_bf16(lo)) | (static_cast<unsigned>(float_to_bf16(hi)) << 16);
}
inline unsigned pack2_f16(float lo, float hi) {
  return static_cast<unsigned>(float_to_f16(lo)) | (static_cast<unsigned>(float_to_f16(hi)) << 16);
}

/// As pack2_f16, but numbers beyond 65,504 become that; NaN stays.
inline unsigned pack2_f16_finite(float lo, float hi) {
  const auto finite = [](float x) { return x > 65504.0f ? 65504.0f : x < -65504.0f ? -65504.0f : x; };
  return pack2_f16(finite(lo), finite(hi));
}

/// Global under nvcc.
template <typename T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <typename T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}

/// Starts a kernel; its arguments are copied. Error{kDevice} naming the kernel when the launch is refused or the emulation finds a bug in it.
template <typename... P>
void launch(const LaunchConfig& config, void (*kernel)(P...), std::type_identity_t<P>... arguments) {
  emulation::submit(config.stream, emulation::LaunchRecord{.name = config.name,
                                                           .grid = config.grid,
                                                           .threads = config.threads,
                                                           .shared_bytes = config.shared_bytes,
                                                           .programmatic = config.programmatic,
                                                           .cooperative = config.cooperative,
                                                           .thread = [kernel, arguments...] { kernel(arguments...); }});
}

}  // namespace qbench::kernels::cuda_emulated
