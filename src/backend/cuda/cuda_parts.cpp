#include <algorithm>

#include "backend/cuda/cuda_backend_impl.h"
#include "base/check.h"
#include "base/error.h"
#include "kernels/cuda/attention_materialised.h"
#include "kernels/cuda/unfused.h"

// The alternative ways: attention with all scores in memory (Paths::flash off) and the fused steps' operations one by one (Paths::fusion off).

namespace qbench::backend::QB_CUDA_NAMESPACE {

void CudaBackend::materialised_attention(const AttentionInput& input, std::int32_t window, std::int64_t layer, const Buffer& q,
                                         const CudaKvCache& cache, Buffer& out) {
  if (!kernels::materialised_reads(cache.layout())) {
    throw Error(ErrorCode::kUnsupported, "attention with all scores in memory does not read this type of cache; leave flash on", "cuda");
  }
  if (cache.shape().policy.window > 0) {
    throw Error(ErrorCode::kUnsupported, "attention with all scores in memory reads no cache that keeps a window (--kv-window); leave flash on", "cuda");
  }
  const std::int64_t tokens = batch_.tokens();
  kernels::AttentionMaterialisedArguments a{};
  a.q = own(q).data();
  a.cache = cache.data();
  a.layout = cache.layout();
  a.layer = static_cast<std::int32_t>(layer);
  a.positions = batch_.device_positions;
  a.sequences = batch_.device_sequences;
  a.tokens = batch_.tokens();
  a.heads = static_cast<std::int32_t>(input.heads);
  a.window = window;
  a.scores = need<float>(scores_, tokens * input.heads * cache.shape().positions);
  a.out = own(out).data();
  a.programmatic = programmatic_;
  graph_.add(kernels::AttentionScoresArguments{a});
  graph_.add(kernels::AttentionSoftmaxArguments{a});
  graph_.add(kernels::AttentionValuesArguments{a});
}

void CudaBackend::rms_norm(const Buffer& norm, float rms_eps, std::int64_t cols, std::span<const std::int32_t> rows, const Buffer& x,
                           Buffer& h) {
  const std::int64_t count = rows.empty() ? batch_.tokens() : static_cast<std::int64_t>(rows.size());
  QB_CHECK(batch_.open && norm.size() >= cols && x.size() >= batch_.tokens() * cols && h.size() >= count * cols);
  kernels::RmsNormArguments a{};
  a.x = own(x).data();
  if (!rows.empty()) a.x_rows = gather_rows(rows);
  a.norm = own(norm).data();
  a.rms_eps = rms_eps;
  a.tokens = static_cast<std::int32_t>(count);
  a.cols = static_cast<std::int32_t>(cols);
  a.h = own(h).data();
  a.programmatic = programmatic_;
  graph_.add(a);
}

void CudaBackend::project(const Matrix& w, std::int64_t rows, const Buffer& h, Buffer& out) {
  const CudaMatrix& matrix = own(w);
  QB_CHECK(batch_.open && h.size() >= rows * matrix.cols() && out.size() >= rows * matrix.rows());
  kernels::MatvecArguments a{};
  a.tokens = static_cast<std::int32_t>(rows);
  a.x = own(h).data();
  a.y = own(out).data();
  a.y_stride = matrix.rows();
  multiply(matrix, a);
}

void CudaBackend::add_bias(const AttentionInput& input, Buffer& qkv) {
  const std::int64_t cols = (input.heads + 2 * input.kv_heads) * input.head_dim;
  QB_CHECK(batch_.open && qkv.size() >= batch_.tokens() * cols);
  graph_.add(kernels::AddBiasArguments{data_or_null(input.qkv_bias, cols), batch_.tokens(), static_cast<std::int32_t>(cols),
                                       own(qkv).data(), programmatic_});
}

void CudaBackend::norm_heads(const AttentionInput& input, Buffer& qkv) {
  QB_CHECK(batch_.open && qkv.size() >= batch_.tokens() * (input.heads + 2 * input.kv_heads) * input.head_dim);
  kernels::NormHeadsArguments a{};
  a.q_norm = data_or_null(input.q_norm, input.head_dim);
  a.k_norm = data_or_null(input.k_norm, input.head_dim);
  a.rms_eps = input.rms_eps;
  a.tokens = batch_.tokens();
  a.heads = static_cast<std::int32_t>(input.heads);
  a.kv_heads = static_cast<std::int32_t>(input.kv_heads);
  a.head_dim = static_cast<std::int32_t>(input.head_dim);
  a.qkv = own(qkv).data();
  a.programmatic = programmatic_;
  graph_.add(a);
}

void CudaBackend::rotate_heads(const AttentionInput& input, const Rope& rope, const KvCache& cache, Buffer& qkv) {
  QB_CHECK(batch_.open && qkv.size() >= batch_.tokens() * (input.heads + 2 * input.kv_heads) * input.head_dim);
  QB_CHECK(batch_.most_position < own(cache).shape().positions && rope.rotary_dim <= input.head_dim);
  const RopeTable& table = rope_table(rope, own(cache).shape().positions);
  kernels::RotateHeadsArguments a{};
  a.positions = batch_.device_positions;
  a.rope_cos = table.cos.as<float>();
  a.rope_sin = table.sin.as<float>();
  a.tokens = batch_.tokens();
  a.heads = static_cast<std::int32_t>(input.heads);
  a.kv_heads = static_cast<std::int32_t>(input.kv_heads);
  a.head_dim = static_cast<std::int32_t>(input.head_dim);
  a.rotary_dim = static_cast<std::int32_t>(rope.rotary_dim);
  a.qkv = own(qkv).data();
  a.programmatic = programmatic_;
  graph_.add(a);
}

/// The second half of the fused step with nothing left to do but to copy.
void CudaBackend::append(const AttentionInput& input, std::int64_t layer, const Buffer& qkv, Buffer& q, KvCache& cache) {
  CudaKvCache& own_cache = own(cache);
  const std::int64_t numbers = (input.heads + 2 * input.kv_heads) * input.head_dim;
  QB_CHECK(batch_.open && qkv.size() >= batch_.tokens() * numbers && q.size() >= batch_.tokens() * input.heads * input.head_dim);
  QB_CHECK(own_cache.shape().kv_heads == input.kv_heads && own_cache.shape().head_dim == input.head_dim && layer >= 0 &&
           layer < own_cache.shape().layers);
  QB_CHECK(batch_.most_position < own_cache.shape().positions && batch_.most_sequence < own_cache.shape().sequences);
  QB_CHECK(own_cache.layout().ring == 0 || batch_.longest_run <= own_cache.shape().policy.step);
  kernels::QkvArguments a{};
  a.tokens = batch_.tokens();
  a.heads = static_cast<std::int32_t>(input.heads);
  a.kv_heads = static_cast<std::int32_t>(input.kv_heads);
  a.head_dim = static_cast<std::int32_t>(input.head_dim);
  a.positions = batch_.device_positions;
  a.sequences = batch_.device_sequences;
  a.rotary_dim = 0;
  a.raw = own(qkv).data();
  a.q = own(q).data();
  a.cache = own_cache.data();
  a.layout = own_cache.layout();
  a.layer = static_cast<std::int32_t>(layer);
  a.programmatic = programmatic_;
  graph_.add(kernels::QkvFinishArguments{a});
}

void CudaBackend::silu_mul(std::int64_t ffn, const Buffer& both, Buffer& out) {
  QB_CHECK(batch_.open && both.size() >= 2 * batch_.tokens() * ffn && out.size() >= batch_.tokens() * ffn);
  graph_.add(kernels::SiluMulArguments{own(both).data(), own(out).data(), static_cast<std::int32_t>(ffn), batch_.tokens(), programmatic_});
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
