#include "base/text_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace qbench {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorCode::kIo, what + ": " + std::strerror(errno), path.string());
}

/// Closes the descriptor when it goes.
struct Descriptor {
  int fd;
  ~Descriptor() { ::close(fd); }
};

/// Takes a file that was not finished away again.
struct Unfinished {
  std::filesystem::path path;
  bool in_place = false;
  ~Unfinished() {
    if (!in_place) ::unlink(path.c_str());
  }
};

}  // namespace

std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  // Opening a pipe would otherwise wait for a writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno == ENOENT) throw Error(ErrorCode::kNotFound, "no such file", path.string());
  if (fd < 0) fail(path, "cannot open");
  const Descriptor guard{fd};
  struct stat info {};
  if (::fstat(fd, &info) != 0) fail(path, "cannot read");
  if (S_ISDIR(info.st_mode)) throw Error(ErrorCode::kIo, "is a folder, expected a file", path.string());
  if (!S_ISREG(info.st_mode)) throw Error(ErrorCode::kIo, "not a regular file", path.string());
  std::string content;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n == 0) break;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "cannot read");
    content.append(buffer, static_cast<std::size_t>(n));
    if (content.size() > max_bytes) {
      throw Error(ErrorCode::kIo, "larger than " + std::to_string(max_bytes) + " bytes, which is the limit for this kind of file", path.string());
    }
  }
  return content;
}

void write_text_file_atomic(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temporary = path.string() + ".tmp" + std::to_string(::getpid());
  Unfinished unfinished{temporary};
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail(path, "cannot write");
  const Descriptor guard{fd};
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = ::write(fd, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(path, "cannot write");
    done += static_cast<std::size_t>(n);
  }
  if (::fsync(fd) != 0 && errno != EINVAL && errno != EROFS) fail(path, "cannot flush");
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path, "cannot rename the finished file into place");
  unfinished.in_place = true;
}

}  // namespace qbench
