#include "kernels/cpu/matmul.h"

#include <cstring>
#include <vector>

#include "base/check.h"
#include "kernels/cpu/aligned_buffer.h"
#include "kernels/cpu/matmul_dequantised.h"
#include "kernels/cpu/matmul_layout.h"
#include "kernels/cpu/matmul_pack.h"
#include "tensor/convert.h"

namespace qbench::kernels::cpu {
namespace {

using tensor::DType;

constexpr std::int64_t round_up(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit * unit; }

/// Bytes of one prepared token.
std::int64_t input_stride(InputKind kind, std::int64_t cols) {
  switch (kind) {
    case InputKind::kF32: return round_up(cols, 16) * 4;
    case InputKind::kBF16: return round_up(cols, 32) * 2;
    case InputKind::kQ8: return cols / kBlockCols * static_cast<std::int64_t>(sizeof(Q8Block));
  }
  QB_CHECK(false);
}

MatmulKernels kernels_for(Isa isa, const CpuFeatures& features) {
  if (isa == Isa::kScalar) return matmul_kernels_scalar();
  if (isa == Isa::kAvx2) {
    QB_CHECK(features.avx2);
    return features.avx_vnni ? matmul_kernels_avx_vnni() : matmul_kernels_avx2();
  }
  QB_CHECK(features.avx512);
  MatmulKernels kernels = features.avx512_vnni ? matmul_kernels_avx512_vnni() : matmul_kernels_avx512();
  if (features.avx512_bf16) add_kernels_avx512_bf16(kernels);
  return kernels;
}

struct Choice {
  MultiplyFunction multiply;
  InputKind input;
};

Choice choose(DType dtype, const MatmulKernels& k) {
  switch (dtype) {
    case DType::kF32: return {k.f32, InputKind::kF32};
    case DType::kF16: return {k.f16, InputKind::kF32};
    case DType::kBF16: return k.bf16_dot != nullptr ? Choice{k.bf16_dot, InputKind::kBF16} : Choice{k.bf16, InputKind::kF32};
    case DType::kQ4_0: return {k.q4_0, InputKind::kQ8};
    case DType::kQ4_1: return {k.q4_1, InputKind::kQ8};
    case DType::kQ5_0: return {k.q5_0, InputKind::kQ8};
    case DType::kQ5_1: return {k.q5_1, InputKind::kQ8};
    case DType::kQ8_0: return {k.q8_0, InputKind::kQ8};
    case DType::kQ2_K: return {k.q2_k, InputKind::kQ8};
    case DType::kQ3_K: return {k.q3_k, InputKind::kQ8};
    case DType::kQ4_K: return {k.q4_k, InputKind::kQ8};
    case DType::kQ5_K: return {k.q5_k, InputKind::kQ8};
    case DType::kQ6_K: return {k.q6_k, InputKind::kQ8};
    case DType::kIQ4_NL: return {k.iq4_nl, InputKind::kQ8};
    case DType::kIQ4_XS: return {k.iq4_xs, InputKind::kQ8};
    case DType::kInt8: case DType::kFP8: case DType::kFP8Block: case DType::kInt4: break;  // matmul_dequantised.h
  }
  QB_CHECK(false);
}

class TiledMatrix final : public PackedMatrix {
 public:
  TiledMatrix(const tensor::RowSource& source, const Choice& choice, const ParallelFor& parallel)
      : rows_(source.rows()), cols_(source.cols()), dtype_(source.dtype()), choice_(choice) {
    QB_CHECK(rows_ >= 0 && cols_ > 0);
    const PackedSizes sizes = packed_sizes(dtype_, rows_, cols_);
    quants_ = AlignedBuffer(sizes.quants);
    scales_ = AlignedBuffer(sizes.scales);
    supers_ = AlignedBuffer(sizes.supers);
    const PackedTarget target{quants_.data(), scales_.data(), supers_.data()};
    const std::int64_t row_bytes = tensor::row_bytes(dtype_, cols_);
    parallel((rows_ + kTileRows - 1) / kTileRows, [&](std::int64_t begin, std::int64_t end) {
      std::vector<std::byte> rows(static_cast<std::size_t>(row_bytes * kTileRows));  // all that is held twice
      for (std::int64_t tile = begin; tile < end; ++tile) {
        const std::int64_t first = tile * kTileRows, count = rows_ - first < kTileRows ? rows_ - first : kTileRows;
        source.read_rows(first, count, rows.data());
        pack_tile(dtype_, rows.data(), count, cols_, tile, target);
      }
    });
  }

  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  DType dtype() const override { return dtype_; }
  InputKind input_kind() const override { return choice_.input; }
  std::uint64_t bytes() const override { return quants_.bytes() + scales_.bytes() + supers_.bytes(); }
  std::int64_t row_granularity() const override { return kTileRows; }

