#include <algorithm>

#include "backend/cuda/cuda_backend_impl.h"
#include "base/check.h"
#include "kernels/cuda/attention_decode.h"
#include "kernels/cuda/attention_prefill.h"
#include "kernels/cuda/matvec.h"
#include "kernels/cuda/qkv.h"

// Each step of the interface as launches: arguments are checked here, on the host, since a kernel cannot refuse.

namespace qbench::backend::QB_CUDA_NAMESPACE {
namespace {

void check_shapes(const AttentionInput& input, const CudaKvCache& cache, std::int64_t layer) {
  QB_CHECK(input.heads > 0 && input.kv_heads > 0 && input.heads % input.kv_heads == 0);
  QB_CHECK(cache.shape().kv_heads == input.kv_heads && cache.shape().head_dim == input.head_dim);
  QB_CHECK(layer >= 0 && layer < cache.shape().layers);
}

/// The parts of a stacked q, k, v matrix. A head's rows are of one part.
void set_parts(const CudaMatrix& qkv, std::int64_t head_dim, kernels::QkvArguments& arguments) {
  QB_CHECK(qkv.parts().size() <= 3);
  for (std::size_t p = 0; p < qkv.parts().size(); ++p) {
    QB_CHECK(qkv.parts()[p].count % head_dim == 0);
    arguments.part[p] = qkv.parts()[p].rows;
    arguments.part_rows[p] = static_cast<std::int32_t>(qkv.parts()[p].count);
  }
}

}  // namespace

void CudaBackend::embed(const Matrix& table, Buffer& x) {
  const CudaMatrix& matrix = own(table);
  QB_CHECK(batch_.open && matrix.parts().size() == 1 && x.size() >= batch_.tokens() * matrix.cols());
  for (const std::int32_t id : batch_.ids) QB_CHECK(id >= 0 && id < matrix.rows());
  kernels::EmbedArguments a{};
  a.table = matrix.parts()[0].rows;
  a.ids = batch_.device_ids;
  a.tokens = batch_.tokens();
  a.x = own(x).data();
  graph_.add(a);
}

void CudaBackend::norm_qkv_rope_append(const AttentionInput& input, const Rope& rope, std::int64_t layer, const Buffer& x, Buffer& q,
                                       KvCache& cache) {
  const CudaMatrix& matrix = own(*input.qkv);
  CudaKvCache& own_cache = own(cache);
  const std::int64_t tokens = batch_.tokens();
  const std::int64_t all = input.heads + 2 * input.kv_heads;
  check_shapes(input, own_cache, layer);
  QB_CHECK(batch_.open && matrix.rows() == all * input.head_dim && rope.rotary_dim <= input.head_dim);
  QB_CHECK(x.size() >= tokens * matrix.cols() && q.size() >= tokens * input.heads * input.head_dim);
  QB_CHECK(batch_.most_position < own_cache.shape().positions && batch_.most_sequence < own_cache.shape().sequences);
  QB_CHECK(own_cache.layout().ring == 0 || batch_.longest_run <= own_cache.shape().policy.step);
  const RopeTable& table = rope_table(rope, own_cache.shape().positions);
  kernels::QkvArguments a{};
  set_parts(matrix, input.head_dim, a);
  a.tokens = batch_.tokens();
  a.heads = static_cast<std::int32_t>(input.heads);
  a.kv_heads = static_cast<std::int32_t>(input.kv_heads);
  a.head_dim = static_cast<std::int32_t>(input.head_dim);
  a.x = own(x).data();
  a.norm = data_or_null(input.norm, matrix.cols());
  a.rms_eps = input.rms_eps;
  a.bias = data_or_null(input.qkv_bias, matrix.rows());
  a.q_norm = data_or_null(input.q_norm, input.head_dim);
  a.k_norm = data_or_null(input.k_norm, input.head_dim);
  a.positions = batch_.device_positions;
  a.sequences = batch_.device_sequences;
  a.rope_cos = table.cos.as<float>();
  a.rope_sin = table.sin.as<float>();
  a.rotary_dim = static_cast<std::int32_t>(rope.rotary_dim);
  a.raw = need<float>(raw_, tokens * matrix.rows());
  a.tickets = need(head_tickets_, tokens * all);
  a.q = own(q).data();
  a.cache = own_cache.data();
  a.layout = own_cache.layout();
  a.layer = static_cast<std::int32_t>(layer);
  a.programmatic = programmatic_;
  if (!shares_weights(matrix, tokens)) {
    graph_.add(a);
    return;
  }
  kernels::MatvecArguments m{};
  m.tokens = a.tokens;
  m.x = a.x;
  m.norm = a.norm;
  m.rms_eps = a.rms_eps;
  m.y = a.raw;
  m.y_stride = matrix.rows();
  if (multiply(matrix, m, a.bias)) a.bias = nullptr;
  graph_.add(kernels::QkvFinishArguments{a});
}

void CudaBackend::attention(const AttentionInput& input, std::int64_t window, std::int64_t layer, const Buffer& q, const KvCache& cache,
                            Buffer& out) {
  const CudaKvCache& own_cache = own(cache);
  const std::int64_t tokens = batch_.tokens();
  const std::int64_t numbers = tokens * input.heads * input.head_dim;
  check_shapes(input, own_cache, layer);
  QB_CHECK(batch_.open && window >= 0 && q.size() >= numbers && out.size() >= numbers);
  const KvReach reach = own_cache.reach(std::min<std::int64_t>(window, INT32_MAX));
  const auto window32 = static_cast<std::int32_t>(reach.window);
  if (!paths_.flash) return materialised_attention(input, window32, layer, q, own_cache, out);
  if (kernels::prefill_reads(own_cache.layout()) && tokens >= kFewestTileTokens * static_cast<std::int64_t>(batch_.tiles.size())) {
    kernels::AttentionPrefillArguments p{};
    p.q = own(q).data();
    p.cache = own_cache.data();
    p.layout = own_cache.layout();
    p.layer = static_cast<std::int32_t>(layer);
    p.tiles = batch_.device_tiles;
    p.tile_count = static_cast<std::int32_t>(batch_.tiles.size());
    p.heads = static_cast<std::int32_t>(input.heads);
    p.window = window32;
    p.sinks = static_cast<std::int32_t>(reach.sinks);
    p.outer = static_cast<std::int32_t>(reach.outer);
    p.out = own(out).data();
    p.programmatic = programmatic_;
    graph_.add(p);
    return;
  }
  kernels::AttentionArguments a{};
  a.q = own(q).data();
  a.cache = own_cache.data();
  a.layout = own_cache.layout();
  a.layer = static_cast<std::int32_t>(layer);
  a.positions = batch_.device_positions;
  a.sequences = batch_.device_sequences;
  a.tokens = batch_.tokens();
  a.heads = static_cast<std::int32_t>(input.heads);
  a.window = window32;
  a.sinks = static_cast<std::int32_t>(reach.sinks);
  a.outer = static_cast<std::int32_t>(reach.outer);
  // From the cache's size and not the step's depth, so that a captured step replays at any depth.
  a.splits = kernels::attention_splits(tokens, input.kv_heads, own_cache.layout().positions, properties_.sm_count);
  a.partial = a.splits > 1 ? need<float>(partial_, tokens * input.heads * a.splits * (input.head_dim + 2)) : nullptr;
  a.tickets = need(split_tickets_, tokens * input.heads);
  a.out = own(out).data();
  a.programmatic = programmatic_;
  graph_.add(a);
}

void CudaBackend::project_residual(const Matrix& w, const Buffer& in, Buffer& x) {
  const CudaMatrix& matrix = own(w);
  QB_CHECK(batch_.open && in.size() >= batch_.tokens() * matrix.cols() && x.size() >= batch_.tokens() * matrix.rows());
  kernels::MatvecArguments a{};
  a.tokens = batch_.tokens();
  a.x = own(in).data();
  a.y = own(x).data();
  a.y_stride = matrix.rows();
  a.accumulate = true;
  multiply(matrix, a);
}

void CudaBackend::norm_gate_up(const Buffer& norm, float rms_eps, const Matrix& gate_up, const Buffer& x, Buffer& out) {
  const CudaMatrix& matrix = own(gate_up);
  const std::int64_t tokens = batch_.tokens();
  QB_CHECK(batch_.open && matrix.rows() % 2 == 0 && norm.size() >= matrix.cols());
  QB_CHECK(x.size() >= tokens * matrix.cols() && out.size() >= tokens * matrix.rows() / 2);
  const std::int64_t ffn = matrix.rows() / 2;
  const auto parts = matrix.parts();
  const bool together = !shares_weights(matrix, tokens) &&
                        (parts.size() == 1 || (parts.size() == 2 && parts[0].count == ffn && parts[0].rows.dtype == parts[1].rows.dtype));
  if (together) {
    kernels::GateUpArguments a{};
    a.gate = matrix.from_row(0);
    a.up = matrix.from_row(ffn);
    a.rows = static_cast<std::int32_t>(ffn);
    a.tokens = batch_.tokens();
    a.x = own(x).data();
    a.norm = own(norm).data();
    a.rms_eps = rms_eps;
    a.out = own(out).data();
    a.programmatic = programmatic_;
    graph_.add(a);
    return;
  }
  kernels::MatvecArguments a{};
  a.tokens = batch_.tokens();
  a.x = own(x).data();
  a.norm = own(norm).data();
  a.rms_eps = rms_eps;
  a.y = need<float>(both_, tokens * matrix.rows());
  a.y_stride = matrix.rows();
  float* both = a.y;
  multiply(matrix, a);
  graph_.add(kernels::SiluMulArguments{both, own(out).data(), static_cast<std::int32_t>(ffn), batch_.tokens(), programmatic_});
}

const std::int32_t* CudaBackend::gather_rows(std::span<const std::int32_t> rows) {
  for (const std::int32_t row : rows) QB_CHECK(row >= 0 && row < batch_.tokens());
  if (head_gathered_) graph_.submit();  // the launch before reads the row numbers that are written now
  head_gathered_ = true;
  auto* device_rows = need<std::int32_t>(rows_area_, static_cast<std::int64_t>(rows.size()));
  copy_to_device(device_rows, rows.data(), rows.size_bytes(), stream_);
  return device_rows;
}

void CudaBackend::norm_head(const Buffer& norm, float rms_eps, const Matrix& head, std::span<const std::int32_t> rows, const Buffer& x,
                            Buffer& logits) {
  const CudaMatrix& matrix = own(head);
  const auto count = static_cast<std::int64_t>(rows.size());
  if (count == 0) return;
  QB_CHECK(batch_.open && norm.size() >= matrix.cols() && x.size() >= batch_.tokens() * matrix.cols());
  QB_CHECK(logits.size() >= count * matrix.rows());
  kernels::MatvecArguments a{};
  a.tokens = static_cast<std::int32_t>(count);
  a.x = own(x).data();
  a.x_rows = gather_rows(rows);
  a.norm = own(norm).data();
  a.rms_eps = rms_eps;
  a.y = own(logits).data();
  a.y_stride = matrix.rows();
  multiply(matrix, a);
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
