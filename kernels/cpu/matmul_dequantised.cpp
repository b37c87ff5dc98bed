#include "kernels/cpu/matmul_dequantised.h"

#include "base/check.h"
#include "kernels/cpu/aligned_buffer.h"
#include "tensor/convert.h"

namespace qbench::kernels::cpu {
namespace {

using tensor::DType;

constexpr std::int64_t kPartCols = 1024;  ///< the f32 kernel sums up 1024 columns at a time too: parts change no result

class DequantisedMatrix final : public PackedMatrix {
 public:
  DequantisedMatrix(const tensor::RowSource& source, MultiplyFunction f32, const ParallelFor& parallel)
      : rows_(source.rows()), cols_(source.cols()), row_bytes_(tensor::row_bytes(source.dtype(), cols_)), dtype_(source.dtype()), f32_(f32) {
    QB_CHECK(rows_ >= 0 && cols_ > 0);
    data_ = AlignedBuffer(static_cast<std::uint64_t>(rows_ * row_bytes_));
    parallel((rows_ + kTileRows - 1) / kTileRows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t tile = begin; tile < end; ++tile) {
        const std::int64_t first = tile * kTileRows, count = rows_ - first < kTileRows ? rows_ - first : kTileRows;
        source.read_rows(first, count, reinterpret_cast<std::byte*>(data_.data()) + first * row_bytes_);
      }
    });
  }

  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  DType dtype() const override { return dtype_; }
  InputKind input_kind() const override { return InputKind::kF32; }
  std::uint64_t bytes() const override { return static_cast<std::uint64_t>(rows_ * row_bytes_); }
  std::int64_t row_granularity() const override { return kTileRows; }

  void multiply(const std::byte* prepared, std::int64_t tokens, float* y, std::int64_t y_stride, std::int64_t row_begin, std::int64_t row_end,
                bool accumulate) const override {
    QB_CHECK(row_begin % kTileRows == 0 && row_begin >= 0 && row_end <= rows_);
    alignas(64) float tile[kPartCols * kTileRows];  // 64 KiB of stack rather than an allocation in the timed region
    alignas(64) float row[kPartCols];
    const std::int64_t x_stride = prepared_bytes(InputKind::kF32, 1, cols_);
    for (std::int64_t first = row_begin; first < row_end; first += kTileRows) {
      const std::int64_t count = row_end - first < kTileRows ? row_end - first : kTileRows;
      for (std::int64_t col = 0; col < cols_; col += kPartCols) {
        const std::int64_t part = cols_ - col < kPartCols ? cols_ - col : kPartCols;
        for (std::int64_t r = 0; r < kTileRows; ++r) {
          if (r < count) tensor::dequantize_part(dtype_, row_at(first + r), cols_, col, row, part);
          for (std::int64_t c = 0; c < part; ++c) tile[c * kTileRows + r] = r < count ? row[c] : 0.0f;
        }
        const PackedView view{reinterpret_cast<const std::uint8_t*>(tile), nullptr, nullptr, part};
        f32_({view, prepared + col * 4, x_stride, tokens, y + first, y_stride, 0, count, accumulate || col > 0});
      }
    }
  }

  void read_row(std::int64_t row, float* to) const override {
    QB_CHECK(row >= 0 && row < rows_);
    tensor::dequantize_row(dtype_, row_at(row), to, cols_);
  }

 private:
  const std::byte* row_at(std::int64_t row) const { return reinterpret_cast<const std::byte*>(data_.data()) + row * row_bytes_; }

  std::int64_t rows_, cols_, row_bytes_;
  DType dtype_;
  MultiplyFunction f32_;
  AlignedBuffer data_;
};

}  // namespace

bool is_dequantised(DType dtype) noexcept {
  return dtype == DType::kInt8 || dtype == DType::kFP8 || dtype == DType::kFP8Block || dtype == DType::kInt4;
}

std::unique_ptr<PackedMatrix> dequantised_matrix(const tensor::RowSource& source, MultiplyFunction f32, const ParallelFor& parallel) {
  return std::make_unique<DequantisedMatrix>(source, f32, parallel);
}

}  // namespace qbench::kernels::cpu
