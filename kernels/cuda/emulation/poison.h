#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

/// Bytes that tell: fresh memory, and zones around memory that nobody may touch. Under AddressSanitizer a zone cannot even be read, so that
/// the sanitizer names the line; elsewhere it is compared afterwards.
namespace qbench::kernels::cuda_emulated::emulation {

inline constexpr int kPoisonByte = 0xff;  ///< NaN in f32, f16, bf16 and e4m3; -1 in integers
inline constexpr int kZoneByte = 0xa5;

inline void allow_access([[maybe_unused]] const void* address, [[maybe_unused]] std::size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(address, bytes);
#endif
}

inline void fill_zone(std::byte* zone, std::size_t bytes) {
  std::memset(zone, kZoneByte, bytes);
#ifdef __SANITIZE_ADDRESS__
  __asan_poison_memory_region(zone, bytes);
#endif
}

inline bool zone_intact([[maybe_unused]] const std::byte* zone, [[maybe_unused]] std::size_t bytes) {
#ifdef __SANITIZE_ADDRESS__
  return true;
#else
  return std::all_of(zone, zone + bytes, [](std::byte b) { return b == static_cast<std::byte>(kZoneByte); });
#endif
}

}  // namespace qbench::kernels::cuda_emulated::emulation
