#pragma once

#include <string>
#include <vector>

#include "sandbox/descriptor.h"
#include "sandbox/sandbox.h"

namespace qbench::sandbox {

/// What of bubblewrap's works on this machine; a probe finds out.
struct BwrapFeatures {
  std::string program;         ///< absolute path
  bool proc = true;            ///< a fresh /proc can be mounted (some containers refuse)
  bool disable_userns = true;  ///< further user namespaces can be forbidden; the filter refuses them anyway
};

/// The room of a job: bubblewrap's options, and the files that it copies into the room, as descriptors.
struct Room {
  std::vector<std::string> options;
  std::vector<Descriptor> files;  ///< the n-th is descriptor first_descriptor + n of bubblewrap
};

/// The keeper's place inside.
inline constexpr const char* kKeeperPath = "/keeper";

/// NAME=value of everything that the program finds in its environment; `temporary` is its working folder.
std::vector<std::pair<std::string, std::string>> job_environment(const Job& job, const std::string& temporary);

/// Error{kConfig} when a file's path leaves /task, is there twice or holds a NUL byte, or the program's path is not absolute.
void check_job(const Job& job);

Room make_room(const Job& job, const BwrapFeatures& features, int first_descriptor);

}  // namespace qbench::sandbox
