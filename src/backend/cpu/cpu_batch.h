#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "kernels/cpu/thread_pool.h"

namespace qbench::backend {

/// Rotation angles of a step's tokens.
struct RopeTable {
  Rope rope;
  std::vector<float> cos;  ///< (tokens, rotary_dim / 2)
  std::vector<float> sin;
};

/// One piece of attention: some tokens of one sequence, one KV head, a range of positions.
struct AttentionPiece {
  std::int32_t sequence;
  std::int32_t kv_head;
  std::int64_t first, count;  ///< in CpuBatch::order
  std::int64_t begin, end;    ///< cache positions
  std::int64_t partial;       ///< number of the first partial row, or -1 when the piece is the whole of its tokens' attention
};

/// How the partial results of one token and KV head are joined.
struct AttentionJoin {
  std::int32_t token;
  std::int32_t kv_head;
  std::int64_t partial;  ///< number of the first partial row; part i, query head g is row partial + i * group + g
  std::int64_t parts;
};

/// The division of a step's attention. It follows from the batch, the window and the head counts, never from the number of threads.
struct AttentionPlan {
  std::int64_t window = -1, heads = 0, kv_heads = 0;
  bool whole = false;                  ///< no token's positions are divided
  std::vector<AttentionPiece> pieces;  ///< the costliest first
  std::vector<AttentionJoin> joins;
  std::int64_t partial_rows = 0;
  std::int64_t most_rows = 0;  ///< query rows of the largest piece
};

/// The batch between begin_step and end_step, with what depends on it alone.
class CpuBatch {
 public:
  void begin(const Batch& batch);
  void end() noexcept { open_ = false; }
  bool open() const noexcept { return open_; }

  std::int64_t tokens() const noexcept { return static_cast<std::int64_t>(ids_.size()); }
  std::span<const std::int32_t> ids() const noexcept { return ids_; }
  std::span<const std::int32_t> positions() const noexcept { return positions_; }
  std::span<const std::int32_t> sequences() const noexcept { return sequences_; }
  /// Token numbers, sequence after sequence.
  std::span<const std::int32_t> order() const noexcept { return order_; }

  /// cos and sin of every token, computed in double once per step and rope. The reference holds until the next call.
  const RopeTable& rope(const Rope& rope);
  const AttentionPlan& attention(std::int64_t window, std::int64_t heads, std::int64_t kv_heads, bool whole = false);
  /// (query token, position) pairs that a window lets see, of all tokens.
  std::int64_t visible_pairs(std::int64_t window) const;

 private:
  void plan_sequence(AttentionPlan& plan, std::int64_t first, std::int64_t count) const;

  bool open_ = false;
  std::vector<std::int32_t> ids_, positions_, sequences_, order_;
  // Tables and plans of earlier steps keep their memory: the first `..._used_` belong to this step.
  std::vector<RopeTable> ropes_;
  std::vector<AttentionPlan> plans_;
  std::size_t ropes_used_ = 0;
  std::size_t plans_used_ = 0;
};

}  // namespace qbench::backend
