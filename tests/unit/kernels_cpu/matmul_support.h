#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/cpu/matmul.h"
#include "tensor/row_source.h"

namespace qbench::test {

/// A set of kernels that pack_matrix can choose.
struct KernelSet {
  std::string name;
  kernels::cpu::Isa isa;
  kernels::cpu::CpuFeatures features;
  bool here;  ///< this processor has it
};
std::vector<KernelSet> kernel_sets();

/// Rows held in memory.
class MemoryRows final : public tensor::RowSource {
 public:
  MemoryRows(tensor::DType dtype, std::int64_t rows, std::int64_t cols);
  tensor::DType dtype() const override { return dtype_; }
  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  void read_rows(std::int64_t first, std::int64_t count, std::byte* to) const override;

  std::byte* row(std::int64_t r) { return bytes_.data() + r * row_bytes_; }
  const std::byte* row(std::int64_t r) const { return bytes_.data() + r * row_bytes_; }
  std::int64_t row_bytes() const { return row_bytes_; }
  void set_rows(std::int64_t rows) { rows_ = rows; }  ///< shows only the first `rows`

 private:
  tensor::DType dtype_;
  std::int64_t rows_, cols_, row_bytes_;
  std::vector<std::byte> bytes_;
};

enum class Scales { kPlain, kHostile };

/// Fills with random codes. kPlain: block scales of either sign between 2^-8 and 2^-5. kHostile: also 0, -0, the largest and the smallest
/// halves, and runs of extreme codes.
void fill_random(MemoryRows& rows, std::uint64_t seed, Scales scales);

/// Multiplies the scale (and minimum) of block `block` of a row by `factor`; floating-point rows: number `block`.
void scale_block(MemoryRows& rows, std::int64_t row, std::int64_t block, float factor);

std::vector<float> random_inputs(std::int64_t tokens, std::int64_t cols, std::uint64_t seed);

/// The whole product at once, on the calling thread.
struct Product {
  std::vector<float> y;          // (tokens, rows)
  std::vector<double> inputs;    // (tokens, cols): what the prepared input stands for, exactly
};
Product multiply(const kernels::cpu::PackedMatrix& matrix, kernels::cpu::Isa isa, const std::vector<float>& x, std::int64_t tokens);

/// The numbers that a prepared input stands for.
std::vector<double> decode_prepared(kernels::cpu::InputKind kind, const std::byte* prepared, std::int64_t tokens, std::int64_t cols);

kernels::cpu::ParallelFor serial();

}  // namespace qbench::test
