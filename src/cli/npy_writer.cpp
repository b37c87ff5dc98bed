#include "cli/npy_writer.h"

#include <bit>
#include <cerrno>
#include <cstring>
#include <string>

#include "base/check.h"
#include "base/error.h"

namespace qbench::cli {
namespace {

constexpr std::size_t kHeaderBytes = 128;  // magic, length, dictionary padded with spaces, newline; a multiple of 64
static_assert(std::endian::native == std::endian::little, "rows are written as they lie in memory, and the header says '<f4'");

}  // namespace

NpyWriter::NpyWriter(const std::filesystem::path& path) : path_(path), file_(std::fopen(path.c_str(), "wbe")) {
  if (!file_) throw Error(ErrorCode::kUsage, path.string() + ": cannot write: " + std::strerror(errno), "--dump-logits");
  write_header();
}

void NpyWriter::write(const void* bytes, std::size_t count) {
  if (std::fwrite(bytes, 1, count, file_.get()) != count) {
    throw Error(ErrorCode::kUsage, path_.string() + ": cannot write: " + std::strerror(errno), "--dump-logits");
  }
}

void NpyWriter::write_header() {
  std::string header = std::string("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(kHeaderBytes - 10);
  header += '\0';
  header += "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows_) + ", " + std::to_string(columns_) + "), }";
  header.resize(kHeaderBytes - 1, ' ');
  header += '\n';
  write(header.data(), header.size());
}

void NpyWriter::append_row(std::span<const float> row) {
  QB_CHECK(rows_ == 0 || columns_ == static_cast<std::int64_t>(row.size()));
  columns_ = static_cast<std::int64_t>(row.size());
  ++rows_;
  write(row.data(), row.size_bytes());
}

void NpyWriter::finish() {
  std::rewind(file_.get());
  write_header();
  if (std::fclose(file_.release()) != 0) {
    throw Error(ErrorCode::kUsage, path_.string() + ": cannot write: " + std::strerror(errno), "--dump-logits");
  }
}

}  // namespace qbench::cli
