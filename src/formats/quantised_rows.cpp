#include "formats/quantised_rows.h"

#include <array>
#include <cstring>

#include "base/check.h"
#include "tensor/blocks.h"
#include "tensor/convert.h"

namespace qbench::formats {
namespace {

using tensor::BlockFP8;
using tensor::BlockInt4;
using tensor::DType;
using tensor::kGroup;

constexpr std::int64_t kPerWord = 8;  ///< codes of an int32
constexpr std::array<int, 8> kAwqOrder{0, 2, 4, 6, 1, 3, 5, 7};
constexpr std::array<int, 8> kPlainOrder{0, 1, 2, 3, 4, 5, 6, 7};

template <class T>
T load(const std::byte* base, std::int64_t index) {
  T value;
  std::memcpy(&value, base + index * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}

/// Puts the code of element `at` (0..127) into a block of zeros.
void put_code(std::byte* block, std::int64_t at, std::uint32_t code) {
  std::byte& to = block[offsetof(BlockInt4, qs) + static_cast<std::size_t>(16 * (at / 32) + at % 16)];
  to |= static_cast<std::byte>((code & 15u) << (at % 32 < 16 ? 0 : 4));
}

class Int4Rows final : public tensor::RowSource {
 public:
  explicit Int4Rows(const PackedInt4& matrix) : m_(matrix), row_bytes_(tensor::row_bytes(DType::kInt4, matrix.in)) {
    QB_CHECK(m_.out % kPerWord == 0 && m_.group_size > 0 && m_.group_size % kGroup == 0);
    const std::array<int, 8>& order = m_.awq ? kAwqOrder : kPlainOrder;
    for (std::size_t nibble = 0; nibble < order.size(); ++nibble) shift_of_[static_cast<std::size_t>(order[nibble])] = static_cast<int>(4 * nibble);
  }
  DType dtype() const override { return DType::kInt4; }
  std::int64_t rows() const override { return m_.out; }
  std::int64_t cols() const override { return m_.in; }

  /// The stored matrices are transposed: one pass over them in their order, scattered into the rows.
  void read_rows(std::int64_t first, std::int64_t count, std::byte* to) const override {
    QB_CHECK(first >= 0 && count >= 0 && first + count <= m_.out);
    std::memset(to, 0, static_cast<std::size_t>(count * row_bytes_));
    for (std::int64_t block = 0; block < m_.in / kGroup; ++block) {
      std::byte* blocks = to + block * static_cast<std::int64_t>(sizeof(BlockInt4));
      put_scales(block * kGroup / m_.group_size, first, count, blocks);
      if (m_.awq) {
        put_awq_codes(block * kGroup, first, count, blocks);
      } else {
        put_gptq_codes(block * kGroup, first, count, blocks);
      }
    }
  }

 private:
  void put_scales(std::int64_t group, std::int64_t first, std::int64_t count, std::byte* blocks) const {
    for (std::int64_t r = 0; r < count; ++r, blocks += row_bytes_) {
      const std::int64_t column = first + r;
      auto scale = load<std::uint16_t>(m_.scales, group * m_.out + column);
      if (m_.scales_are_bf16) scale = tensor::f16_from_f32(tensor::f32_from_bf16(scale));
      const auto zeros = load<std::uint32_t>(m_.zeros, group * (m_.out / kPerWord) + column / kPerWord);
      const std::uint32_t zero = zeros >> shift_of_[static_cast<std::size_t>(column % kPerWord)];
      std::memcpy(blocks, &scale, sizeof(scale));
      blocks[offsetof(BlockInt4, zero)] = static_cast<std::byte>((zero + static_cast<std::uint32_t>(m_.zero_offset)) & 15u);
    }
  }

  void put_awq_codes(std::int64_t first_in, std::int64_t first, std::int64_t count, std::byte* blocks) const {
    for (std::int64_t at = 0; at < kGroup; ++at) {
      for (std::int64_t r = 0; r < count; ++r) {
        const std::int64_t column = first + r;
        const auto word = load<std::uint32_t>(m_.codes, (first_in + at) * (m_.out / kPerWord) + column / kPerWord);
        put_code(blocks + r * row_bytes_, at, word >> shift_of_[static_cast<std::size_t>(column % kPerWord)]);
      }
    }
  }

  void put_gptq_codes(std::int64_t first_in, std::int64_t first, std::int64_t count, std::byte* blocks) const {
    for (std::int64_t at = 0; at < kGroup; at += kPerWord) {
      for (std::int64_t r = 0; r < count; ++r) {
        const auto word = load<std::uint32_t>(m_.codes, (first_in + at) / kPerWord * m_.out + first + r);
        for (std::int64_t k = 0; k < kPerWord; ++k) put_code(blocks + r * row_bytes_, at + k, word >> (4 * k));
      }
    }
  }

  PackedInt4 m_;
  std::int64_t row_bytes_;
  std::array<int, 8> shift_of_{};  ///< of column c % 8 in a word of zeros, or of AWQ's codes
};

class Fp8Rows final : public tensor::RowSource {
 public:
  explicit Fp8Rows(const BlockScaledFP8& matrix) : m_(matrix), row_bytes_(tensor::row_bytes(DType::kFP8Block, matrix.in)) {}
  DType dtype() const override { return DType::kFP8Block; }
  std::int64_t rows() const override { return m_.out; }
  std::int64_t cols() const override { return m_.in; }

  void read_rows(std::int64_t first, std::int64_t count, std::byte* to) const override {
    QB_CHECK(first >= 0 && count >= 0 && first + count <= m_.out);
    const std::int64_t blocks = m_.in / kGroup;
    const std::int64_t scale_bytes = tensor::info(m_.scale_dtype).block_bytes;
    for (std::int64_t row = first; row < first + count; ++row, to += row_bytes_) {
      for (std::int64_t b = 0; b < blocks; ++b) {
        BlockFP8 block;
        tensor::dequantize_row(m_.scale_dtype, m_.scales + (row / kGroup * blocks + b) * scale_bytes, &block.d, 1);
        std::memcpy(block.qs, m_.codes + row * m_.in + b * kGroup, sizeof(block.qs));
        std::memcpy(to + b * static_cast<std::int64_t>(sizeof(block)), &block, sizeof(block));
      }
    }
  }

 private:
  BlockScaledFP8 m_;
  std::int64_t row_bytes_;
};

}  // namespace

std::unique_ptr<tensor::RowSource> int4_rows(const PackedInt4& matrix) { return std::make_unique<Int4Rows>(matrix); }
std::unique_ptr<tensor::RowSource> fp8_rows(const BlockScaledFP8& matrix) { return std::make_unique<Fp8Rows>(matrix); }

}  // namespace qbench::formats
