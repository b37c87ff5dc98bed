#include <algorithm>
#include <cmath>

#include "backend/cpu/cpu_backend_impl.h"
#include "backend/cpu/cpu_cost.h"
#include "base/check.h"

namespace qbench::backend {
namespace cpu_kernels = kernels::cpu;
namespace {

void check_shapes(const AttentionInput& input, const CpuKvCache& cache, std::int64_t layer) {
  QB_CHECK(input.heads > 0 && input.kv_heads > 0 && input.heads % input.kv_heads == 0);
  QB_CHECK(cache.shape().kv_heads == input.kv_heads && cache.shape().head_dim == input.head_dim);
  QB_CHECK(layer >= 0 && layer < cache.shape().layers);
}

const float* data_or_null(const Buffer* buffer, std::int64_t size) {
  if (buffer == nullptr) return nullptr;
  QB_CHECK(buffer->size() >= size);
  return cpu(*buffer).data();
}

}  // namespace

/// Bias, per-head normalisation and rotation of each head's row; then q to its buffer, k and v to the cache. One unit is a query head, or a
/// key head with its value head.
void CpuBackend::finish_heads(const AttentionInput& input, const Rope& rope, const RopeTable& table, std::int64_t layer, float* q,
                              CpuKvCache& cache, int thread) {
  const std::int64_t dim = input.head_dim;
  const std::int64_t half = rope.rotary_dim / 2;
  const std::int64_t units = input.heads + input.kv_heads;
  const std::int64_t stride = (input.heads + 2 * input.kv_heads) * dim;
  const float* bias = data_or_null(input.qkv_bias, stride);
  const float* q_norm = data_or_null(input.q_norm, dim);
  const float* k_norm = data_or_null(input.k_norm, dim);
  const cpu_kernels::ElementwiseKernels& kernels = context_.elementwise;
  const auto finish = [&](float* row, std::int64_t offset, const float* norm, std::int64_t token) {
    if (bias != nullptr) kernels.add(bias + offset, dim, row);
    if (norm != nullptr) kernels.rms_norm(row, norm, input.rms_eps, dim, row);
    kernels.rope(row, table.cos.data() + token * half, table.sin.data() + token * half, half);
  };
  const cpu_kernels::Range range = cpu_kernels::partition(batch_.tokens() * units, 1, thread, context_.pool.threads());
  for (std::int64_t unit = range.begin; unit < range.end; ++unit) {
    const std::int64_t token = unit / units;
    const std::int64_t head = unit % units;
    float* row = reinterpret_cast<float*>(rows_.data()) + token * stride + head * dim;
    if (head < input.heads) {
      finish(row, head * dim, q_norm, token);
      std::copy(row, row + dim, q + (token * input.heads + head) * dim);
      continue;
    }
    const std::int64_t kv_head = head - input.heads;
    float* v = row + input.kv_heads * dim;
    finish(row, head * dim, k_norm, token);
    if (bias != nullptr) kernels.add(bias + (head + input.kv_heads) * dim, dim, v);
    const auto t = static_cast<std::size_t>(token);
    context_.append_kv(cache.layout(), cache.head(layer, batch_.sequences()[t], kv_head), cache.slot(batch_.positions()[t]), row, v);
  }
}

void CpuBackend::norm_qkv_rope_append(const AttentionInput& input, const Rope& rope, std::int64_t layer, const Buffer& x, Buffer& q,
                                      KvCache& cache) {
  const CpuMatrix& qkv = cpu(*input.qkv);
  CpuKvCache& own_cache = cpu(cache);
  const std::int64_t tokens = batch_.tokens();
  check_shapes(input, own_cache, layer);
  QB_CHECK(batch_.open() && qkv.rows() == (input.heads + 2 * input.kv_heads) * input.head_dim && rope.rotary_dim <= input.head_dim);
  QB_CHECK(x.size() >= tokens * qkv.cols() && q.size() >= tokens * input.heads * input.head_dim);
  for (std::size_t t = 0; t < batch_.positions().size(); ++t) {
    QB_CHECK(batch_.positions()[t] < own_cache.shape().positions && batch_.sequences()[t] < own_cache.shape().sequences);
  }
  QB_CHECK(own_cache.reach(0).ring == 0 || batch_.longest_run() <= own_cache.shape().policy.step);
  const RopeTable& table = batch_.rope(rope);
  float* rows = rows_.need_numbers(tokens * qkv.rows(), "activations", context_.pool);
  KindSet kinds;
  kinds.add(qkv);
  stage_.plan({cpu(x).data(), nullptr, tokens, qkv.cols(), data_or_null(input.norm, qkv.cols()), input.rms_eps}, kinds);
  context_.pool.run([&](int thread) {
    const PreparedInput prepared = stage_.prepare(thread);
    multiply_share(context_, qkv, prepared, tokens, rows, qkv.rows(), false, thread);
    context_.pool.barrier();
    finish_heads(input, rope, table, layer, cpu(q).data(), own_cache, thread);
  });
  count([&] { return qkv_cost(input, tokens, own_cache.layout()); });
}

cpu_kernels::AttentionTask CpuBackend::task_of(const AttentionInput& input, const AttentionPiece& piece,
                                               std::int64_t layer, const float* q, const CpuKvCache& cache, float* out) const {
  const std::int64_t group = input.heads / input.kv_heads;
  const cpu_kernels::KvLayout& layout = cache.layout();
  cpu_kernels::AttentionTask task{};
  task.layout = &layout;
  task.cache = cache.head(layer, piece.sequence, piece.kv_head);
  task.q = q + piece.kv_head * group * input.head_dim;
  task.out = out + piece.kv_head * group * input.head_dim;
  task.q_stride = input.heads * input.head_dim;
  task.tokens = batch_.order().data() + piece.first;
  task.positions = batch_.positions().data();
  task.count = piece.count;
  task.group = group;
  task.segments = piece.segments.data();
  task.segment_count = piece.segment_count;
  task.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(input.head_dim)));
  if (piece.partial >= 0) task.partial = reinterpret_cast<float*>(partials_.data()) + piece.partial * (layout.padded_dim + 2);
  return task;
}

