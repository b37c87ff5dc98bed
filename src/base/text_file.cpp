#include "base/text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

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

}  // namespace

std::string read_text_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (!std::filesystem::exists(status)) throw Error(ErrorCode::kNotFound, "no such file", path.string());
  if (std::filesystem::is_directory(status)) throw Error(ErrorCode::kIo, "is a folder, expected a file", path.string());
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(path, "cannot open");
  std::string content;
  char buffer[1 << 16];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    content.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (content.size() > max_bytes) {
      throw Error(ErrorCode::kIo, "larger than " + std::to_string(max_bytes) + " bytes, which is the limit for this kind of file", path.string());
    }
  }
  if (in.bad()) fail(path, "cannot read");
  return content;
}

void write_text_file_atomic(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temporary = path.string() + ".tmp" + std::to_string(::getpid());
  try {
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
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

}  // namespace qbench
