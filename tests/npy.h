#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text_file.h"

namespace qbench::test {

/// A float32 array of a .npy file, version 1 (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), C order, 2-D.
struct NpyMatrix {
  std::int64_t rows = 0, cols = 0;
  std::vector<float> values;  // (rows, cols)
  const float* row(std::int64_t r) const { return values.data() + r * cols; }
};

inline NpyMatrix read_npy(const std::filesystem::path& path) {
  const std::string bytes = read_text_file(path);
  const std::size_t header = static_cast<unsigned char>(bytes.at(8)) + 256U * static_cast<unsigned char>(bytes.at(9));
  const std::string text = bytes.substr(10, header);
  const std::size_t shape = text.find('(');
  NpyMatrix matrix;
  if (text.find("'<f4'") == std::string::npos || std::sscanf(text.c_str() + shape, "(%ld, %ld)", &matrix.rows, &matrix.cols) != 2) {
    throw Error(ErrorCode::kFormat, "not a 2-D float32 array", path.string());
  }
  matrix.values.resize(static_cast<std::size_t>(matrix.rows * matrix.cols));
  if (bytes.size() != 10 + header + matrix.values.size() * sizeof(float)) throw Error(ErrorCode::kFormat, "wrong size", path.string());
  std::memcpy(matrix.values.data(), bytes.data() + 10 + header, matrix.values.size() * sizeof(float));
  return matrix;
}

}  // namespace qbench::test