void CpuBackend::run_piece(const AttentionInput& input, const AttentionPiece& piece, std::int64_t layer,
                           const float* q, const CpuKvCache& cache, float* out, float* scratch) const {
  context_.attention.run(task_of(input, piece, layer, q, cache, out), scratch);
}

void CpuBackend::attention(const AttentionInput& input, std::int64_t window, std::int64_t layer, const Buffer& q, const KvCache& cache,
                           Buffer& out) {
  const CpuKvCache& own_cache = cpu(cache);
  const cpu_kernels::KvLayout& layout = own_cache.layout();
  const std::int64_t group = input.heads / input.kv_heads;
  const std::int64_t numbers = batch_.tokens() * input.heads * input.head_dim;
  check_shapes(input, own_cache, layer);
  QB_CHECK(batch_.open() && window >= 0 && q.size() >= numbers && out.size() >= numbers);
  if (!paths_.flash) return materialised_attention(input, window, layer, q, own_cache, out);

  const AttentionPlan& plan = batch_.attention(own_cache.reach(window), input.heads, input.kv_heads);
  const std::int64_t part_stride = layout.padded_dim + 2;
  const std::int64_t scratch_numbers = (cpu_kernels::attention_scratch(layout, plan.most_rows) + 15) / 16 * 16;
  float* scratch = attention_scratch_.need_numbers(scratch_numbers * context_.pool.threads(), "attention", context_.pool);
  const float* partials = partials_.need_numbers(plan.partial_rows * part_stride, "attention", context_.pool);
  const auto pieces = static_cast<std::int64_t>(plan.pieces.size());
  const auto joins = static_cast<std::int64_t>(plan.joins.size());
  // Pieces differ in cost, and which thread takes one does not change its result: the next free thread takes the next.
  next_piece_.store(0, std::memory_order_relaxed);
  context_.pool.run([&](int thread) {
    for (std::int64_t i = next_piece_.fetch_add(1, std::memory_order_relaxed); i < pieces;
         i = next_piece_.fetch_add(1, std::memory_order_relaxed)) {
      run_piece(input, plan.pieces[static_cast<std::size_t>(i)], layer, cpu(q).data(), own_cache, cpu(out).data(),
                scratch + scratch_numbers * thread);
    }
    if (joins == 0) return;
    context_.pool.barrier();
    const cpu_kernels::Range range = cpu_kernels::partition(joins * group, 1, thread, context_.pool.threads());
    for (std::int64_t i = range.begin; i < range.end; ++i) {
      const AttentionJoin& join = plan.joins[static_cast<std::size_t>(i / group)];
      const std::int64_t g = i % group;
      context_.attention.combine(partials + (join.partial + g) * part_stride, join.parts, group * part_stride, input.head_dim,
                                 layout.padded_dim,
                                 cpu(out).data() + (join.token * input.heads + join.kv_head * group + g) * input.head_dim);
    }
  });
  count([&] {
    return attention_cost(input, batch_.tokens(), batch_.visible_positions(plan.reach), batch_.visible_pairs(plan.reach), layout);
  });
}

}  // namespace qbench::backend
