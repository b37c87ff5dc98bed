#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/cuda/emulation/block.h"

/// What the threads of a warp do together, and cp.async: called by a thread of a block through kernels/cuda/emulation/device_host.h. `site`:
/// where the kernel calls, for messages and to tell that all lanes mean the same call.
namespace qbench::kernels::cuda_emulated::emulation {

/// Five rounds of value += value of lane ^ 16, 8, 4, 2, 1: the order of additions that the device's shuffles have.
float sum_float(float value, Site site);
int sum_int(int value, Site site);
float max_float(float value, Site site);
unsigned ballot(bool predicate, Site site);

/// What lane `source` sends.
std::uint64_t exchange(Operation operation, std::uint64_t value, int source, Site site);
template <typename T>
T exchange_value(Operation operation, T value, int source, Site site) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = exchange(operation, bits, source, site);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/// Each of `count` numbers, at most 8: value += value of lane ^ mask, for the masks first, 2 first, ..., last.
void sum_floats(float* values, int count, int first, int last, Site site);

/// value = combine(value, value of lane ^ mask), for the masks first, 2 first, ..., last.
template <typename T, typename Combine>
__attribute__((no_sanitize("thread"))) T butterfly(T value, int first, int last, Combine combine, Site site) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));
  Lane& self = *current_lane;
  Warp& warp = *self.warp;
  const auto lane = static_cast<std::size_t>(self.lane);
  std::memcpy(&warp.sent[lane], &value, sizeof value);
  if (self.block->arrive(self, Operation::kButterfly, site)) {
    T values[32], next[32];
    for (std::size_t i = 0; i < 32; ++i) std::memcpy(&values[i], &warp.sent[i], sizeof(T));
    for (int mask = first; mask <= last; mask *= 2) {
      for (int i = 0; i < 32; ++i) next[i] = combine(values[i], values[i ^ mask]);
      std::memcpy(values, next, sizeof values);
    }
    for (std::size_t i = 0; i < 32; ++i) std::memcpy(&warp.received[i], &values[i], sizeof(T));
    self.block->finish(self);
  }
  std::memcpy(&value, &warp.received[lane], sizeof value);
  return value;
}

/// d (16, 8) += a (16, 16) b (16, 8), bf16 in, float32 sums. Fragments: PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type".
void mma_bf16_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], Site site);
/// The same with f16 in.
void mma_f16_16x8x16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], Site site);

/// Four 8 x 8 matrices of 16-bit numbers; lanes 8 i to 8 i + 7 give the addresses of the rows of matrix i. PTX ISA, "ldmatrix".
void ldmatrix_x4(unsigned (&r)[4], const void* shared, bool transposed, Site site);

/// Copies 16 bytes now or, as the seed says, when copy_async_wait asks; in fixed order always then.
void copy_async(void* shared, const void* global, Site site);
/// Completes the committed groups but the `pending` latest.
void copy_async_wait(int pending);

void fence();
void require_aligned(const void* address, std::size_t alignment, Site site);

}  // namespace qbench::kernels::cuda_emulated::emulation
