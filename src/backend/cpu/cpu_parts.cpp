#include <algorithm>

#include "backend/cpu/cpu_backend_impl.h"
#include "backend/cpu/cpu_cost.h"
#include "base/check.h"

// The fused steps' operations one by one (Paths::fusion off): each reads its input from memory and leaves its result there.

namespace qbench::backend {
namespace cpu_kernels = kernels::cpu;
namespace {

std::int64_t qkv_numbers(const AttentionInput& input) { return (input.heads + 2 * input.kv_heads) * input.head_dim; }

}  // namespace

/// body(unit) for each of `count` units, divided between the threads.
template <class Body>
void CpuBackend::for_each_unit(std::int64_t count, const Body& body) {
  context_.pool.run([&](int thread) {
    const cpu_kernels::Range range = cpu_kernels::partition(count, 1, thread, context_.pool.threads());
    for (std::int64_t unit = range.begin; unit < range.end; ++unit) body(unit);
  });
}

void CpuBackend::rms_norm(const Buffer& norm, float rms_eps, std::int64_t cols, std::span<const std::int32_t> rows, const Buffer& x,
                          Buffer& h) {
  const std::int64_t count_rows = rows.empty() ? batch_.tokens() : static_cast<std::int64_t>(rows.size());
  QB_CHECK(batch_.open() && norm.size() >= cols && x.size() >= batch_.tokens() * cols && h.size() >= count_rows * cols);
  for_each_unit(count_rows, [&](std::int64_t t) {
    const std::int64_t row = rows.empty() ? t : rows[static_cast<std::size_t>(t)];
    context_.elementwise.rms_norm(cpu(x).data() + row * cols, cpu(norm).data(), rms_eps, cols, cpu(h).data() + t * cols);
  });
  count([&] { return elementwise_cost(2 * count_rows * cols + cols, count_rows * cols, 4); });
}

void CpuBackend::project(const Matrix& w, std::int64_t rows, const Buffer& h, Buffer& out) {
  const CpuMatrix& matrix = cpu(w);
  QB_CHECK(batch_.open() && h.size() >= rows * matrix.cols() && out.size() >= rows * matrix.rows());
  KindSet kinds;
  kinds.add(matrix);
  stage_.plan({cpu(h).data(), nullptr, rows, matrix.cols(), nullptr, 0.0F}, kinds);
  context_.pool.run([&](int thread) {
    const PreparedInput prepared = stage_.prepare(thread);
    multiply_share(context_, matrix, prepared, rows, cpu(out).data(), matrix.rows(), false, thread);
  });
  count([&] { return product_cost(w, rows, false); });
}

void CpuBackend::add_bias(const AttentionInput& input, Buffer& qkv) {
  const std::int64_t numbers = qkv_numbers(input);
  QB_CHECK(batch_.open() && input.qkv_bias->size() >= numbers && qkv.size() >= batch_.tokens() * numbers);
  for_each_unit(batch_.tokens(), [&](std::int64_t t) {
    context_.elementwise.add(cpu(*input.qkv_bias).data(), numbers, cpu(qkv).data() + t * numbers);
  });
  count([&] { return elementwise_cost((2 * batch_.tokens() + 1) * numbers, batch_.tokens() * numbers, 1); });
}

void CpuBackend::norm_heads(const AttentionInput& input, Buffer& qkv) {
  const std::int64_t units = input.heads + input.kv_heads;
  const std::int64_t stride = qkv_numbers(input);
  QB_CHECK(batch_.open() && qkv.size() >= batch_.tokens() * stride);
  for_each_unit(batch_.tokens() * units, [&](std::int64_t unit) {
    const std::int64_t head = unit % units;
    const Buffer* norm = head < input.heads ? input.q_norm : input.k_norm;
    if (norm == nullptr) return;
    float* row = cpu(qkv).data() + unit / units * stride + head * input.head_dim;
    context_.elementwise.rms_norm(row, cpu(*norm).data(), input.rms_eps, input.head_dim, row);
  });
  const std::int64_t numbers = batch_.tokens() * units * input.head_dim;
  count([&] { return elementwise_cost(2 * numbers, numbers, 4); });
}

void CpuBackend::rotate_heads(const AttentionInput& input, const Rope& rope, const KvCache&, Buffer& qkv) {
  const std::int64_t units = input.heads + input.kv_heads;
  const std::int64_t stride = qkv_numbers(input);
  QB_CHECK(batch_.open() && qkv.size() >= batch_.tokens() * stride && rope.rotary_dim <= input.head_dim);
  const RopeTable& table = batch_.rope(rope);
  const std::int64_t half = rope.rotary_dim / 2;
  for_each_unit(batch_.tokens() * units, [&](std::int64_t unit) {
    const std::int64_t token = unit / units;
    context_.elementwise.rope(cpu(qkv).data() + token * stride + unit % units * input.head_dim, table.cos.data() + token * half,
                              table.sin.data() + token * half, half);
  });
  const std::int64_t numbers = batch_.tokens() * units * rope.rotary_dim;
  count([&] { return elementwise_cost(2 * numbers + 2 * batch_.tokens() * half, numbers, 3); });
}

void CpuBackend::append(const AttentionInput& input, std::int64_t layer, const Buffer& qkv, Buffer& q, KvCache& cache) {
  CpuKvCache& own_cache = cpu(cache);
  const std::int64_t dim = input.head_dim;
  const std::int64_t units = input.heads + input.kv_heads;
  const std::int64_t stride = qkv_numbers(input);
  QB_CHECK(batch_.open() && qkv.size() >= batch_.tokens() * stride && q.size() >= batch_.tokens() * input.heads * dim);
  QB_CHECK(layer >= 0 && layer < own_cache.shape().layers && own_cache.shape().kv_heads == input.kv_heads && own_cache.shape().head_dim == dim);
  for (std::size_t t = 0; t < batch_.positions().size(); ++t) {
    QB_CHECK(batch_.positions()[t] < own_cache.shape().positions && batch_.sequences()[t] < own_cache.shape().sequences);
  }
  QB_CHECK(own_cache.reach(0).ring == 0 || batch_.longest_run() <= own_cache.shape().policy.step);
  for_each_unit(batch_.tokens() * units, [&](std::int64_t unit) {
    const std::int64_t token = unit / units;
    const std::int64_t head = unit % units;
    const float* row = cpu(qkv).data() + token * stride + head * dim;
    if (head < input.heads) {
      std::copy(row, row + dim, cpu(q).data() + (token * input.heads + head) * dim);
      return;
    }
    const auto t = static_cast<std::size_t>(token);
    context_.append_kv(own_cache.layout(), own_cache.head(layer, batch_.sequences()[t], head - input.heads),
                       own_cache.slot(batch_.positions()[t]), row,
                       row + input.kv_heads * dim);
  });
  count([&] {
    StepCost cost = elementwise_cost(batch_.tokens() * (stride + input.heads * dim), 0, 0);
    cost.bytes += static_cast<std::uint64_t>(2 * batch_.tokens() * input.kv_heads) * cache_row_bytes(own_cache.layout());
    return cost;
  });
}

void CpuBackend::silu_mul(std::int64_t ffn, const Buffer& both, Buffer& out) {
  QB_CHECK(batch_.open() && both.size() >= 2 * batch_.tokens() * ffn && out.size() >= batch_.tokens() * ffn);
  for_each_unit(batch_.tokens(), [&](std::int64_t t) {
    const float* gate = cpu(both).data() + t * 2 * ffn;
    context_.elementwise.silu_mul(gate, gate + ffn, ffn, cpu(out).data() + t * ffn);
  });
  count([&] { return elementwise_cost(3 * batch_.tokens() * ffn, batch_.tokens() * ffn, 5); });
}

}  // namespace qbench::backend
