#include "kernels/cuda/weight_layout.h"

#include <cstring>

#include "base/check.h"
#include "tensor/blocks.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

using tensor::DType;

constexpr std::int64_t kAlign = 16;
constexpr std::int64_t kFloatUnit = 8;

std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

/// Bytes of each plane for one block of 32, then of the last plane for one block of 256.
struct PlaneBytes {
  std::int64_t small[4];
  std::int64_t super[4];
};

PlaneBytes plane_bytes(DType dtype) {
  switch (dtype) {
    case DType::kQ4_0:
    case DType::kIQ4_NL:
      return {{16, 2, 0, 0}, {}};
    case DType::kQ4_1:
      return {{16, 4, 0, 0}, {}};
    case DType::kQ5_0:
      return {{16, 4, 2, 0}, {}};
    case DType::kQ5_1:
      return {{16, 4, 4, 0}, {}};
    case DType::kQ8_0:
      return {{16, 16, 2, 0}, {}};
    case DType::kQ4_K:
      return {{16, 0, 0, 0}, {0, 16, 0, 0}};
    case DType::kQ5_K:
      return {{16, 4, 0, 0}, {0, 0, 16, 0}};
    case DType::kQ6_K:
      return {{16, 8, 2, 0}, {0, 0, 0, 2}};
    case DType::kInt8:
      return {{16, 16, 0, 0}, {}};  // and the row's scale
    case DType::kInt4:
      return {{16, 1, 0, 0}, {}};  // 4 bytes for each 4 blocks
    default:
      return {};
  }
}

/// Writes the nibble plane of block `b`: the lower four bits of 32 codes.
void put_nibbles(const std::uint8_t* codes, std::int64_t b, std::byte* row) {
  for (int j = 0; j < 16; ++j) row[16 * b + j] = static_cast<std::byte>((codes[j] & 15) | ((codes[j + 16] & 15) << 4));
}

void put_fifth_bits(const std::uint8_t* codes, std::int64_t b, std::byte* plane) {
  for (int i = 0; i < 4; ++i) {
    int bits = 0;
    for (int k = 0; k < 8; ++k) bits |= ((codes[4 * k + i] >> 4) & 1) << k;
    plane[4 * b + i] = static_cast<std::byte>(bits);
  }
}

void put_upper_bits(const std::uint8_t* codes, std::int64_t b, std::byte* plane) {
  for (int h = 0; h < 2; ++h) {
    for (int i = 0; i < 4; ++i) {
      int bits = 0;
      for (int f = 0; f < 4; ++f) bits |= ((codes[16 * h + 4 * f + i] >> 4) & 3) << (2 * f);
      plane[8 * b + 4 * h + i] = static_cast<std::byte>(bits);
    }
  }
}

template <class Block>
Block block_at(const std::byte* from, std::int64_t index) {
  Block block;
  std::memcpy(&block, from + index * static_cast<std::int64_t>(sizeof(Block)), sizeof(Block));
  return block;
}

template <class Block>
void nibble_codes(const Block& block, std::uint8_t* codes) {
  for (int j = 0; j < 16; ++j) {
    codes[j] = block.qs[j] & 15;
    codes[j + 16] = block.qs[j] >> 4;
  }
}

template <class Block>
void add_fifth_bits(const Block& block, std::uint8_t* codes) {
  for (int j = 0; j < 32; ++j) codes[j] = static_cast<std::uint8_t>(codes[j] | (((block.qh[j / 8] >> (j % 8)) & 1) << 4));
}

/// Blocks with one scale: nibbles, then d.
template <class Block>
void pack_4_bits(const WeightLayout& layout, const std::byte* from, std::byte* to) {
  constexpr std::int64_t kScaleBytes = sizeof(Block) - 16;
  for (std::int64_t b = 0; b < layout.cols / tensor::kSmallBlock; ++b) {
    const auto block = block_at<Block>(from, b);
    std::uint8_t codes[32];
    nibble_codes(block, codes);
    put_nibbles(codes, b, to);
    std::memcpy(to + layout.plane[1] + kScaleBytes * b, &block, kScaleBytes);  // d, and m where the block has one
  }
}

