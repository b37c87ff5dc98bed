#pragma once

#include <cstdint>
#include <span>

#include "backend/backend.h"

namespace qbench::backend {

/// The parts of a device's fused steps, each as an operation of its own with its result in memory: for passes that show what fusion hides and
/// for measuring what it is worth. Called between begin_step and end_step, with the same promises as Backend's steps. qkv buffers are
/// (tokens, (heads + 2 kv_heads) head_dim), heads in the order q, k, v.
class StepParts {
 public:
  virtual ~StepParts() = default;

  /// h (rows, cols) = rmsnorm(x[row]) * norm, for the batch's tokens listed in `rows`, or all of them where it is empty.
  virtual void rms_norm(const Buffer& norm, float rms_eps, std::int64_t cols, std::span<const std::int32_t> rows, const Buffer& x, Buffer& h) = 0;
  /// out (rows, w.rows()) = h (rows, w.cols()) w^T; one product for each part of a stacked matrix.
  virtual void project(const Matrix& w, std::int64_t rows, const Buffer& h, Buffer& out) = 0;
  /// qkv += input.qkv_bias in every row.
  virtual void add_bias(const AttentionInput& input, Buffer& qkv) = 0;
  /// The query heads normalised by input.q_norm, the key heads by input.k_norm.
  virtual void norm_heads(const AttentionInput& input, Buffer& qkv) = 0;
  /// Query and key heads rotated by their token's position. `cache`: the one that append will fill, for its number of positions.
  virtual void rotate_heads(const AttentionInput& input, const Rope& rope, const KvCache& cache, Buffer& qkv) = 0;
  /// Keys and values into `layer` of the cache, queries into q (tokens, heads head_dim).
  virtual void append(const AttentionInput& input, std::int64_t layer, const Buffer& qkv, Buffer& q, KvCache& cache) = 0;
  /// out (tokens, ffn) = silu(both[:, :ffn]) * both[:, ffn:], both (tokens, 2 ffn).
  virtual void silu_mul(std::int64_t ffn, const Buffer& both, Buffer& out) = 0;
};

}  // namespace qbench::backend
