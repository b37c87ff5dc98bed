#pragma once

#include <cstdint>

#include "backend/backend.h"
#include "backend/step_meter.h"
#include "kernels/cpu/kv_cache.h"
#include "tensor/dtype.h"

/// Bytes and operations of the CPU's steps: what each must read and write once, as the cost functions beside the CUDA launchers count it. A
/// weight counts in the bytes that it has in memory here, a 16-bit or int8 copy of activations as the float32 numbers that it was made of.
namespace qbench::backend {

constexpr std::uint64_t float_bytes(std::int64_t numbers) { return static_cast<std::uint64_t>(numbers) * sizeof(float); }

/// y (tokens, rows) = or += x w^T.
inline StepCost product_cost(const Matrix& w, std::int64_t tokens, bool accumulate) {
  return {w.device_bytes() + float_bytes(tokens * (w.cols() + w.rows() * (accumulate ? 2 : 1))),
          static_cast<std::uint64_t>(2 * w.rows() * w.cols() * tokens), 1};
}

/// gate and up together; only their joined product is kept.
inline StepCost gate_up_cost(const Matrix& w, std::int64_t tokens) {
  return {w.device_bytes() + float_bytes(tokens * (w.cols() + w.rows() / 2)), static_cast<std::uint64_t>(2 * w.rows() * w.cols() * tokens), 1};
}

/// Bytes of one position's keys or values of one head in the cache.
inline std::uint64_t cache_row_bytes(const kernels::cpu::KvLayout& layout) {
  if (layout.dtype == tensor::DType::kFP8) return static_cast<std::uint64_t>(layout.head_dim + 2);  // as cached: a scale of 16 bits
  return static_cast<std::uint64_t>(tensor::row_bytes(layout.dtype, layout.head_dim));
}

/// The fused product; its outputs are the queries and the tokens' rows of the cache.
inline StepCost qkv_cost(const AttentionInput& a, std::int64_t tokens, const kernels::cpu::KvLayout& layout) {
  return {a.qkv->device_bytes() + float_bytes(tokens * (a.qkv->cols() + a.heads * a.head_dim)) +
              static_cast<std::uint64_t>(2 * tokens * a.kv_heads) * cache_row_bytes(layout),
          static_cast<std::uint64_t>(2 * a.qkv->rows() * a.qkv->cols() * tokens), 1};
}

/// `positions`: of one KV head's cache, each once; `pairs`: (query token, position) pairs.
inline StepCost attention_cost(const AttentionInput& a, std::int64_t tokens, std::int64_t positions, std::int64_t pairs,
                               const kernels::cpu::KvLayout& layout) {
  return {static_cast<std::uint64_t>(2 * positions * a.kv_heads) * cache_row_bytes(layout) + float_bytes(2 * tokens * a.heads * a.head_dim),
          static_cast<std::uint64_t>(4 * pairs * a.heads * a.head_dim), 1};
}

/// With all scores in memory: they are written, read and written by the softmax, and read again.
inline StepCost materialised_cost(StepCost attention, std::int64_t scores) {
  return {attention.bytes + 4 * float_bytes(scores), attention.flops, 1};
}

/// An operation of its own that reads and writes `numbers` and does `flops_each` for each of `of`.
inline StepCost elementwise_cost(std::int64_t numbers, std::int64_t of, std::int64_t flops_each) {
  return {float_bytes(numbers), static_cast<std::uint64_t>(of * flops_each), 1};
}

}  // namespace qbench::backend
