#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

namespace qbench {

/// What memory is for.
enum class MemoryPurpose { kWeights, kKv, kActivations, kWorkspace };

/// Bytes that a device's allocations hold, by purpose.
struct MemoryUse {
  std::uint64_t weights = 0;
  std::uint64_t kv = 0;
  std::uint64_t activations = 0;
  std::uint64_t workspace = 0;
  std::uint64_t peak = 0;  ///< largest total so far
  std::uint64_t total() const { return weights + kv + activations + workspace; }
};

/// Counts what is allocated on one device and refuses what exceeds the limit. Allocations are charged to the thread's current account, as
/// CUDA allocates on the thread's current device; a thread without one counts nothing.
class MemoryAccount {
 public:
  explicit MemoryAccount(std::uint64_t limit_bytes = 0) : limit_bytes_(limit_bytes) {}  ///< 0: no limit

  /// Error{kMemory} naming the bytes, what is held and the limit.
  void reserve(std::uint64_t bytes, MemoryPurpose purpose);
  void release(std::uint64_t bytes, MemoryPurpose purpose) noexcept;
  MemoryUse use() const;
  /// Bytes that may still be reserved; all ones without a limit.
  std::uint64_t left_bytes() const;
  /// Takes the peak back to `bytes`, or to what is held now where that is more: what came in between was not part of what is measured.
  void lower_peak(std::uint64_t bytes);
  std::uint64_t limit_bytes() const noexcept { return limit_bytes_; }

  static std::shared_ptr<MemoryAccount> current();
  static void make_current(const std::shared_ptr<MemoryAccount>& account);  ///< of this thread, until it goes or another takes its place

 private:
  std::uint64_t& held(MemoryPurpose purpose) noexcept;

  std::uint64_t limit_bytes_;
  mutable std::mutex mutex_;
  MemoryUse use_;
};

/// As long as this lives the thread's allocations are charged to nobody: probes of the machine, which are no part of what a model takes.
class UnchargedScope {
 public:
  UnchargedScope() : before_(MemoryAccount::current()) { MemoryAccount::make_current(nullptr); }
  ~UnchargedScope() { MemoryAccount::make_current(before_); }
  UnchargedScope(const UnchargedScope&) = delete;
  UnchargedScope& operator=(const UnchargedScope&) = delete;

 private:
  std::shared_ptr<MemoryAccount> before_;
};

/// Bytes that are charged to an account as long as this lives.
class MemoryCharge {
 public:
  MemoryCharge() noexcept = default;
  /// On the thread's current account. Errors of MemoryAccount::reserve.
  MemoryCharge(std::uint64_t bytes, MemoryPurpose purpose);
  ~MemoryCharge();
  MemoryCharge(MemoryCharge&& other) noexcept;
  MemoryCharge& operator=(MemoryCharge&& other) noexcept;

 private:
  std::shared_ptr<MemoryAccount> account_;
  std::uint64_t bytes_ = 0;
  MemoryPurpose purpose_ = MemoryPurpose::kWorkspace;
};

}  // namespace qbench
