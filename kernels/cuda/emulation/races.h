#pragma once

#include <cstddef>

#ifdef QB_EMULATION_RACES
extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void __tsan_read16(void* address);
void __tsan_write16(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

/// What ThreadSanitizer is told of a kernel's order. Each thread of a block is a fibre of its own to it, and a switch between fibres orders nothing:
/// only a barrier, sync_warp, thread_fence, grid_dependency_wait and the begin and end of a launch do. So a race is found in whatever order the
/// threads happened to run, also between blocks. Elsewhere all of this is nothing.
namespace qbench::kernels::cuda_emulated::emulation::races {

#ifdef QB_EMULATION_RACES
inline constexpr bool kWatched = true;
inline void release(void* tag) { __tsan_release(tag); }
inline void acquire(void* tag) { __tsan_acquire(tag); }
/// The emulator's own code is not watched; what it reads and writes for a kernel is said here.
inline void kernel_reads16(const void* address) { __tsan_read16(const_cast<void*>(address)); }
inline void kernel_writes16(void* address) { __tsan_write16(address); }

/// What the emulator does to a kernel's memory on its own account.
class Unwatched {
 public:
  Unwatched() {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Unwatched() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
};
#else
inline constexpr bool kWatched = false;
inline void release(void*) {}
inline void acquire(void*) {}
inline void kernel_reads16(const void*) {}
inline void kernel_writes16(void*) {}
class Unwatched {
 public:
  Unwatched() {}
  ~Unwatched() {}
};
#endif

}  // namespace qbench::kernels::cuda_emulated::emulation::races
