#pragma once

#include <cstddef>

/// Threads of execution that hand the processor to each other by name: a stack each and a switch of 4 ns (ucontext: 300 ns, it calls the
/// kernel). x86-64 only. AddressSanitizer and ThreadSanitizer are told of every switch.
namespace qbench::kernels::cuda_emulated::emulation {

/// Something that can be switched away from and back to.
struct FibreContext {
  void* stack_pointer = nullptr;
  const void* stack_bottom = nullptr;  ///< lowest address
  std::size_t stack_bytes = 0;
  void* fake_stack = nullptr;  ///< AddressSanitizer's
  void* tsan = nullptr;        ///< ThreadSanitizer's
};

/// The stack that the OS thread came with.
class FibreHost {
 public:
  /// To be called by the OS thread before it switches to a fibre.
  void enter();
  FibreContext context;
};

/// A stack of its own, 256 KiB above a guard page, mapped at the first prepare().
class Fibre {
 public:
  Fibre() = default;
  ~Fibre();
  Fibre(const Fibre&) = delete;
  Fibre& operator=(const Fibre&) = delete;

  bool prepared() const noexcept { return mapping_ != nullptr; }
  /// The next switch here calls entry(argument), which never returns, with the first `offset` bytes of the stack (a multiple of 16) left out. What ran
  /// on the stack before is forgotten without being unwound.
  void prepare(void (*entry)(void*), void* argument, std::size_t offset);
  /// What the first switch here runs.
  [[noreturn]] void begin();
  FibreContext context;

 private:
  void* mapping_ = nullptr;
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
};

/// Leaves `from` (the context that runs now) and continues `to`; returns when something switches back.
void switch_fibre(FibreContext& from, FibreContext& to);

}  // namespace qbench::kernels::cuda_emulated::emulation
