#include "base/memory_account.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/units.h"

namespace qbench {
namespace {

thread_local std::weak_ptr<MemoryAccount> current_account;

}  // namespace

std::uint64_t& MemoryAccount::held(MemoryPurpose purpose) noexcept {
  switch (purpose) {
    case MemoryPurpose::kWeights:
      return use_.weights;
    case MemoryPurpose::kKv:
      return use_.kv;
    case MemoryPurpose::kActivations:
      return use_.activations;
    case MemoryPurpose::kWorkspace:
      break;
  }
  return use_.workspace;
}

void MemoryAccount::reserve(std::uint64_t bytes, MemoryPurpose purpose) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t total = use_.total();
  if (limit_bytes_ > 0 && (bytes > limit_bytes_ || total > limit_bytes_ - bytes)) {
    throw Error(ErrorCode::kMemory,
                fmt::format("an allocation of {} bytes exceeds --vram-limit: {} of {} bytes are taken ({} short)", bytes, total,
                            limit_bytes_, format_bytes(bytes - (limit_bytes_ - std::min(limit_bytes_, total)))));
  }
  held(purpose) += bytes;
  use_.peak = std::max(use_.peak, total + bytes);
}

void MemoryAccount::release(std::uint64_t bytes, MemoryPurpose purpose) noexcept {
  const std::lock_guard lock(mutex_);
  held(purpose) -= bytes;
}

MemoryUse MemoryAccount::use() const {
  const std::lock_guard lock(mutex_);
  return use_;
}

std::uint64_t MemoryAccount::left_bytes() const {
  const std::lock_guard lock(mutex_);
  if (limit_bytes_ == 0) return UINT64_MAX;
  return limit_bytes_ - std::min(limit_bytes_, use_.total());
}

void MemoryAccount::lower_peak(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  use_.peak = std::min(use_.peak, std::max(bytes, use_.total()));
}

std::shared_ptr<MemoryAccount> MemoryAccount::current() { return current_account.lock(); }
void MemoryAccount::make_current(const std::shared_ptr<MemoryAccount>& account) { current_account = account; }

MemoryCharge::MemoryCharge(std::uint64_t bytes, MemoryPurpose purpose)
    : account_(MemoryAccount::current()), bytes_(bytes), purpose_(purpose) {
  if (account_ != nullptr) account_->reserve(bytes_, purpose_);
}

MemoryCharge::~MemoryCharge() {
  if (account_ != nullptr) account_->release(bytes_, purpose_);
}

MemoryCharge::MemoryCharge(MemoryCharge&& other) noexcept
    : account_(std::exchange(other.account_, nullptr)), bytes_(std::exchange(other.bytes_, 0)), purpose_(other.purpose_) {}

MemoryCharge& MemoryCharge::operator=(MemoryCharge&& other) noexcept {
  std::swap(account_, other.account_);
  std::swap(bytes_, other.bytes_);
  std::swap(purpose_, other.purpose_);
  return *this;
}

}  // namespace qbench
