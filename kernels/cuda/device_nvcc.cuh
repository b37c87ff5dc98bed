#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <cuda_runtime.h>

#include <string>
#include <type_traits>

#include "base/error.h"
#include "kernels/cuda/runtime.h"
#include "kernels/cuda/runtime_cuda.h"

/// device.cuh under nvcc. PTX stands here and nowhere else. Source: PTX ISA 9.0, CUDA C++ programming guide 13.0.

#define QB_KERNEL static __global__ void
#define QB_LAUNCH_BOUNDS(threads, min_blocks) __launch_bounds__(threads, min_blocks)
#define QB_DEVICE __device__ __forceinline__
#define QB_SHARED(type, name, count) __shared__ __align__(16) type name[count]
#define QB_DYNAMIC_SHARED(type, name) type* const name = reinterpret_cast<type*>(::qbench::kernels::cuda::dynamic_shared_memory)

namespace qbench::kernels::cuda {

extern __shared__ uint4 dynamic_shared_memory[];

inline constexpr unsigned kFullWarp = 0xffffffffu;

QB_DEVICE int thread_x() { return static_cast<int>(threadIdx.x); }
QB_DEVICE int threads() { return static_cast<int>(blockDim.x); }
QB_DEVICE int block_x() { return static_cast<int>(blockIdx.x); }
QB_DEVICE int block_y() { return static_cast<int>(blockIdx.y); }
QB_DEVICE int block_z() { return static_cast<int>(blockIdx.z); }
QB_DEVICE int grid_x() { return static_cast<int>(gridDim.x); }
QB_DEVICE int grid_y() { return static_cast<int>(gridDim.y); }
QB_DEVICE int grid_z() { return static_cast<int>(gridDim.z); }
QB_DEVICE int lane() { return static_cast<int>(threadIdx.x & 31u); }
QB_DEVICE int warp() { return static_cast<int>(threadIdx.x >> 5); }

QB_DEVICE void sync_threads() { __syncthreads(); }
QB_DEVICE void sync_warp() { __syncwarp(); }
QB_DEVICE void thread_fence() { __threadfence(); }
/// For loops that wait for what another block writes.
QB_DEVICE void spin_pause() { __nanosleep(32); }
QB_DEVICE unsigned load_acquire(const unsigned* address) {
  unsigned value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(__cvta_generic_to_global(address)) : "memory");
  return value;
}
QB_DEVICE void store_release(unsigned* address, unsigned value) {
  asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(__cvta_generic_to_global(address)), "r"(value) : "memory");
}

QB_DEVICE float warp_sum(float value) {
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) value += __shfl_xor_sync(kFullWarp, value, mask);
  return value;
}
QB_DEVICE int warp_sum(int value) {
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) value += __shfl_xor_sync(kFullWarp, value, mask);
  return value;
}
QB_DEVICE float warp_max(float value) {
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) value = fmaxf(value, __shfl_xor_sync(kFullWarp, value, mask));
  return value;
}
/// Each number: value += value of lane ^ mask, for the masks first_mask, 2 first_mask, ..., last_mask. One collective of the emulation.
template <int N>
QB_DEVICE void warp_sums(float (&values)[N], int first_mask = 1, int last_mask = 16) {
  for (int mask = first_mask; mask <= last_mask; mask *= 2) {
#pragma unroll
    for (int n = 0; n < N; ++n) values[n] += __shfl_xor_sync(kFullWarp, values[n], mask);
  }
}
/// value = combine(value, value of lane ^ mask), for the same masks.
template <typename T, typename Combine>
QB_DEVICE T warp_butterfly(T value, int first_mask, int last_mask, Combine combine) {
  for (int mask = first_mask; mask <= last_mask; mask *= 2) value = combine(value, __shfl_xor_sync(kFullWarp, value, mask));
  return value;
}
template <typename T>
QB_DEVICE T shuffle(T value, int from_lane) {
  return __shfl_sync(kFullWarp, value, from_lane);
}
template <typename T>
QB_DEVICE T shuffle_xor(T value, int mask) {
  return __shfl_xor_sync(kFullWarp, value, mask);
}
QB_DEVICE unsigned ballot(bool predicate) { return __ballot_sync(kFullWarp, predicate); }

/// The L2 policy of data that is read once. Not volatile: one instruction for a kernel's loads together.
QB_DEVICE unsigned long long read_once_policy() {
  unsigned long long policy;
  asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
  return policy;
}
QB_DEVICE uint4 load_weights128(const void* address) {
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.L2::cache_hint.v4.u32 {%0, %1, %2, %3}, [%4], %5;"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(__cvta_generic_to_global(address)), "l"(read_once_policy()));
  return v;
}
QB_DEVICE uint2 load_weights64(const void* address) {
  uint2 v;
  asm volatile("ld.global.nc.L1::no_allocate.L2::cache_hint.v2.u32 {%0, %1}, [%2], %3;"
               : "=r"(v.x), "=r"(v.y)
               : "l"(__cvta_generic_to_global(address)), "l"(read_once_policy()));
  return v;
}
/// What other blocks of this launch wrote and fenced: past L1, which might hold older bytes.
QB_DEVICE float4 load_written128(const float* address) { return __ldcg(reinterpret_cast<const float4*>(address)); }
QB_DEVICE void prefetch_l2(const void* address) { asm volatile("prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(address))); }

QB_DEVICE int dp4a(int a, int b, int c) { return __dp4a(a, b, c); }
QB_DEVICE int dp4a_us(unsigned a, int b, int c) {
  int d;
  asm("dp4a.u32.s32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}

QB_DEVICE void mma_bf16_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
QB_DEVICE void mma_f16_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
QB_DEVICE unsigned shared_address(const void* shared) { return static_cast<unsigned>(__cvta_generic_to_shared(shared)); }
QB_DEVICE void ldmatrix_x4(unsigned (&r)[4], const void* shared) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(shared))
               : "memory");
}
QB_DEVICE void ldmatrix_x4_trans(unsigned (&r)[4], const void* shared) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(shared_address(shared))
               : "memory");
}

