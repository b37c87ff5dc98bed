#include "matmul_support.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/random.h"
#include "kernels/cpu/matmul_layout.h"
#include "tensor/blocks.h"
#include "tensor/convert.h"

namespace qbench::test {

using namespace kernels::cpu;
using tensor::DType;

std::vector<KernelSet> kernel_sets() {
  const CpuFeatures here = detect_features();
  const CpuFeatures avx2{.avx2 = true}, avx_vnni{.avx2 = true, .avx_vnni = true};
  const CpuFeatures avx512{.avx2 = true, .avx512 = true};
  const CpuFeatures vnni{.avx2 = true, .avx512 = true, .avx512_vnni = true}, bf16{.avx2 = true, .avx512 = true, .avx512_bf16 = true};
  return {{"scalar", Isa::kScalar, {}, true},
          {"avx2", Isa::kAvx2, avx2, here.avx2},
          {"avx2 with vnni", Isa::kAvx2, avx_vnni, here.avx_vnni},
          {"avx512", Isa::kAvx512, avx512, here.avx512},
          {"avx512 with vnni", Isa::kAvx512, vnni, here.avx512_vnni},
          {"avx512 with bf16", Isa::kAvx512, bf16, here.avx512_bf16}};
}

MemoryRows::MemoryRows(DType dtype, std::int64_t rows, std::int64_t cols)
    : dtype_(dtype), rows_(rows), cols_(cols), row_bytes_(tensor::row_bytes(dtype, cols)), bytes_(static_cast<std::size_t>(rows * row_bytes_)) {}

void MemoryRows::read_rows(std::int64_t first, std::int64_t count, std::byte* to) const {
  std::memcpy(to, row(first), static_cast<std::size_t>(count * row_bytes_));
}

namespace {

/// Offsets of a block's f16 fields; the second is -1 where there is one only.
struct HalfFields {
  std::int64_t first, second;
};

HalfFields half_fields(DType dtype) {
  switch (dtype) {
    case DType::kQ4_1: case DType::kQ5_1: case DType::kQ4_K: case DType::kQ5_K: return {0, 2};
    case DType::kQ2_K: return {offsetof(tensor::BlockQ2_K, d), offsetof(tensor::BlockQ2_K, dmin)};
    case DType::kQ3_K: return {offsetof(tensor::BlockQ3_K, d), -1};
    case DType::kQ6_K: return {offsetof(tensor::BlockQ6_K, d), -1};
    case DType::kInt8: case DType::kFP8: case DType::kFP8Block: return {-1, -1};  // a float32 scale
    default: return {0, -1};
  }
}

std::uint16_t draw_half(Random& random, Scales scales) {
  if (scales == Scales::kHostile) {
    constexpr std::uint16_t kOdd[] = {0x0000, 0x8000, 0x7bff, 0xfbff, 0x0001, 0x8001, 0x03ff};
    const std::uint64_t pick = random.next_below(2 * std::size(kOdd));
    if (pick < std::size(kOdd)) return kOdd[pick];
  }
  const double magnitude = std::exp2(-8.0 + 3.0 * random.next_uniform());
  return tensor::f16_from_f32(static_cast<float>(random.next_below(2) == 0 ? magnitude : -magnitude));
}

/// E4M3 codes of NaN become the largest number; the zero of an INT4 group has four bits.
void make_finite(DType dtype, std::byte* block, std::int64_t bytes) {
  const std::int64_t first = dtype == DType::kFP8Block ? 4 : 0;
  if (dtype == DType::kFP8 || dtype == DType::kFP8Block) {
    for (std::int64_t i = first; i < bytes; ++i) {
      if ((block[i] & std::byte{0x7f}) == std::byte{0x7f}) block[i] &= std::byte{0xfe};
    }
  }
  if (dtype == DType::kInt4) block[2] &= std::byte{15};
}

void put_float_scale(std::byte* to, std::uint16_t half) {
  const float scale = tensor::f32_from_f16(half);
  std::memcpy(to, &scale, sizeof(scale));
}

void put_half(std::byte* to, std::uint16_t bits) { std::memcpy(to, &bits, 2); }

void fill_block(DType dtype, std::byte* block, std::int64_t bytes, Random& random, Scales scales) {
  const std::uint64_t style = scales == Scales::kHostile ? random.next_below(4) : 3;
  for (std::int64_t i = 0; i < bytes; ++i) {
    const std::uint64_t value = style == 0 ? 0xff : style == 1 ? 0x80 : style == 2 ? 0x7f : random.next_below(256);
    block[i] = static_cast<std::byte>(value);
  }
  const HalfFields fields = half_fields(dtype);
  make_finite(dtype, block, bytes);
  if (fields.first >= 0) put_half(block + fields.first, draw_half(random, scales));
  if (dtype == DType::kFP8Block) put_float_scale(block, draw_half(random, scales));
  if (fields.second >= 0) put_half(block + fields.second, draw_half(random, scales));
}

float draw_float(Random& random, Scales scales) {
  if (scales == Scales::kHostile) {
    constexpr float kOdd[] = {0.0f, -0.0f, 1e15f, -1e15f, 1e-30f};
    const std::uint64_t pick = random.next_below(3 * std::size(kOdd));
    if (pick < std::size(kOdd)) return kOdd[pick];
  }
  return static_cast<float>(random.next_normal());
}

}  // namespace

void fill_random(MemoryRows& rows, std::uint64_t seed, Scales scales) {
  Random random(seed);
  const tensor::DTypeInfo& info = tensor::info(rows.dtype());
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    if (info.row_extra_bytes > 0) put_float_scale(rows.row(r) + rows.row_bytes() - info.row_extra_bytes, draw_half(random, scales));
    for (std::int64_t at = 0; at < rows.row_bytes() - info.row_extra_bytes; at += info.block_bytes) {
      std::byte* to = rows.row(r) + at;
      const float value = info.block_elements == 1 ? draw_float(random, scales) : 0.0f;
      switch (rows.dtype()) {
        case DType::kF32: std::memcpy(to, &value, 4); break;
        case DType::kF16: put_half(to, tensor::f16_from_f32(std::fmin(std::fmax(value, -65504.0f), 65504.0f))); break;
        case DType::kBF16: put_half(to, tensor::bf16_from_f32(value)); break;
        default: fill_block(rows.dtype(), to, info.block_bytes, random, scales);
      }
    }
  }
}

