#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace qbench::tensor {

/// A matrix that can be read by rows: bytes of a mapped file, converted rows, permuted rows or rows drawn from a seed.
/// Row r holds `cols` numbers of `dtype` in row_bytes(dtype, cols) bytes. read_rows is safe to call from several threads at once.
class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual DType dtype() const = 0;
  virtual std::int64_t rows() const = 0;
  virtual std::int64_t cols() const = 0;
  /// Writes `count` rows, starting at row `first`, one behind the other.
  virtual void read_rows(std::int64_t first, std::int64_t count, std::byte* to) const = 0;
};

}  // namespace qbench::tensor