template <class Block>
void pack_5_bits(const WeightLayout& layout, const std::byte* from, std::byte* to) {
  constexpr std::int64_t kScaleBytes = sizeof(Block) - 20;
  for (std::int64_t b = 0; b < layout.cols / tensor::kSmallBlock; ++b) {
    const auto block = block_at<Block>(from, b);
    std::uint8_t codes[32];
    nibble_codes(block, codes);
    add_fifth_bits(block, codes);
    put_nibbles(codes, b, to);
    put_fifth_bits(codes, b, to + layout.plane[1]);
    std::memcpy(to + layout.plane[2] + kScaleBytes * b, &block, kScaleBytes);
  }
}

void pack_q8_0(const WeightLayout& layout, const std::byte* from, std::byte* to) {
  for (std::int64_t b = 0; b < layout.cols / tensor::kSmallBlock; ++b) {
    const auto block = block_at<tensor::BlockQ8_0>(from, b);
    std::memcpy(to + 16 * b, block.qs, 16);
    std::memcpy(to + layout.plane[1] + 16 * b, block.qs + 16, 16);
    std::memcpy(to + layout.plane[2] + 2 * b, &block.d, 2);
  }
}

/// Q4_K and Q5_K: sub-block 2 i is the low nibbles of bytes 32 i ..., sub-block 2 i + 1 the high ones.
template <class Block, bool kFifthBit>
void pack_k45(const WeightLayout& layout, const std::byte* from, std::byte* to) {
  for (std::int64_t s = 0; s < layout.cols / tensor::kSuperBlock; ++s) {
    const auto block = block_at<Block>(from, s);
    for (int sub = 0; sub < 8; ++sub) {
      std::uint8_t codes[32];
      for (int l = 0; l < 32; ++l) {
        int code = (block.qs[32 * (sub / 2) + l] >> (4 * (sub % 2))) & 15;
        if constexpr (kFifthBit) code |= ((block.qh[l] >> sub) & 1) << 4;
        codes[l] = static_cast<std::uint8_t>(code);
      }
      put_nibbles(codes, 8 * s + sub, to);
      if constexpr (kFifthBit) put_fifth_bits(codes, 8 * s + sub, to + layout.plane[1]);
    }
    std::memcpy(to + layout.plane[kFifthBit ? 2 : 1] + 16 * s, &block, 16);  // d, dmin, scales: the first 16 bytes of both
  }
}

void pack_q6_k(const WeightLayout& layout, const std::byte* from, std::byte* to) {
  for (std::int64_t s = 0; s < layout.cols / tensor::kSuperBlock; ++s) {
    const auto block = block_at<tensor::BlockQ6_K>(from, s);
    for (int sub = 0; sub < 8; ++sub) {
      const int half = sub / 4;
      const int run = sub % 4;
      std::uint8_t codes[32];
      for (int l = 0; l < 32; ++l) {
        const int low = (block.ql[64 * half + 32 * (run % 2) + l] >> (4 * (run / 2))) & 15;
        const int high = (block.qh[32 * half + l] >> (2 * run)) & 3;
        codes[l] = static_cast<std::uint8_t>(low | (high << 4));
      }
      put_nibbles(codes, 8 * s + sub, to);
      put_upper_bits(codes, 8 * s + sub, to + layout.plane[1]);
    }
    std::memcpy(to + layout.plane[2] + 16 * s, block.scales, 16);
    std::memcpy(to + layout.plane[3] + 2 * s, &block.d, 2);
  }
}

void pack_int8(const WeightLayout& layout, const std::byte* from, std::byte* to) {
  for (std::int64_t b = 0; b < layout.cols / 32; ++b) {
    std::memcpy(to + 16 * b, from + 32 * b, 16);
    std::memcpy(to + layout.plane[1] + 16 * b, from + 32 * b + 16, 16);
  }
  std::memcpy(to + layout.plane[2], from + layout.cols, sizeof(float));
}

void pack_int4(const WeightLayout& layout, const std::byte* from, std::byte* to) {
  for (std::int64_t g = 0; g < layout.cols / tensor::kGroup; ++g) {
    const auto block = block_at<tensor::BlockInt4>(from, g);
    std::memcpy(to + 64 * g, block.qs, 64);
    std::memcpy(to + layout.plane[1] + 4 * g, &block, 4);  // d, zero
  }
}

