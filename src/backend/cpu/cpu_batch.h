#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/kv_reach.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/thread_pool.h"

namespace qbench::backend {

/// Rotation angles of a step's tokens.
struct RopeTable {
  Rope rope;
  std::vector<float> cos;  ///< (tokens, rotary_dim / 2)
  std::vector<float> sin;
};

/// One piece of attention: some tokens of one sequence, one KV head, some of what they see.
struct AttentionPiece {
  std::int32_t sequence;
  std::int32_t kv_head;
  std::int64_t first, count;  ///< in CpuBatch::order
  std::array<kernels::cpu::AttentionSegment, 4> segments;
  std::int64_t segment_count;
  std::int64_t positions() const noexcept {
    std::int64_t sum = 0;
    for (std::int64_t s = 0; s < segment_count; ++s) {
      const kernels::cpu::AttentionSegment& segment = segments[static_cast<std::size_t>(s)];
      sum += segment.end - segment.begin;
    }
    return sum;
  }
  std::int64_t partial;       ///< number of the first partial row, or -1 when the piece is the whole of its tokens' attention
};

/// How the partial results of one token and KV head are joined.
struct AttentionJoin {
  std::int32_t token;
  std::int32_t kv_head;
  std::int64_t partial;  ///< number of the first partial row; part i, query head g is row partial + i * group + g
  std::int64_t parts;
};

/// The division of a step's attention. It follows from the batch, what its tokens see and the head counts, never from the number of threads.
struct AttentionPlan {
  KvReach reach;
  std::int64_t heads = 0, kv_heads = 0;
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
  const AttentionPlan& attention(const KvReach& reach, std::int64_t heads, std::int64_t kv_heads, bool whole = false);
  /// (query token, position) pairs of all tokens.
  std::int64_t visible_pairs(const KvReach& reach) const;
  /// Positions of a KV head's cache that they see in all, each once for its sequence.
  std::int64_t visible_positions(const KvReach& reach) const;
  /// Most tokens that one sequence has in this step.
  std::int64_t longest_run() const noexcept { return longest_run_; }

 private:
  void plan_sequence(AttentionPlan& plan, std::int64_t first, std::int64_t count) const;

  bool open_ = false;
  std::vector<std::int32_t> ids_, positions_, sequences_, order_;
  // Tables and plans of earlier steps keep their memory: the first `..._used_` belong to this step.
  std::vector<RopeTable> ropes_;
  std::vector<AttentionPlan> plans_;
  std::int64_t longest_run_ = 0;
  std::size_t ropes_used_ = 0;
  std::size_t plans_used_ = 0;
};

}  // namespace qbench::backend
