#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.h"

namespace qbench {
namespace {

std::string reason() { return std::strerror(errno); }

/// Fills anonymous memory from the descriptor; false on a read error or when the file shrank.
bool read_all(int fd, std::byte* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(fd, to + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path, const MapOptions& options) : path_(path) {
  // Opening a pipe would otherwise wait for a writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw Error(errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, "cannot open: " + reason(), path.string());
  struct stat info {};
  const bool usable = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  if (!usable) {
    ::close(fd);
    throw Error(ErrorCode::kIo, "not a regular file", path.string());
  }
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ > 0) {
    void* mapped = options.mmap ? ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0)
                                : ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
      const std::string why = reason();
      ::close(fd);
      throw Error(ErrorCode::kIo, "cannot map " + std::to_string(size_) + " bytes: " + why, path.string());
    }
    data_ = static_cast<std::byte*>(mapped);
    if (!options.mmap && !read_all(fd, data_, size_)) {
      const std::string why = reason();
      ::close(fd);
      release();
      throw Error(ErrorCode::kIo, "cannot read " + std::to_string(info.st_size) + " bytes: " + why, path.string());
    }
  }
  ::close(fd);
}

MappedFile::~MappedFile() { release(); }

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    release();
    path_ = std::move(other.path_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void MappedFile::release() noexcept {
  if (data_ != nullptr) ::munmap(data_, size_);
  data_ = nullptr;
  size_ = 0;
}

void will_read(std::span<const std::byte> bytes) noexcept {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto first = reinterpret_cast<std::uintptr_t>(bytes.data()) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(bytes.data()) + bytes.size();
  if (end > first) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_WILLNEED);  // NOLINT: an address, page by page
}

}  // namespace qbench
