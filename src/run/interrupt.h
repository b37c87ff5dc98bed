#pragma once

#include <atomic>

namespace qbench::run {

/// From here on SIGINT and SIGTERM set a flag instead of ending the process; system calls that wait return. A worker passes over SIGINT:
/// its parent decides. Undone when the object goes. One at a time.
class InterruptGuard {
 public:
  enum class Role { kParent, kWorker };
  explicit InterruptGuard(Role role);
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  /// True from the first signal on: what engine::GenerateRequest::cancel looks at.
  static const std::atomic<bool>& requested();
  /// The first signal that came, 0 while there was none; and how many came.
  static int signal();
  static int count();
};

}  // namespace qbench::run
