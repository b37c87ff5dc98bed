#pragma once

#include <cstdint>

#include "kernels/cuda/namespace.h"
#include "tensor/dtype.h"
#include "tensor/kv_bytes.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Keys and values in device memory: blocks [layer][sequence][kv_head], each of four planes that start at multiples of 256 bytes:
///   K (positions, head_dim) | K scales | V (positions, head_dim) | V scales
/// F32, F16, BF16: the numbers, no scales. Q8_0: int8 and one float16 scale = max|x| / 127 for 32 numbers, (positions, head_dim / 32). FP8:
/// E4M3 codes and one bfloat16 scale = max|x| / 448, (positions). A row of a plane is a slot: that of position p is p or, in a ring and not
/// among the first `origin` positions, origin + (p - origin) % ring.
struct KvLayout {
  tensor::DType dtype = tensor::DType::kF32;
  std::int32_t head_dim = 0;
  std::int32_t kv_heads = 0;
  std::int32_t sequences = 0;
  std::int32_t positions = 0;  ///< rows of a plane
  std::int32_t origin = 0;
  std::int32_t ring = 0;                           ///< 0: no ring
  std::int64_t k_scales = 0, v = 0, v_scales = 0;  ///< offsets in a head's block
  std::int64_t head_bytes = 0;

  constexpr std::int64_t head_offset(std::int64_t layer, std::int64_t sequence, std::int64_t kv_head) const {
    return ((layer * sequences + sequence) * kv_heads + kv_head) * head_bytes;
  }
  bool operator==(const KvLayout&) const = default;
};

/// Largest head that the attention kernels do.
constexpr std::int32_t kMostHeadDim = 128;

using tensor::kv_number_bytes;
using tensor::kv_scales;

constexpr KvLayout make_kv_layout(tensor::DType dtype, std::int32_t head_dim, std::int32_t kv_heads, std::int32_t sequences,
                                  std::int32_t positions, std::int32_t origin = 0, std::int32_t ring = 0) {
  KvLayout layout;
  layout.dtype = dtype;
  layout.head_dim = head_dim;
  layout.kv_heads = kv_heads;
  layout.sequences = sequences;
  layout.positions = positions;
  layout.origin = origin;
  layout.ring = ring;
  const std::int64_t plane = tensor::kv_plane_bytes(dtype, head_dim, positions);
  const std::int64_t scales = tensor::kv_scale_plane_bytes(dtype, head_dim, positions);
  layout.k_scales = plane;
  layout.v = plane + scales;
  layout.v_scales = layout.v + plane;
  layout.head_bytes = 2 * (plane + scales);
  return layout;
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
