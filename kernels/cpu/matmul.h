#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "kernels/cpu/isa.h"
#include "tensor/row_source.h"

namespace qbench::kernels::cpu {

/// How the activations must be prepared for a weight type: once per step and input, shared by every matrix that reads that input.
enum class InputKind {
  kF32,   ///< float32 as they are (F32 and F16 weights, and BF16 where there is no BF16 dot product)
  kBF16,  ///< bfloat16
  kQ8,    ///< int8 with one float scale (and sum) per 32 numbers
};

/// tokens rows of `cols` float32, row t at x + row * stride, where row is t, or gather[t] when gather is set.
struct InputView {
  const float* x;
  std::int64_t stride;
  const std::int32_t* gather;
  std::int64_t tokens;
  std::int64_t cols;
};

/// Runs body(begin, end) over parts of [0, count) on the caller's threads.
using ParallelFor = std::function<void(std::int64_t count, const std::function<void(std::int64_t begin, std::int64_t end)>& body)>;

/// A weight matrix, repacked once at load into the layout that this processor's kernel reads best. Immutable, shared by threads.
class PackedMatrix {
 public:
  virtual ~PackedMatrix() = default;
  virtual std::int64_t rows() const = 0;
  virtual std::int64_t cols() const = 0;
  virtual tensor::DType dtype() const = 0;
  virtual InputKind input_kind() const = 0;
  virtual std::uint64_t bytes() const = 0;             ///< in memory, padding included
  virtual std::int64_t row_granularity() const = 0;    ///< row ranges given to multiply start at multiples of this

  /// y[t * y_stride + r] = sum_c W[r, c] x[t, c]   (added to y when `accumulate`), for t in [0, tokens), r in [row_begin, row_end).
  /// prepared: what prepare_input wrote for all `tokens`, cols() and input_kind(). A token's result does not depend on `tokens` beyond
  /// float32 rounding, nor at all on how the rows are split between threads.
  virtual void multiply(const std::byte* prepared, std::int64_t tokens, float* y, std::int64_t y_stride, std::int64_t row_begin,
                        std::int64_t row_end, bool accumulate) const = 0;

  /// Row r as float32, as the file's type defines it (embedding lookup).
  virtual void read_row(std::int64_t row, float* to) const = 0;
};

/// Bytes that prepare_input writes for `tokens` rows of `cols` numbers.
std::int64_t prepared_bytes(InputKind kind, std::int64_t tokens, std::int64_t cols);

/// Prepares tokens [token_begin, token_end) of the view; `to` is the start of the whole prepared block, 64-byte aligned. token_begin is a
/// multiple of prepare_granularity().
void prepare_input(InputKind kind, Isa isa, const InputView& input, std::int64_t token_begin, std::int64_t token_end, std::byte* to);
std::int64_t prepare_granularity(InputKind kind);

/// Packs every row of the source. Any of tensor::DType; rows and cols as they come (rows not divisible by the tile are padded inside).
std::unique_ptr<PackedMatrix> pack_matrix(const tensor::RowSource& source, Isa isa, const CpuFeatures& features, const ParallelFor& parallel);

/// Rows of any type as the file has them, made float32 on the way into every product: what packing is measured against.
std::unique_ptr<PackedMatrix> unpacked_matrix(const tensor::RowSource& source, Isa isa, const CpuFeatures& features, const ParallelFor& parallel);

}  // namespace qbench::kernels::cpu
