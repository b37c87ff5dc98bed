#pragma once

#include <cstdint>

#include "kernels/cuda/matmul.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

constexpr std::int32_t kMatmulFewTokens = 64;  ///< the most that matmul_few does

/// The same product for few tokens, up to kMatmulFewTokens, or for groups with tiles of 16 to 64 rows: bounded by the weights' bytes, so
/// its tiles are narrow in tokens and its blocks share the columns evenly over the device.
struct MatmulFewArguments {
  MatmulArguments matmul;
  float* partial;     ///< (matmul_few_partial_numbers) work memory; not used by groups
  unsigned* tickets;  ///< (matmul_few_tiles(rows)), zero before and after; not used by groups
  bool operator==(const MatmulFewArguments&) const = default;
};
constexpr Cost matmul_few_cost(const MatmulFewArguments& a) { return matmul_cost(a.matmul); }
constexpr std::int32_t kMatmulFewRows = 128;  ///< weight rows of a tile
constexpr std::int32_t matmul_few_tiles(std::int64_t rows) {
  return static_cast<std::int32_t>((rows + kMatmulFewRows - 1) / kMatmulFewRows);
}
/// Tokens of the tile that does so many.
constexpr std::int32_t matmul_few_width(std::int64_t tokens) { return tokens <= 16 ? 16 : tokens <= 32 ? 32 : 64; }
/// The most tokens (or rows of a group's tile) where a launch may ask for so much shared memory: tiles of 64 tokens take 108 KB.
constexpr std::int32_t matmul_few_most(std::int64_t shared_bytes) { return 4 * 2 * (kMatmulFewRows + 64) * 72 <= shared_bytes ? 64 : 32; }
/// Two resident blocks for each multiprocessor, unless each would get less than four column tiles.
constexpr std::int32_t matmul_few_blocks(std::int64_t rows, std::int64_t cols, int sm_count) {
  const std::int64_t units = matmul_few_tiles(rows) * (prepared_cols(cols) / 64);
  const std::int64_t most = (units + 3) / 4;
  return static_cast<std::int32_t>(most < 2LL * sm_count ? most : 2LL * sm_count);
}
/// A block leaves at most two tiles to others: the one it begins in and the one it ends in.
constexpr std::int64_t matmul_few_partial_numbers(std::int64_t tokens, int sm_count) {
  return 2LL * 2 * sm_count * kMatmulFewRows * matmul_few_width(tokens);
}
/// Requires tokens <= kMatmulFewTokens or groups.
void matmul_few(const MatmulFewArguments& a, int sm_count, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
