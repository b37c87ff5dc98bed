#include "backend/cpu/cpu_batch.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "backend/kv_visible.h"
#include "base/check.h"
#include "kernels/cpu/attention.h"

namespace qbench::backend {
namespace {

/// A single token's attention is divided into parts of this many positions, or of twice, three times ... as many where that would give more
/// than kMostParts parts.
constexpr std::int64_t kPartPositions = 128;
constexpr std::int64_t kMostParts = 64;
static_assert(kPartPositions % kernels::cpu::kAttentionBlock == 0);

std::int64_t part_positions(std::int64_t length) {
  const std::int64_t parts = (length + kPartPositions - 1) / kPartPositions;
  return kPartPositions * ((parts + kMostParts - 1) / kMostParts);
}

bool same(const Rope& a, const Rope& b) {
  return a.rotary_dim == b.rotary_dim && a.magnitude == b.magnitude && a.inverse_frequency == b.inverse_frequency;
}

std::int64_t cost(const AttentionPiece& piece) { return piece.count * piece.positions(); }

kernels::cpu::AttentionSegment in_kernel(const KvSegment& s) { return {s.begin, s.end, s.window, s.shift}; }

/// Numbers of the first part and behind the last one that hold the segment's slots.
kernels::cpu::Range parts_of(const KvSegment& segment, std::int64_t part) {
  return {(segment.begin - segment.shift) / part, (segment.end - segment.shift - 1) / part + 1};
}

}  // namespace

void CpuBatch::begin(const Batch& batch) {
  QB_CHECK(!open_);
  QB_CHECK(!batch.ids.empty() && batch.positions.size() == batch.ids.size() && batch.sequences.size() == batch.ids.size());
  open_ = true;
  ids_.assign(batch.ids.begin(), batch.ids.end());
  positions_.assign(batch.positions.begin(), batch.positions.end());
  sequences_.assign(batch.sequences.begin(), batch.sequences.end());
  order_.resize(ids_.size());
  std::iota(order_.begin(), order_.end(), 0);
  const auto sequence = [&](std::int32_t t) { return sequences_[static_cast<std::size_t>(t)]; };
  std::sort(order_.begin(), order_.end(),
            [&](std::int32_t a, std::int32_t b) { return std::pair(sequence(a), a) < std::pair(sequence(b), b); });
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const auto t = static_cast<std::size_t>(order_[i]);
    QB_CHECK(positions_[t] >= 0 && sequences_[t] >= 0);
    if (i > 0 && sequence(order_[i - 1]) == sequence(order_[i]))
      QB_CHECK(positions_[static_cast<std::size_t>(order_[i - 1])] < positions_[t]);
  }
  longest_run_ = 0;
  for (std::size_t i = 0, first = 0; i < order_.size(); ++i) {
    if (sequence(order_[i]) != sequence(order_[first])) first = i;
    longest_run_ = std::max(longest_run_, static_cast<std::int64_t>(i - first + 1));
  }
  ropes_used_ = 0;
  plans_used_ = 0;
}

const RopeTable& CpuBatch::rope(const Rope& rope) {
  for (std::size_t i = 0; i < ropes_used_; ++i) {
    if (same(ropes_[i].rope, rope)) return ropes_[i];
  }
  const auto half = static_cast<std::size_t>(rope.rotary_dim / 2);
  QB_CHECK(rope.rotary_dim % 2 == 0 && rope.inverse_frequency.size() == half);
  if (ropes_used_ == ropes_.size()) ropes_.emplace_back();
  RopeTable& table = ropes_[ropes_used_++];
  table.rope = rope;
  table.cos.resize(ids_.size() * half);
  table.sin.resize(ids_.size() * half);
  for (std::size_t t = 0; t < ids_.size(); ++t) {
    for (std::size_t j = 0; j < half; ++j) {
      const double angle = static_cast<double>(positions_[t]) * rope.inverse_frequency[j];
      table.cos[t * half + j] = static_cast<float>(std::cos(angle) * rope.magnitude);
      table.sin[t * half + j] = static_cast<float>(std::sin(angle) * rope.magnitude);
    }
  }
  return table;
}

