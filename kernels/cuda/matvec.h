#pragma once

#include <cstdint>

#include "kernels/cuda/runtime.h"
#include "kernels/cuda/weight_layout.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Bytes and operations of one launch, from its arguments alone: what a launch must read and write once.
struct Cost {
  std::uint64_t bytes = 0;
  std::uint64_t flops = 0;
};

/// Dynamic shared memory that one row of activations takes beside weights of this kind.
constexpr std::int64_t staged_bytes(const WeightRows& w) {
  return reads_int8(w.dtype) ? (w.cols / 32 * 40LL + 15) / 16 * 16 : (w.cols + 7) / 8 * 32LL;
}
/// The most dynamic shared memory that a launch may ask for where a block has `block_bytes`: what is left beside the kernels' own arrays. A
/// block has 227 KB on sm_90 and sm_100, 163 KB on sm_80, 99 KB on sm_86, sm_89 and sm_120.
constexpr std::int64_t shared_limit(std::size_t block_bytes) { return static_cast<std::int64_t>(block_bytes) - 2048; }

/// y[t, r] = (or +=) sum_c w[r, c] h[t, c], h = x[x_rows[t]] or its RMS norm times `norm`.
struct MatvecArguments {
  WeightRows w;
  std::int32_t rows;  ///< rows of w
  std::int32_t tokens;
  const float* x;              // (any, cols)
  const std::int32_t* x_rows;  // (tokens) rows of x, or nullptr: 0, 1, ...
  const float* norm;           // (cols) or nullptr
  float rms_eps;
  float* y;  // (tokens, y_stride); the matrix's rows start at y
  std::int64_t y_stride;
  bool accumulate;
  bool programmatic;  ///< may overlap the launch before (launches of one chain all wait for it)
  bool operator==(const MatvecArguments&) const = default;
};
constexpr Cost matvec_cost(const MatvecArguments& a) {
  const auto rows = static_cast<std::uint64_t>(a.rows);
  const auto cols = static_cast<std::uint64_t>(a.w.cols);
  const auto tokens = static_cast<std::uint64_t>(a.tokens);
  return {rows * static_cast<std::uint64_t>(a.w.row_bytes) + tokens * 4 * (cols + rows * (a.accumulate ? 2 : 1)), 2 * rows * cols * tokens};
}
/// sm_count: multiprocessors, which bounds the grid. Requires staged_bytes(w) <= shared_limit.
void matvec(const MatvecArguments& a, int sm_count, Stream& stream);

/// out[t, r] = silu(gate[r] h[t]) * (up[r] h[t]), h as above. gate and up are of one type and width.
struct GateUpArguments {
  WeightRows gate, up;
  std::int32_t rows;  ///< ffn
  std::int32_t tokens;
  const float* x;     // (tokens, cols)
  const float* norm;  // (cols)
  float rms_eps;
  float* out;  // (tokens, rows)
  bool programmatic;
  bool operator==(const GateUpArguments&) const = default;
};
constexpr Cost gate_up_cost(const GateUpArguments& a) {
  const auto rows = static_cast<std::uint64_t>(a.rows);
  const auto cols = static_cast<std::uint64_t>(a.gate.cols);
  const auto tokens = static_cast<std::uint64_t>(a.tokens);
  return {2 * rows * static_cast<std::uint64_t>(a.gate.row_bytes) + tokens * 4 * (cols + rows), 4 * rows * cols * tokens};
}
void gate_up(const GateUpArguments& a, int sm_count, Stream& stream);

/// out[t, r] = silu(both[t, r]) * both[t, rows + r]: the step of its own where gate and up are of different types.
struct SiluMulArguments {
  const float* both;  // (tokens, 2 rows)
  float* out;         // (tokens, rows)
  std::int32_t rows, tokens;
  bool programmatic;
  bool operator==(const SiluMulArguments&) const = default;
};
constexpr Cost silu_mul_cost(const SiluMulArguments& a) {
  const std::uint64_t numbers = static_cast<std::uint64_t>(a.rows) * static_cast<std::uint64_t>(a.tokens);
  return {12 * numbers, 5 * numbers};
}
void silu_mul(const SiluMulArguments& a, Stream& stream);

/// x[t] = row ids[t] of the table, as its type defines the numbers.
struct EmbedArguments {
  WeightRows table;
  const std::int32_t* ids;  // (tokens)
  std::int32_t tokens;
  float* x;  // (tokens, cols)
  bool programmatic;
  bool operator==(const EmbedArguments&) const = default;
};
constexpr Cost embed_cost(const EmbedArguments& a) {
  return {static_cast<std::uint64_t>(a.tokens) * static_cast<std::uint64_t>(a.table.row_bytes + 4LL * a.table.cols), 0};
}
void embed(const EmbedArguments& a, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
