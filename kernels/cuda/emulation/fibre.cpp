#include "kernels/cuda/emulation/fibre.h"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdint>

#include "base/check.h"
#include "base/error.h"
#include "kernels/cuda/emulation/races.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

#ifndef __x86_64__
#error "the emulation of CUDA switches stacks by hand and is written for x86-64"
#endif

// Saves what the System V ABI lets a function expect to survive a call (rbx, rbp, r12 to r15), changes stacks, restores, and leaves by a
// jump: the processor's predictor of returns would be wrong for every switch. A new fibre's stack holds six zeros and the address of
// qb_fibre_first, which finds its Fibre in rbx.
asm(R"(
.text
.p2align 4
.globl qb_fibre_switch
.hidden qb_fibre_switch
.type qb_fibre_switch, @function
qb_fibre_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  popq %rcx
  jmpq *%rcx
.size qb_fibre_switch, .-qb_fibre_switch
.globl qb_fibre_first
.hidden qb_fibre_first
.type qb_fibre_first, @function
qb_fibre_first:
  movq %rbx, %rdi
  xorl %ebp, %ebp
  callq qb_fibre_begin
  ud2
.size qb_fibre_first, .-qb_fibre_first
)");

extern "C" {
void qb_fibre_switch(void** save_stack_pointer, void* load_stack_pointer);
void qb_fibre_first();
__attribute__((used, visibility("hidden"))) void qb_fibre_begin(void* fibre);
}

namespace qbench::kernels::cuda_emulated::emulation {
namespace {

constexpr std::size_t kStackBytes = 256 * 1024;
constexpr std::size_t kGuardBytes = 4096;

}  // namespace

void FibreHost::enter() {
  if (context.stack_bytes != 0) return;
  pthread_attr_t attributes;
  void* bottom = nullptr;
  std::size_t bytes = 0;
  QB_CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0);
  QB_CHECK(pthread_attr_getstack(&attributes, &bottom, &bytes) == 0);
  pthread_attr_destroy(&attributes);
  context.stack_bottom = bottom;
  context.stack_bytes = bytes;
#ifdef __SANITIZE_THREAD__
  context.tsan = __tsan_get_current_fiber();
#endif
}

Fibre::~Fibre() {
#ifdef __SANITIZE_THREAD__
  if (context.tsan != nullptr) __tsan_destroy_fiber(context.tsan);
#endif
  if (mapping_ == nullptr) return;
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(mapping_, kGuardBytes + kStackBytes);
#endif
  munmap(mapping_, kGuardBytes + kStackBytes);
}

void Fibre::prepare(void (*entry)(void*), void* argument, std::size_t offset) {
  if (mapping_ == nullptr) {
    void* mapping = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) throw Error(ErrorCode::kMemory, "no room for the stack of an emulated thread", "cuda-emulated");
    QB_CHECK(mprotect(mapping, kGuardBytes, PROT_NONE) == 0);
    mapping_ = mapping;
    context.stack_bottom = static_cast<char*>(mapping) + kGuardBytes;
    context.stack_bytes = kStackBytes;
  }
#ifdef __SANITIZE_ADDRESS__
  __asan_unpoison_memory_region(context.stack_bottom, kStackBytes);
#endif
  entry_ = entry;
  argument_ = argument;
  context.fake_stack = nullptr;
#ifdef __SANITIZE_THREAD__
  if (context.tsan != nullptr) {  // what was left in the middle: its open calls are forgotten, and who touched its stack
    __tsan_destroy_fiber(context.tsan);
    const races::Unwatched again;
    void* const stack = static_cast<char*>(mapping_) + kGuardBytes;
    QB_CHECK(mmap(stack, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == stack);
  }
  context.tsan = __tsan_create_fiber(0);
#endif
  // From the top: an empty slot that keeps the alignment of a call, the first address, then rbp, rbx, r12 to r15.
  auto* top = reinterpret_cast<std::uintptr_t*>(static_cast<char*>(mapping_) + kGuardBytes + kStackBytes - offset);
  *--top = 0;
  *--top = 0;
  *--top = reinterpret_cast<std::uintptr_t>(&qb_fibre_first);
  *--top = 0;                                       // rbp
  *--top = reinterpret_cast<std::uintptr_t>(this);  // rbx
  for (int i = 0; i < 4; ++i) *--top = 0;           // r12 to r15
  context.stack_pointer = top;
}

/// ThreadSanitizer takes what runs before and after a switch for one function of two threads.
#define QB_UNWATCHED __attribute__((no_sanitize("thread")))

QB_UNWATCHED void Fibre::begin() {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
  entry_(argument_);
  QB_CHECK(!"a fibre's entry returned");
  __builtin_unreachable();
}

QB_UNWATCHED void switch_fibre(FibreContext& from, FibreContext& to) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&from.fake_stack, to.stack_bottom, to.stack_bytes);
#endif
#ifdef __SANITIZE_THREAD__
  __tsan_switch_to_fiber(to.tsan, __tsan_switch_to_fiber_no_sync);
#endif
  qb_fibre_switch(&from.stack_pointer, to.stack_pointer);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(from.fake_stack, nullptr, nullptr);
#endif
}

}  // namespace qbench::kernels::cuda_emulated::emulation

QB_UNWATCHED void qb_fibre_begin(void* fibre) { static_cast<qbench::kernels::cuda_emulated::emulation::Fibre*>(fibre)->begin(); }
