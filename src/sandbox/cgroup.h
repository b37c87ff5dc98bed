#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/descriptor.h"
#include "sandbox/gauge.h"
#include "sandbox/sandbox.h"

namespace qbench::sandbox {

/// A control group of one sandbox; removed with the object, when nothing runs in it any more.
class ControlGroup {
 public:
  virtual ~ControlGroup() = default;
  /// Its cgroup.procs files, open for writing: a process that writes "0" joins.
  virtual const std::vector<int>& join_files() const = 0;
  virtual Usage read() const = 0;
};

/// Where this process may make control groups that count and limit memory, processes and processor time: version 2, or the hierarchies of
/// version 1.
class ControlGroups {
 public:
  /// Nothing where they are not writable or do not offer all three; `why` says what is missing then. The two files are of /proc/self, for
  /// tests.
  static std::optional<ControlGroups> find(std::string& why, const std::filesystem::path& mountinfo = "/proc/self/mountinfo",
                                           const std::filesystem::path& membership = "/proc/self/cgroup");
  /// A new group with these limits; nullptr when the system refuses.
  std::unique_ptr<ControlGroup> make(const Limits& limits) const;
  /// "version 2" or "version 1".
  std::string version() const { return unified_.empty() ? "version 1" : "version 2"; }

 private:
  void remove_left_behind() const;
  std::filesystem::path unified_;              ///< version 2: the parent of the new groups
  std::filesystem::path memory_, pids_, cpu_;  ///< version 1
};

}  // namespace qbench::sandbox
