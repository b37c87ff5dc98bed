#pragma once

#include <filesystem>
#include <string>

#include "sandbox/sandbox.h"

namespace qbench::sandbox {

/// The files of a job on the machine's own file system, where there is no namespace to put them in: task/ (read only) and tmp/. Removed
/// with the object, whatever the program made of it.
class TaskFolder {
 public:
  /// Error{kIo} with the system's reason.
  explicit TaskFolder(const Job& job);
  ~TaskFolder();
  TaskFolder(const TaskFolder&) = delete;
  TaskFolder& operator=(const TaskFolder&) = delete;

  /// Removes the folders of processes that were killed.
  static void remove_left_behind();

  std::string temporary() const { return path_ / "tmp"; }
  /// `word` with /task or /tmp at its beginning replaced by where they are.
  std::string real_path(const std::string& word) const;

 private:
  std::filesystem::path path_;
};

}  // namespace qbench::sandbox
