#include "kernels/cpu/kv_cache.h"

#include <fmt/format.h>

#include "base/error.h"
#include "kernels/cpu/attention.h"
#include "tensor/kv_bytes.h"

namespace qbench::kernels::cpu {
namespace {

std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

}  // namespace

KvLayout make_kv_layout(tensor::DType dtype, std::int64_t head_dim, std::int64_t positions) {
  using tensor::DType;
  if (dtype != DType::kF32 && dtype != DType::kF16 && dtype != DType::kBF16 && dtype != DType::kQ8_0 &&
      dtype != DType::kFP8) {
    throw Error(ErrorCode::kUnsupported, fmt::format("type {} (this device has f32, f16, bf16, fp8 and q8_0)", tensor::name_of(dtype)),
                "kv cache");
  }
  constexpr std::int64_t kMostDim = 65536;
  constexpr std::int64_t kMostPositions = std::int64_t{1} << 40;  // together below 2^62 bytes, so that no product here can overflow
  if (head_dim <= 0 || head_dim % 2 != 0 || head_dim > kMostDim) {
    throw Error(ErrorCode::kUnsupported, fmt::format("head_dim {} (an even number up to {} is needed)", head_dim, kMostDim), "kv cache");
  }
  if (positions <= 0 || positions > kMostPositions) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} positions (1 to 2^40 are possible)", positions), "kv cache");
  }
  if (dtype == DType::kQ8_0 && head_dim % 32 != 0) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("q8_0 with head_dim {} (a multiple of 32 is needed); choose --kv-type bf16, f16 or f32", head_dim), "kv cache");
  }
  KvLayout layout{};
  layout.dtype = dtype;
  layout.head_dim = head_dim;
  layout.padded_dim = round_up(head_dim, 16);
  layout.tiles = round_up(positions, kKvTile) / kKvTile;
  layout.k_tile_bytes = tensor::kv_tile_bytes(dtype, head_dim);
  layout.v_tile_bytes = tensor::kv_tile_bytes(dtype, layout.padded_dim);
  return layout;
}

std::int64_t attention_scratch(const KvLayout& layout, std::int64_t rows) {
  return 2 * kAttentionBlock * layout.padded_dim + rows * kAttentionBlock + 2 * rows * layout.padded_dim + 2 * round_up(rows, 16);
}

std::int64_t attention_tokens_per_task(std::int64_t group) {
  constexpr std::int64_t kRows = 48;  // eight register tiles of six rows: q, scores and sums of head_dim 128 take 60 KB
  return group < kRows ? kRows / group : 1;
}

}  // namespace qbench::kernels::cpu
