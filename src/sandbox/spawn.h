#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

namespace qbench::sandbox {

/// How a child of qbench begins. Everything is prepared before: between vfork and exec only system calls happen.
struct SpawnPlan {
  std::string program;  ///< absolute path; empty: `program_descriptor` is executed
  int program_descriptor = -1;
  std::vector<std::string> argv;
  std::vector<std::string> environment;  ///< NAME=value
  std::vector<int> descriptors;          ///< the n-th becomes descriptor n of the child, and it has no others
  std::vector<int> group_files;          ///< open cgroup.procs files of the control groups that it joins
  std::string folder = "/";              ///< its working folder
  int death_signal = 0;                  ///< what it gets when the calling thread ends
};

/// The unprivileged user that root's children run as: limits do not hold root, and its files are open to it.
inline constexpr unsigned kNobody = 65534;

struct Spawned {
  pid_t pid = -1;
  std::string error;  ///< why there is none
};

/// Starts it, as kNobody when qbench is root. The calling thread must outlive the child, or the death signal comes early.
Spawned spawn(const SpawnPlan& plan);

}  // namespace qbench::sandbox