std::int64_t CpuBatch::visible_pairs(const KvReach& reach) const {
  std::int64_t pairs = 0;
  for (const std::int32_t position : positions_) {
    const KvSegments seen = kv_segments(reach, position, position);
    for (std::size_t s = 0; s < seen.count; ++s) pairs += seen.at[s].end - seen.at[s].begin;
  }
  return pairs;
}

std::int64_t CpuBatch::visible_positions(const KvReach& reach) const { return backend::visible_positions(reach, positions_, sequences_); }

const AttentionPlan& CpuBatch::attention(const KvReach& reach, std::int64_t heads, std::int64_t kv_heads, bool whole) {
  for (std::size_t i = 0; i < plans_used_; ++i) {
    const AttentionPlan& plan = plans_[i];
    if (plan.reach == reach && plan.heads == heads && plan.kv_heads == kv_heads && plan.whole == whole) return plan;
  }
  if (plans_used_ == plans_.size()) plans_.emplace_back();
  AttentionPlan& plan = plans_[plans_used_++];
  plan.pieces.clear();
  plan.joins.clear();
  plan.partial_rows = 0;
  plan.most_rows = 0;
  plan.reach = reach;
  plan.heads = heads;
  plan.kv_heads = kv_heads;
  plan.whole = whole;
  const auto sequence = [&](std::int64_t i) { return sequences_[static_cast<std::size_t>(order_[static_cast<std::size_t>(i)])]; };
  for (std::int64_t first = 0; first < tokens();) {
    std::int64_t end = first + 1;
    while (end < tokens() && sequence(end) == sequence(first)) ++end;
    plan_sequence(plan, first, end - first);
    first = end;
  }
  std::sort(plan.pieces.begin(), plan.pieces.end(), [](const AttentionPiece& a, const AttentionPiece& b) { return cost(a) > cost(b); });
  return plan;
}

void CpuBatch::plan_sequence(AttentionPlan& plan, std::int64_t first, std::int64_t count) const {
  const std::int64_t group = plan.heads / plan.kv_heads;
  const std::int64_t step = kernels::cpu::attention_tokens_per_task(group);
  const auto position = [&](std::int64_t i) {
    return std::int64_t{positions_[static_cast<std::size_t>(order_[static_cast<std::size_t>(i)])]};
  };
  for (std::int32_t head = 0; head < plan.kv_heads; ++head) {
    for (std::int64_t i = first; i < first + count; i += step) {
      const std::int64_t n = std::min(step, first + count - i);
      const KvSegments seen = kv_segments(plan.reach, position(i), position(i + n - 1));
      const std::int32_t token = order_[static_cast<std::size_t>(i)];
      const std::int32_t sequence = sequences_[static_cast<std::size_t>(token)];
      const std::int64_t part = part_positions(plan.reach.ring > 0 ? plan.reach.origin + plan.reach.ring : position(i + n - 1) + 1);
      std::int64_t parts = 0;
      for (std::size_t s = 0; s < seen.count; ++s) parts += parts_of(seen.at[s], part).size();
      plan.most_rows = std::max(plan.most_rows, n * group);
      AttentionPiece all{sequence, head, i, n, {}, static_cast<std::int64_t>(seen.count), -1};
      std::transform(seen.at.begin(), seen.at.end(), all.segments.begin(), in_kernel);
      if (plan.whole || count > 1 || parts == 1) {
        plan.pieces.push_back(all);
        continue;
      }
      plan.joins.push_back({token, head, plan.partial_rows, parts});
      std::int64_t partial = plan.partial_rows;
      for (std::size_t s = 0; s < seen.count; ++s) {
        const KvSegment& segment = seen.at[s];
        const kernels::cpu::Range range = parts_of(segment, part);
        for (std::int64_t p = range.begin; p < range.end; ++p, partial += group) {
          const std::int64_t begin = std::max(segment.begin, p * part + segment.shift);
          const std::int64_t end = std::min(segment.end, (p + 1) * part + segment.shift);
          plan.pieces.push_back({sequence, head, i, 1, {{{begin, end, segment.window, segment.shift}}}, 1, partial});
        }
      }
      plan.partial_rows += parts * group;
    }
  }
}

}  // namespace qbench::backend
