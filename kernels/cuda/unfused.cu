#include "kernels/cuda/unfused.h"

#include "kernels/cuda/matvec_rows.cuh"

// Block: 256 threads. rms_norm: a row of x; add_bias: 256 columns of a row; norm_heads and rotate_heads: a head. Bytes: inputs once, outputs
// once. Deterministic.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 2) rms_norm_kernel(RmsNormArguments a) {
  QB_SHARED(float, partial, kMatvecWarps);
  grid_dependency_wait();
  grid_dependency_trigger();
  const int token = block_x();
  const float* x = a.x + (a.x_rows != nullptr ? a.x_rows[token] : token) * static_cast<long long>(a.cols);
  float squares = 0.0F;
  for (int c = thread_x(); c < a.cols; c += kMatvecThreads) squares += x[c] * x[c];
  const float scale = block_rms_scale(squares, partial, a.cols, a.rms_eps);
  float* h = a.h + static_cast<long long>(token) * a.cols;
  for (int c = thread_x(); c < a.cols; c += kMatvecThreads) h[c] = x[c] * scale * a.norm[c];
}

QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 2) add_bias_kernel(AddBiasArguments a) {
  grid_dependency_wait();
  grid_dependency_trigger();
  const int c = block_x() * kMatvecThreads + thread_x();
  if (c < a.cols) a.x[static_cast<long long>(block_y()) * a.cols + c] += a.bias[c];
}

QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 2) norm_heads_kernel(NormHeadsArguments a) {
  QB_SHARED(float, partial, kMatvecWarps);
  grid_dependency_wait();
  grid_dependency_trigger();
  const int head = block_x();
  const float* norm = head < a.heads ? a.q_norm : a.k_norm;
  if (norm == nullptr) return;  // the whole block
  float* x = a.qkv + (static_cast<long long>(block_y()) * (a.heads + 2 * a.kv_heads) + head) * a.head_dim;
  float squares = 0.0F;
  for (int d = thread_x(); d < a.head_dim; d += kMatvecThreads) squares += x[d] * x[d];
  const float scale = block_rms_scale(squares, partial, a.head_dim, a.rms_eps);
  for (int d = thread_x(); d < a.head_dim; d += kMatvecThreads) x[d] = x[d] * scale * norm[d];
}

QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 2) rotate_heads_kernel(RotateHeadsArguments a) {
  grid_dependency_wait();
  grid_dependency_trigger();
  const int token = block_y();
  const int half = a.rotary_dim / 2;
  float* x = a.qkv + (static_cast<long long>(token) * (a.heads + 2 * a.kv_heads) + block_x()) * a.head_dim;
  const long long angles = static_cast<long long>(a.positions[token]) * half;
  for (int j = thread_x(); j < half; j += kMatvecThreads) {  // a thread reads and writes its own pair
    const float c = a.rope_cos[angles + j];
    const float s = a.rope_sin[angles + j];
    const float first = x[j];
    const float second = x[j + half];
    x[j] = first * c - second * s;
    x[j + half] = second * c + first * s;
  }
}

LaunchConfig config_of(unsigned grid_x, std::int32_t tokens, Stream& stream, bool programmatic, const char* name) {
  return {{grid_x, static_cast<unsigned>(tokens), 1}, kMatvecThreads, 0, stream, programmatic, name};
}

}  // namespace

void rms_norm(const RmsNormArguments& a, Stream& stream) {
  launch(config_of(static_cast<unsigned>(a.tokens), 1, stream, a.programmatic, "rms_norm"), (rms_norm_kernel), a);
}

void add_bias(const AddBiasArguments& a, Stream& stream) {
  const auto blocks = static_cast<unsigned>((a.cols + kMatvecThreads - 1) / kMatvecThreads);
  launch(config_of(blocks, a.tokens, stream, a.programmatic, "add_bias"), (add_bias_kernel), a);
}

void norm_heads(const NormHeadsArguments& a, Stream& stream) {
  launch(config_of(static_cast<unsigned>(a.heads + a.kv_heads), a.tokens, stream, a.programmatic, "norm_heads"), (norm_heads_kernel), a);
}

void rotate_heads(const RotateHeadsArguments& a, Stream& stream) {
  launch(config_of(static_cast<unsigned>(a.heads + a.kv_heads), a.tokens, stream, a.programmatic, "rotate_heads"), (rotate_heads_kernel), a);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