void scale_block(MemoryRows& rows, std::int64_t row, std::int64_t block, float factor) {
  const tensor::DTypeInfo& info = tensor::info(rows.dtype());
  std::byte* at = rows.row(row) + block * info.block_bytes;
  const auto scale_half = [&](std::byte* to) {
    std::uint16_t bits;
    std::memcpy(&bits, to, 2);
    if (rows.dtype() == DType::kBF16) {
      put_half(to, tensor::bf16_from_f32(tensor::f32_from_bf16(bits) * factor));
    } else {
      put_half(to, tensor::f16_from_f32(tensor::f32_from_f16(bits) * factor));
    }
  };
  if (info.row_extra_bytes > 0) at = rows.row(row) + rows.row_bytes() - info.row_extra_bytes;  // the row's only scale
  if (rows.dtype() == DType::kF32 || rows.dtype() == DType::kFP8Block || info.row_extra_bytes > 0) {
    float value;
    std::memcpy(&value, at, 4);
    value *= factor;
    std::memcpy(at, &value, 4);
    return;
  }
  const HalfFields fields = info.block_elements == 1 ? HalfFields{0, -1} : half_fields(rows.dtype());
  scale_half(at + fields.first);
  if (fields.second >= 0) scale_half(at + fields.second);
}

std::vector<float> random_inputs(std::int64_t tokens, std::int64_t cols, std::uint64_t seed) {
  Random random(seed, 1);
  std::vector<float> x(static_cast<std::size_t>(tokens * cols));
  for (float& value : x) value = static_cast<float>(random.next_normal());
  return x;
}

std::vector<double> decode_prepared(InputKind kind, const std::byte* prepared, std::int64_t tokens, std::int64_t cols) {
  std::vector<double> out;
  const std::int64_t stride = prepared_bytes(kind, 1, cols);
  for (std::int64_t t = 0; t < tokens; ++t) {
    const std::byte* token = prepared + t * stride;
    for (std::int64_t c = 0; c < cols; ++c) {
      if (kind == InputKind::kF32) {
        float value;
        std::memcpy(&value, token + 4 * c, 4);
        out.push_back(value);
      } else if (kind == InputKind::kBF16) {
        std::uint16_t bits;
        std::memcpy(&bits, token + 2 * c, 2);
        out.push_back(tensor::f32_from_bf16(bits));
      } else {
        Q8Block block;
        std::memcpy(&block, token + c / 32 * static_cast<std::int64_t>(sizeof(Q8Block)), sizeof(Q8Block));
        out.push_back(static_cast<double>(block.d) * block.q[c % 32]);
      }
    }
  }
  return out;
}

Product multiply(const PackedMatrix& matrix, Isa isa, const std::vector<float>& x, std::int64_t tokens) {
  const std::int64_t bytes = prepared_bytes(matrix.input_kind(), tokens, matrix.cols());
  std::vector<Q8Block> storage(static_cast<std::size_t>(bytes / 64 + 1));  // for its alignment
  std::byte* prepared = reinterpret_cast<std::byte*>(storage.data());
  prepare_input(matrix.input_kind(), isa, {x.data(), matrix.cols(), nullptr, tokens, matrix.cols()}, 0, tokens, prepared);
  Product product;
  product.y.resize(static_cast<std::size_t>(tokens * matrix.rows()));
  matrix.multiply(prepared, tokens, product.y.data(), matrix.rows(), 0, matrix.rows(), false);
  product.inputs = decode_prepared(matrix.input_kind(), prepared, tokens, matrix.cols());
  return product;
}

ParallelFor serial() {
  return [](std::int64_t count, const std::function<void(std::int64_t, std::int64_t)>& body) { body(0, count); };
}

}  // namespace qbench::test