QB_DEVICE void cp_async16(void* shared, const void* global) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(shared)), "l"(__cvta_generic_to_global(global)) : "memory");
}
QB_DEVICE void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int Pending>
QB_DEVICE void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

QB_DEVICE unsigned atomic_add(unsigned* address, unsigned value) { return atomicAdd(address, value); }
/// One more, or zero after `last`; returns what was there.
QB_DEVICE unsigned atomic_increment(unsigned* address, unsigned last) { return atomicInc(address, last); }
QB_DEVICE float atomic_add(float* address, float value) { return atomicAdd(address, value); }
QB_DEVICE unsigned long long atomic_add(unsigned long long* address, unsigned long long value) { return atomicAdd(address, value); }

/// Makes `value` and all that the thread wrote before visible to the host, in mapped memory.
QB_DEVICE void store_release_system(unsigned long long* address, unsigned long long value) {
  asm volatile("st.release.sys.global.u64 [%0], %1;" ::"l"(__cvta_generic_to_global(address)), "l"(value) : "memory");
}

/// Rounded at once: never joined with an addition, which would round differently than the host.
QB_DEVICE double multiply_rounded(double a, double b) { return __dmul_rn(a, b); }
QB_DEVICE bool is_finite(float x) { return isfinite(x); }

QB_DEVICE void grid_dependency_wait() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
QB_DEVICE void grid_dependency_trigger() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

QB_DEVICE float fast_exp(float x) { return __expf(x); }
QB_DEVICE float rsqrt_float(float x) { return rsqrtf(x); }

QB_DEVICE float bf16_to_float(unsigned short bits) { return __uint_as_float(static_cast<unsigned>(bits) << 16); }
QB_DEVICE unsigned short float_to_bf16(float x) { return __bfloat16_as_ushort(__float2bfloat16_rn(x)); }
/// The nearest E4M3 of a number within +-448.
QB_DEVICE unsigned char float_to_e4m3(float x) { return __nv_cvt_float_to_fp8(x, __NV_SATFINITE, __NV_E4M3); }
QB_DEVICE float f16_to_float(unsigned short bits) { return __half2float(__ushort_as_half(bits)); }
QB_DEVICE unsigned short float_to_f16(float x) { return __half_as_ushort(__float2half_rn(x)); }
/// Four E4M3 codes, the first in the low byte.
QB_DEVICE float4 e4m3x4_to_floats(unsigned codes) {
  const __half2 low(__nv_cvt_fp8x2_to_halfraw2(static_cast<__nv_fp8x2_storage_t>(codes & 0xffffu), __NV_E4M3));
  const __half2 high(__nv_cvt_fp8x2_to_halfraw2(static_cast<__nv_fp8x2_storage_t>(codes >> 16), __NV_E4M3));
  const float2 a = __half22float2(low), b = __half22float2(high);
  return {a.x, a.y, b.x, b.y};
}
/// `lo` in the low half.
QB_DEVICE unsigned pack2_bf16(float lo, float hi) {
  return static_cast<unsigned>(float_to_bf16(lo)) | (static_cast<unsigned>(float_to_bf16(hi)) << 16);
}
QB_DEVICE unsigned pack2_f16(float lo, float hi) {
  return static_cast<unsigned>(float_to_f16(lo)) | (static_cast<unsigned>(float_to_f16(hi)) << 16);
}

/// As pack2_f16, but numbers beyond 65,504 become that; NaN stays.
QB_DEVICE unsigned pack2_f16_finite(float lo, float hi) {
  unsigned pair;
  asm("cvt.rn.satfinite.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(hi), "f"(lo));
  return pair;
}

/// Starts a kernel; its arguments are copied. Error{kDevice} naming the kernel when the launch is refused.
template <typename... P>
void launch(const LaunchConfig& config, void (*kernel)(P...), std::type_identity_t<P>... arguments) {
  if (config.shared_bytes > kSharedBytesWithoutOptIn) {
    // Only ever raised: a captured launch of the same kernel with more must stay possible.
    const auto* function = reinterpret_cast<const void*>(kernel);
    cudaFuncAttributes now{};
    check(cudaFuncGetAttributes(&now, function), config.name);
    if (static_cast<std::size_t>(now.maxDynamicSharedSizeBytes) < config.shared_bytes) {
      check(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(config.shared_bytes)), config.name);
    }
  }
  cudaLaunchAttribute attribute{};
  if (config.cooperative) {
    attribute.id = cudaLaunchAttributeCooperative;
    attribute.val.cooperative = 1;
  } else {
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
  }
  cudaLaunchConfig_t native{};
  native.gridDim = dim3(config.grid.x, config.grid.y, config.grid.z);
  native.blockDim = dim3(static_cast<unsigned>(config.threads));
  native.dynamicSmemBytes = config.shared_bytes;
  native.stream = native_stream(config.stream);
  native.attrs = &attribute;
  native.numAttrs = config.programmatic || config.cooperative ? 1 : 0;
  check(cudaLaunchKernelEx(&native, kernel, arguments...), config.name);
}

}  // namespace qbench::kernels::cuda