  void multiply(const std::byte* prepared, std::int64_t tokens, float* y, std::int64_t y_stride, std::int64_t row_begin, std::int64_t row_end,
                bool accumulate) const override {
    QB_CHECK(row_begin % kTileRows == 0 && row_begin >= 0 && row_end <= rows_);
    if (row_begin >= row_end) return;
    choice_.multiply({view(), prepared, input_stride(choice_.input, cols_), tokens, y, y_stride, row_begin, row_end, accumulate});
  }

  void read_row(std::int64_t row, float* to) const override {
    QB_CHECK(row >= 0 && row < rows_);
    unpack_row(dtype_, view(), row, to);
  }

 private:
  PackedView view() const { return {quants_.data(), scales_.data(), supers_.data(), cols_}; }

  std::int64_t rows_, cols_;
  DType dtype_;
  Choice choice_;
  AlignedBuffer quants_, scales_, supers_;
};

void prepare_f32(const PrepareArgs& a) {
  std::memcpy(a.to, a.x, static_cast<std::size_t>(a.cols) * sizeof(float));
  std::memset(a.to + a.cols * 4, 0, static_cast<std::size_t>(round_up(a.cols, 2) - a.cols) * sizeof(float));  // a BF16 pair reads it
}

}  // namespace

std::int64_t prepared_bytes(InputKind kind, std::int64_t tokens, std::int64_t cols) { return tokens * input_stride(kind, cols); }

std::int64_t prepare_granularity(InputKind) { return 1; }

void prepare_input(InputKind kind, Isa isa, const InputView& input, std::int64_t token_begin, std::int64_t token_end, std::byte* to) {
  PrepareFunction prepare = prepare_f32;
  if (kind != InputKind::kF32) {
    const MatmulKernels kernels = kernels_for(isa, detect_features());
    prepare = kind == InputKind::kQ8 ? kernels.prepare_q8 : kernels.prepare_bf16;
    QB_CHECK(prepare != nullptr && (kind != InputKind::kQ8 || input.cols % kBlockCols == 0));
  }
  const std::int64_t stride = input_stride(kind, input.cols);
  for (std::int64_t t = token_begin; t < token_end; ++t) {
    const std::int64_t row = input.gather != nullptr ? input.gather[t] : t;
    prepare({input.x + row * input.stride, input.cols, to + t * stride});
  }
}

std::unique_ptr<PackedMatrix> pack_matrix(const tensor::RowSource& source, Isa isa, const CpuFeatures& features, const ParallelFor& parallel) {
  const MatmulKernels kernels = kernels_for(isa, features);
  if (is_dequantised(source.dtype())) return dequantised_matrix(source, kernels.f32, parallel);
  return std::make_unique<TiledMatrix>(source, choose(source.dtype(), kernels), parallel);
}

std::unique_ptr<PackedMatrix> unpacked_matrix(const tensor::RowSource& source, Isa isa, const CpuFeatures& features, const ParallelFor& parallel) {
  return dequantised_matrix(source, kernels_for(isa, features).f32, parallel);
}

}  // namespace qbench::kernels::cpu
