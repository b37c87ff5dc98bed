#include "run/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/text_file.h"
#include "record/record_json.h"

namespace qbench::run {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestLabel = 80;
constexpr int kMostRunsOfOneName = 1000;

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw Error(ErrorCode::kIo, what + ": " + std::strerror(errno), path.string());
}

/// An open descriptor of the folder that holds an exclusive lock.
int lock_folder(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail(path, "cannot open the run's folder");
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  const int reason = errno;
  ::close(fd);
  errno = reason;
  if (reason == EWOULDBLOCK) throw Error(ErrorCode::kUsage, "another qbench is writing this folder", path.string());
  fail(path, "cannot lock the run's folder");
}

}  // namespace

RunFolder RunFolder::create(const fs::path& output_dir, record::RunRecord& run) {
  std::error_code failed;
  fs::create_directories(output_dir, failed);
  if (failed) throw Error(ErrorCode::kIo, "cannot make the results folder: " + failed.message(), output_dir.string());
  const std::string wanted = run.run_id;
  fs::path path = output_dir / wanted;
  for (int i = 2; ::mkdir(path.c_str(), 0755) != 0; ++i) {  // two runs may begin in the same second
    if (errno != EEXIST || i > kMostRunsOfOneName) fail(path, "cannot make the run's folder");
    run.run_id = wanted + "-" + std::to_string(i);
    path = output_dir / run.run_id;
  }
  RunFolder folder(path, lock_folder(path));
  record::write_run_json(folder.run_json(), run);
  const record::SampleFile writable(folder.samples());
  return folder;
}

RunFolder RunFolder::reopen(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) throw Error(ErrorCode::kUsage, "no such folder: " + path.string(), "--resume");
  if (!fs::exists(path / "run.json", ignored))
    throw Error(ErrorCode::kUsage, path.string() + " has no run.json: it is not a run's folder", "--resume");
  return RunFolder(path, lock_folder(path));
}

RunFolder::~RunFolder() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

RunFolder::RunFolder(RunFolder&& other) noexcept : path_(std::move(other.path_)), lock_fd_(std::exchange(other.lock_fd_, -1)) {}

std::string make_run_id(std::int64_t wall_ns, std::string_view label) {
  std::string clean(label.substr(0, kLongestLabel));
  const auto allowed = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '-'; };
  std::replace_if(
      clean.begin(), clean.end(), [&](char c) { return !allowed(c); }, '-');
  return compact_utc(wall_ns) + "-" + (clean.empty() ? std::string("run") : clean);
}

}  // namespace qbench::run
