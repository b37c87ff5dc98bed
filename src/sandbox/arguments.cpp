#include "sandbox/arguments.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "sandbox/keeper_image.h"
#include "sandbox/spawn.h"

namespace qbench::sandbox {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPage = 4096;
constexpr std::size_t kMostFiles = 400;  // descriptors of bubblewrap
constexpr std::uint64_t kSharedMemoryBytes = std::uint64_t{16} << 20;

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorCode::kConfig, message, "sandbox"); }

/// Adds words to the options.
class OptionList {
 public:
  explicit OptionList(std::vector<std::string>& words) : words_(words) {}
  template <class... Word>
  void add(const Word&... word) {
    (words_.emplace_back(word), ...);
  }

 private:
  std::vector<std::string>& words_;
};

/// /usr and what leads into it. Nothing else of the machine: no /etc, /home, /run, /sys, /var.
void add_system(OptionList& options) {
  options.add("--ro-bind", "/usr", "/usr");
  for (const char* path : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    std::error_code ignored;
    if (fs::is_symlink(path, ignored)) {
      options.add("--symlink", fs::read_symlink(path, ignored).string(), path);
    } else if (fs::is_directory(path, ignored)) {
      options.add("--ro-bind", path, path);
    }
  }
  // Not the distribution's: what a user installed there is none of a task's business, qbench's own task files with their answers least of
  // all.
  for (const char* path : {"/usr/local", "/usr/src", "/usr/share/qbench"}) {
    if (fs::is_directory(path)) options.add("--size", std::to_string(kPage), "--perms", "0555", "--tmpfs", path, "--remount-ro", path);
  }
  options.add("--ro-bind-try", "/etc/alternatives", "/etc/alternatives");  // links of some tools and libraries go through it
}

void add_devices(OptionList& options, bool proc) {
  if (proc) options.add("--proc", "/proc");
  options.add("--dev", "/dev", "--size", std::to_string(kSharedMemoryBytes), "--perms", "1777", "--tmpfs", "/dev/shm", "--remount-ro",
              "/dev");
}

std::uint64_t task_bytes(const Job& job) {
  std::uint64_t total = 64 * kPage;  // folders
  for (const File& file : job.files) total += (file.content.size() / kPage + 2) * kPage;
  return total;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> job_environment(const Job& job, const std::string& temporary) {
  std::vector<std::pair<std::string, std::string>> all{
      {"PATH", "/usr/bin:/bin"}, {"LANG", "C.UTF-8"}, {"HOME", temporary}, {"TMPDIR", temporary}};
  all.insert(all.end(), job.environment.begin(), job.environment.end());
  return all;
}

void check_job(const Job& job) {
  if (job.argv.empty() || !job.argv.front().starts_with("/")) refuse("the program is to be an absolute path");
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  if (std::any_of(job.argv.begin(), job.argv.end(), has_nul)) refuse("an argument holds a NUL byte");
  for (const auto& [name, value] : job.environment) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value)) {
      refuse("the environment variable '" + name + "' cannot be set");
    }
  }
  if (job.files.size() > kMostFiles)
    refuse("a job has at most " + std::to_string(kMostFiles) + " files, and this one " + std::to_string(job.files.size()));
  std::set<std::string> seen;
  for (const File& file : job.files) {
    const fs::path path(file.path);
    const bool climbs =
        std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".." || part == "." || part.empty(); });
    if (file.path.empty() || path.is_absolute() || climbs || has_nul(file.path))
      refuse("'" + file.path + "' is no path of a file below /task");
    if (!seen.insert(file.path).second) refuse("the file '" + file.path + "' is there twice");
  }
}

Room make_room(const Job& job, const BwrapFeatures& features, int first_descriptor) {
  Room room;
  OptionList options(room.options);
  const std::string user = std::to_string(kNobody);
  options.add("--unshare-user", "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL");
  options.add("--uid", user, "--gid", user, "--hostname", "sandbox", "--clearenv");
  if (features.disable_userns) options.add("--disable-userns");
  for (const auto& [name, value] : job_environment(job, "/tmp")) options.add("--setenv", name, value);
  add_system(options);
  add_devices(options, features.proc);

  const auto copy = [&](Descriptor file, const std::string& path, const char* permissions) {
    options.add("--perms", permissions, "--file", std::to_string(first_descriptor + static_cast<int>(room.files.size())), path);
    room.files.push_back(std::move(file));
  };
  copy(make_memory_file("qbench-keeper", keeper_image()), kKeeperPath, "0555");
  copy(make_memory_file("qbench-passwd", "nobody:x:" + user + ":" + user + ":nobody:/tmp:/bin/sh\n"), "/etc/passwd", "0444");
  copy(make_memory_file("qbench-group", "nogroup:x:" + user + ":\n"), "/etc/group", "0444");
  options.add("--size", std::to_string(task_bytes(job)), "--tmpfs", "/task");
  for (const File& file : job.files)
    copy(make_memory_file("qbench-file", file.content), "/task/" + file.path, file.executable ? "0555" : "0444");
  options.add("--remount-ro", "/task");
  options.add("--size", std::to_string(std::max(job.limits.scratch_bytes, kPage)), "--tmpfs", "/tmp", "--remount-ro", "/", "--chdir",
              "/tmp");
  return room;
}

}  // namespace qbench::sandbox
