#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>

namespace qbench::cli {

/// Writes a NumPy file, format 1.0, of float32 rows of equal length whose number is known only at the end.
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
class NpyWriter {
 public:
  /// Error{kUsage} with the system's reason when the file cannot be written, here and below.
  explicit NpyWriter(const std::filesystem::path& path);
  /// QB_CHECK: every row has the length of the first.
  void append_row(std::span<const float> row);
  /// Completes the header with the shape (rows, columns) and closes the file. Without it the file stays unreadable.
  void finish();

 private:
  void write(const void* bytes, std::size_t count);
  void write_header();
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::int64_t rows_ = 0, columns_ = 0;
};

}  // namespace qbench::cli
