#include "sandbox/task_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/text_file.h"
#include "sandbox/proc_files.h"
#include "sandbox/spawn.h"

namespace qbench::sandbox {

namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "qbench-task-";

[[noreturn]] void fail(const fs::path& path) {
  throw Error(ErrorCode::kIo, path.string() + ": cannot make a folder for a task: " + std::strerror(errno), "sandbox");
}

void remove_tree(const fs::path& path) {
  std::error_code ignored;
  const fs::recursive_directory_iterator end;
  for (fs::recursive_directory_iterator at(path, ignored); at != end; at.increment(ignored)) {     // a range loop would throw
    if (at->is_directory(ignored) && !at->is_symlink(ignored)) ::chmod(at->path().c_str(), 0700);  // ones made unreadable
  }
  fs::remove_all(path, ignored);
}

}  // namespace

TaskFolder::TaskFolder(const Job& job) {
  path_ = fs::temp_directory_path() / name_of_this_process(kPrefix);
  if (::mkdir(path_.c_str(), 0700) != 0) fail(path_);
  for (const File& file : job.files) {
    const fs::path path = path_ / "task" / file.path;
    fs::create_directories(path.parent_path());
    write_text_file_atomic(path, file.content);
    ::chmod(path.c_str(), file.executable ? 0555 : 0444);
  }
  fs::create_directories(path_ / "task");
  const fs::path temporary = path_ / "tmp";
  if (::mkdir(temporary.c_str(), 0700) != 0) fail(temporary);
  if (::geteuid() != 0) return;
  // The program runs as nobody: it may read the task, write its own folder, and nobody else sees either.
  if (::chown(temporary.c_str(), kNobody, kNobody) != 0 || ::chown(path_.c_str(), 0, kNobody) != 0 || ::chmod(path_.c_str(), 0750) != 0)
    fail(path_);
}

TaskFolder::~TaskFolder() { remove_tree(path_); }

void TaskFolder::remove_left_behind() {
  const fs::path folder = fs::temp_directory_path();
  for (const std::string& name : list_folder(folder)) {
    if (is_left_behind(name, kPrefix)) remove_tree(folder / name);
  }
}

std::string TaskFolder::real_path(const std::string& word) const {
  for (const char* root : {"/task", "/tmp"}) {
    const std::string name = root;
    if (word == name || word.starts_with(name + "/")) return path_.string() + word;
  }
  return word;
}

}  // namespace qbench::sandbox
