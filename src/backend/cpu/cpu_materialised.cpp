#include <algorithm>

#include "backend/cpu/cpu_backend_impl.h"
#include "backend/cpu/cpu_cost.h"
#include "base/error.h"

namespace qbench::backend {
namespace cpu_kernels = kernels::cpu;

/// Attention with all scores in memory (Paths::flash off): three passes with a barrier between, pieces handed out as they come.
void CpuBackend::materialised_attention(const AttentionInput& input, std::int64_t window, std::int64_t layer, const Buffer& q,
                                        const CpuKvCache& cache, Buffer& out) {
  const cpu_kernels::KvLayout& layout = cache.layout();
  const std::int64_t group = input.heads / input.kv_heads;
  if (cache.shape().policy.window > 0) {
    throw Error(ErrorCode::kUnsupported, "attention with all scores in memory reads no cache that keeps a window (--kv-window); leave flash on", "cpu");
  }
  const AttentionPlan& plan = batch_.attention(cache.reach(window), input.heads, input.kv_heads, true);
  std::int64_t longest = 0;
  for (const AttentionPiece& piece : plan.pieces) {
    const cpu_kernels::AttentionSegment& all = piece.segments[0];  // without a policy there is one
    const std::int64_t first = all.begin / cpu_kernels::kAttentionBlock * cpu_kernels::kAttentionBlock;
    longest = std::max(longest, all.end - first);
  }
  const std::int64_t stride = (longest + cpu_kernels::kAttentionBlock - 1) / cpu_kernels::kAttentionBlock * cpu_kernels::kAttentionBlock;
  const std::int64_t scores_numbers = batch_.tokens() * input.heads * stride;
  const std::int64_t scratch_numbers = (cpu_kernels::attention_scratch(layout, plan.most_rows) + 15) / 16 * 16;
  float* scratch = attention_scratch_.need_numbers(scratch_numbers * context_.pool.threads(), "attention", context_.pool);
  float* scores = scores_.need_numbers(scores_numbers, "attention scores", context_.pool);
  const auto pieces = static_cast<std::int64_t>(plan.pieces.size());
  for (std::atomic<std::int64_t>& next : next_materialised_) next.store(0, std::memory_order_relaxed);
  context_.pool.run([&](int thread) {
    for (int pass = 0; pass < 3; ++pass) {
      std::atomic<std::int64_t>& next = next_materialised_[static_cast<std::size_t>(pass)];
      for (std::int64_t i = next.fetch_add(1, std::memory_order_relaxed); i < pieces; i = next.fetch_add(1, std::memory_order_relaxed)) {
        const AttentionPiece& piece = plan.pieces[static_cast<std::size_t>(i)];
        const cpu_kernels::AttentionTask task = task_of(input, piece, layer, cpu(q).data(), cache, cpu(out).data());
        float* rows = scores + (piece.kv_head * batch_.tokens() + piece.first) * group * stride;
        float* own = scratch + scratch_numbers * thread;
        if (pass == 0) context_.attention.materialised_scores(task, own, rows, stride);
        if (pass == 1) context_.attention.materialised_softmax(task, rows, stride);
        if (pass == 2) context_.attention.materialised_values(task, own, rows, stride);
      }
      if (pass < 2) context_.pool.barrier();
    }
  });
  count([&] {
    return materialised_cost(attention_cost(input, batch_.tokens(), batch_.visible_positions(plan.reach), batch_.visible_pairs(plan.reach), layout), scores_numbers);
  });
}

}  // namespace qbench::backend
