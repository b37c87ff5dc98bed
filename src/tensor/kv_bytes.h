#pragma once

#include <cstdint>

#include "tensor/dtype.h"

/// What the parts of a KV cache take: devices lay them out by these numbers, and plans of memory add them up.
namespace qbench::tensor {

/// Positions of a tile of the CPU's cache.
inline constexpr std::int64_t kKvTilePositions = 16;

constexpr std::int64_t kv_rounded_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

/// Bytes of 16 positions of one head's keys, or values with their dimension padded to 16: numbers, then scales of two bytes (Q8_0: one for 32
/// numbers, FP8: one for a position), rounded up to cache lines.
constexpr std::int64_t kv_tile_bytes(DType dtype, std::int64_t dim) {
  const std::int64_t numbers = dim * kKvTilePositions;
  if (dtype == DType::kQ8_0) return kv_rounded_up(numbers + numbers / 32 * 2, 64);
  if (dtype == DType::kFP8) return kv_rounded_up(numbers + kKvTilePositions * 2, 64);
  return kv_rounded_up(numbers * (dtype == DType::kF32 ? 4 : 2), 64);
}
/// Bytes of one head's keys and values of one sequence and layer on the CPU.
constexpr std::int64_t kv_tiled_bytes(DType dtype, std::int64_t head_dim, std::int64_t positions) {
  const std::int64_t tiles = kv_rounded_up(positions, kKvTilePositions) / kKvTilePositions;
  return tiles * (kv_tile_bytes(dtype, head_dim) + kv_tile_bytes(dtype, kv_rounded_up(head_dim, 16)));
}

constexpr std::int64_t kv_number_bytes(DType dtype) {
  return dtype == DType::kF32 ? 4 : dtype == DType::kQ8_0 || dtype == DType::kFP8 ? 1 : 2;
}
/// Scales of a head at a position, which are of two bytes each.
constexpr std::int64_t kv_scales(DType dtype, std::int64_t head_dim) {
  return dtype == DType::kQ8_0 ? head_dim / 32 : dtype == DType::kFP8 ? 1 : 0;
}
/// Bytes of a plane on CUDA: one head's keys or values, or their scales.
constexpr std::int64_t kv_plane_bytes(DType dtype, std::int64_t head_dim, std::int64_t positions) {
  return kv_rounded_up(positions * head_dim * kv_number_bytes(dtype), 256);
}
constexpr std::int64_t kv_scale_plane_bytes(DType dtype, std::int64_t head_dim, std::int64_t positions) {
  return kv_rounded_up(positions * kv_scales(dtype, head_dim) * 2, 256);
}
/// Bytes of one head's keys and values of one sequence and layer on CUDA.
constexpr std::int64_t kv_planes_bytes(DType dtype, std::int64_t head_dim, std::int64_t positions) {
  return 2 * (kv_plane_bytes(dtype, head_dim, positions) + kv_scale_plane_bytes(dtype, head_dim, positions));
}

}  // namespace qbench::tensor
