#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace qbench {

struct MapOptions {
  bool mmap = true;  ///< false: the whole file is read into memory
};

/// The bytes of a file, mapped read-only or read into memory. Move-only.
class MappedFile {
 public:
  /// Error{kNotFound} when there is no such file, {kIo} otherwise; also for a pipe or device, which is never waited for.
  explicit MappedFile(const std::filesystem::path& path, const MapOptions& options = {});
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  void release() noexcept;
  std::filesystem::path path_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Asks the system to start reading these bytes of a mapped file: without it a mapping is read 128 KB at a time, each when it is touched.
/// Harmless for other memory.
void will_read(std::span<const std::byte> bytes) noexcept;

}  // namespace qbench
