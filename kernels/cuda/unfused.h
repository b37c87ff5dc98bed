#pragma once

#include <cstdint>

#include "kernels/cuda/matvec.h"

// The fused steps' operations as kernels of their own, each from memory to memory: what fusion saves is measured against them. Products are
// those of matvec.h and matmul.h, the append that of qkv_finish without bias, norm and rotation, SiLU that of silu_mul.

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// h[t] = x[x_rows[t]] / sqrt(mean(x^2) + eps) * norm
struct RmsNormArguments {
  const float* x;              // (any, cols)
  const std::int32_t* x_rows;  // (tokens) rows of x, or nullptr: 0, 1, ...
  const float* norm;           // (cols)
  float rms_eps;
  std::int32_t tokens, cols;
  float* h;  // (tokens, cols)
  bool programmatic;
  bool operator==(const RmsNormArguments&) const = default;
};
constexpr Cost rms_norm_cost(const RmsNormArguments& a) {
  const std::uint64_t numbers = static_cast<std::uint64_t>(a.tokens) * static_cast<std::uint64_t>(a.cols);
  return {8 * numbers + 4 * static_cast<std::uint64_t>(a.cols), 4 * numbers};
}
void rms_norm(const RmsNormArguments& a, Stream& stream);

/// x[t] += bias
struct AddBiasArguments {
  const float* bias;  // (cols)
  std::int32_t tokens, cols;
  float* x;  // (tokens, cols)
  bool programmatic;
  bool operator==(const AddBiasArguments&) const = default;
};
constexpr Cost add_bias_cost(const AddBiasArguments& a) {
  const std::uint64_t numbers = static_cast<std::uint64_t>(a.tokens) * static_cast<std::uint64_t>(a.cols);
  return {8 * numbers + 4 * static_cast<std::uint64_t>(a.cols), numbers};
}
void add_bias(const AddBiasArguments& a, Stream& stream);

/// Query heads normalised by q_norm and key heads by k_norm, in place.
struct NormHeadsArguments {
  const float* q_norm;  // (head_dim) or nullptr
  const float* k_norm;  // (head_dim) or nullptr
  float rms_eps;
  std::int32_t tokens, heads, kv_heads, head_dim;
  float* qkv;  // (tokens, heads + 2 kv_heads, head_dim)
  bool programmatic;
  bool operator==(const NormHeadsArguments&) const = default;
};
constexpr Cost norm_heads_cost(const NormHeadsArguments& a) {
  const auto numbers = static_cast<std::uint64_t>(a.tokens) * static_cast<std::uint64_t>(a.heads + a.kv_heads) * static_cast<std::uint64_t>(a.head_dim);
  return {8 * numbers, 4 * numbers};
}
void norm_heads(const NormHeadsArguments& a, Stream& stream);

/// Query and key heads rotated by their token's position (NeoX pairs j, j + rotary_dim / 2), in place.
struct RotateHeadsArguments {
  const std::int32_t* positions;  // (tokens)
  const float* rope_cos;          // (positions of the cache, rotary_dim / 2), with the magnitude
  const float* rope_sin;
  std::int32_t tokens, heads, kv_heads, head_dim, rotary_dim;
  float* qkv;  // (tokens, heads + 2 kv_heads, head_dim)
  bool programmatic;
  bool operator==(const RotateHeadsArguments&) const = default;
};
constexpr Cost rotate_heads_cost(const RotateHeadsArguments& a) {
  const auto tokens = static_cast<std::uint64_t>(a.tokens);
  const auto numbers = tokens * static_cast<std::uint64_t>(a.heads + a.kv_heads) * static_cast<std::uint64_t>(a.rotary_dim);
  return {8 * numbers + 4 * tokens * static_cast<std::uint64_t>(a.rotary_dim), 3 * numbers};
}
void rotate_heads(const RotateHeadsArguments& a, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
