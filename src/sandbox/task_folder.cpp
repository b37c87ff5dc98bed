#include "sandbox/task_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/text_file.h"
#include "sandbox/spawn.h"

namespace qbench::sandbox {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path) {
  throw Error(ErrorCode::kIo, path.string() + ": cannot make a folder for a task: " + std::strerror(errno), "sandbox");
}

}  // namespace

TaskFolder::TaskFolder(const Job& job) {
  std::string name = (fs::temp_directory_path() / "qbench-task-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) fail(name);
  path_ = name;
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

TaskFolder::~TaskFolder() {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path_, ignored)) {
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) ::chmod(entry.path().c_str(), 0700);  // ones made unreadable
  }
  fs::remove_all(path_, ignored);
}

std::string TaskFolder::real_path(const std::string& word) const {
  for (const char* root : {"/task", "/tmp"}) {
    const std::string name = root;
    if (word == name || word.starts_with(name + "/")) return path_.string() + word;
  }
  return word;
}

}  // namespace qbench::sandbox
