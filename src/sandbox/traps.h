#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "sandbox/descriptor.h"

namespace qbench::sandbox {

/// What stands outside of a sandbox for attacks to reach, while the object lives: a file and a variable with a secret, a folder that
/// anybody may write to, a process of the user that attacks run as, listening sockets, an open descriptor. Only one at a time, in a program
/// without other threads (it sets a variable of the environment).
class Traps {
 public:
  /// Error{kIo} with the system's reason when one cannot be set.
  Traps();
  ~Traps();
  Traps(const Traps&) = delete;
  Traps& operator=(const Traps&) = delete;

  const std::string& mark() const { return mark_; }      ///< in the attack's command line, and before each success that it prints
  const std::string& secret() const { return secret_; }  ///< in the traps only: where it appears in an output, one was read
  std::filesystem::path secret_file() const { return folder_ / "secret"; }
  std::filesystem::path open_folder() const { return folder_ / "open"; }
  std::filesystem::path socket_file() const { return folder_ / "open" / "socket"; }
  std::string abstract_socket() const { return "qbench-selftest-" + mark_; }
  int port() const { return port_; }
  pid_t victim() const { return victim_; }

  /// What an attack has done since the last call, or nothing; traps that were hit are set anew.
  std::string look();
  /// Processes of attacks that run now.
  int count_processes() const;

 private:
  void start_victim();
  void end_victim();
  bool victim_was_hit() const;
  void open_sockets();

  std::string mark_, secret_;
  std::filesystem::path folder_;
  Descriptor tcp_, abstract_, file_socket_, inherited_;
  Descriptor victim_line_;  ///< what it reads comes back
  int port_ = 0;
  pid_t victim_ = -1;
};

}  // namespace qbench::sandbox
