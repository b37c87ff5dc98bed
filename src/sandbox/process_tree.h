#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <vector>

#include "sandbox/gauge.h"

namespace qbench::sandbox {

/// Adds up what the descendants of a process use, from /proc: for machines without control groups of their own. Between two looks a process
/// can come and go unseen; what its parent waited for is still counted.
class ProcessTree {
 public:
  /// `root` itself is not counted.
  explicit ProcessTree(pid_t root) : root_(root) {}
  Usage read();

 private:
  struct Seen {
    std::uint64_t start_ticks = 0;
    std::uint64_t own_ticks = 0;  ///< processor time of the process itself when it was last seen
  };
  std::uint64_t shared_bytes(const std::vector<pid_t>& pids) const;

  pid_t root_;
  unsigned looks_ = 0;
  std::uint64_t shared_bytes_ = 0;  ///< of shared mappings without a file, as last counted
  std::map<pid_t, Seen> seen_;
  std::uint64_t gone_ticks_ = 0;  ///< of processes whose number has gone to another one
};

}  // namespace qbench::sandbox