void pack_fp8(const WeightLayout& layout, const std::byte* from, std::byte* to) {
  if (layout.dtype == DType::kFP8) {
    std::memcpy(to, from, static_cast<std::size_t>(layout.cols));
    std::memcpy(to + layout.plane[1], from + layout.cols, sizeof(float));
    return;
  }
  for (std::int64_t g = 0; g < layout.cols / tensor::kGroup; ++g) {
    const auto block = block_at<tensor::BlockFP8>(from, g);
    std::memcpy(to + tensor::kGroup * g, block.qs, sizeof(block.qs));
    std::memcpy(to + layout.plane[1] + 4 * g, &block.d, sizeof(float));
  }
}

}  // namespace

bool device_reads(DType dtype) noexcept { return !reads_int8(dtype) || plane_bytes(dtype).small[0] != 0; }

WeightLayout weight_layout(DType dtype, std::int64_t cols) {
  QB_CHECK(device_reads(dtype) && cols > 0 && cols < (std::int64_t{1} << 27) && cols % tensor::info(dtype).block_elements == 0);
  WeightLayout layout;
  layout.dtype = dtype;
  layout.cols = cols;
  if (is_fp8(dtype)) {
    layout.plane[1] = static_cast<std::int32_t>(round_up(cols, kAlign));
    layout.row_bytes = layout.plane[1] + round_up(4 * (dtype == DType::kFP8 ? 1 : cols / tensor::kGroup), kAlign);
    return layout;
  }
  if (!reads_int8(dtype)) {
    layout.row_bytes = round_up(cols, kFloatUnit) * tensor::info(dtype).block_bytes;
    return layout;
  }
  const PlaneBytes bytes = plane_bytes(dtype);
  for (int p = 0; p < 4; ++p) {
    layout.plane[p] = static_cast<std::int32_t>(layout.row_bytes);
    layout.row_bytes += round_up(bytes.small[p] * (cols / tensor::kSmallBlock) + bytes.super[p] * (cols / tensor::kSuperBlock), kAlign);
  }
  layout.row_bytes += round_up(tensor::info(dtype).row_extra_bytes, kAlign);  // INT8: its scale, where plane 2 starts
  return layout;
}

void pack_row(const WeightLayout& layout, const std::byte* from, std::byte* to) {
  if (!reads_int8(layout.dtype) && !is_fp8(layout.dtype)) {
    const auto bytes = static_cast<std::size_t>(tensor::row_bytes(layout.dtype, layout.cols));
    std::memcpy(to, from, bytes);
    std::memset(to + bytes, 0, static_cast<std::size_t>(layout.row_bytes) - bytes);
    return;
  }
  std::memset(to, 0, static_cast<std::size_t>(layout.row_bytes));
  switch (layout.dtype) {
    case DType::kQ4_0:
      return pack_4_bits<tensor::BlockQ4_0>(layout, from, to);
    case DType::kQ4_1:
      return pack_4_bits<tensor::BlockQ4_1>(layout, from, to);
    case DType::kIQ4_NL:
      return pack_4_bits<tensor::BlockIQ4_NL>(layout, from, to);
    case DType::kQ5_0:
      return pack_5_bits<tensor::BlockQ5_0>(layout, from, to);
    case DType::kQ5_1:
      return pack_5_bits<tensor::BlockQ5_1>(layout, from, to);
    case DType::kQ8_0:
      return pack_q8_0(layout, from, to);
    case DType::kQ4_K:
      return pack_k45<tensor::BlockQ4_K, false>(layout, from, to);
    case DType::kQ5_K:
      return pack_k45<tensor::BlockQ5_K, true>(layout, from, to);
    case DType::kQ6_K:
      return pack_q6_k(layout, from, to);
    case DType::kInt8:
      return pack_int8(layout, from, to);
    case DType::kInt4:
      return pack_int4(layout, from, to);
    case DType::kFP8:
    case DType::kFP8Block:
      return pack_fp8(layout, from, to);
    default:
      QB_CHECK(false);
  }
}

WeightRows weight_rows(const WeightLayout& layout, const void* data) {
  WeightRows rows;
  rows.data = static_cast<const unsigned char*>(data);
  rows.row_bytes = layout.row_bytes;
  rows.plane1 = layout.plane[1];
  rows.plane2 = layout.plane[2];
  rows.plane3 = layout.plane[3];
  rows.cols = static_cast<std::int32_t>(layout.cols);
  rows.dtype = layout.dtype;
  return rows;
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
