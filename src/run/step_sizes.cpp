#include "run/step_sizes.h"

#include <algorithm>

#include "model/model.h"
#include "tensor/kv_bytes.h"

namespace qbench::run {
namespace {

constexpr std::int64_t kCudaDenseTokens = 2048;
constexpr std::int64_t kCudaExpertTokens = 4096;

/// Numbers of float32 for each token of a step, and of the logits, on the CPU.
std::uint64_t cpu_bytes(const formats::ModelConfig& config, std::int64_t tokens, std::int64_t batch) noexcept {
  const std::int64_t q_rows = config.heads * config.head_dim, kv_rows = config.kv_heads * config.head_dim;
  // The residual stream and its normalised copy; Q and what was attended, and QKV before RoPE; gate and up, and their product.
  std::int64_t numbers = 2 * config.hidden + 3 * q_rows + 2 * kv_rows + 3 * config.ffn;
  // Of each chosen expert gate and up, their product, that product prepared for the next matrix, and the outcome; the router's logits.
  if (config.experts > 0) numbers += config.experts_used * (4 * config.expert_ffn + config.hidden) + config.experts + config.hidden;
  const std::int64_t logit_rows = 2 * model::ModelOptions{}.max_logit_rows + batch;  // the model's, the scorer's, the session's
  return static_cast<std::uint64_t>(tokens * numbers + logit_rows * config.vocab) * sizeof(float);
}

std::uint64_t cuda_bytes(const formats::ModelConfig& config, std::int64_t tokens, std::int64_t batch, std::int64_t context) noexcept {
  const std::int64_t q_rows = config.heads * config.head_dim, kv_rows = config.kv_heads * config.head_dim;
  // Residual stream, its copy while products are timed; Q, what was attended; QKV before RoPE; gate and up, their product; the operand of
  // the tensor cores, in 16 bits, of the widest matrix.
  std::int64_t numbers = 2 * config.hidden + 3 * q_rows + 2 * kv_rows + 3 * config.ffn + std::max({config.hidden, q_rows, config.ffn}) / 2 + 64;
  // Of each chosen expert gate and up, their product, that in 16 bits, the outcome, its place; the router's logits.
  if (config.experts > 0) numbers += config.experts_used * (4 * config.expert_ffn + config.hidden + 64) + 2 * config.experts;
  const std::int64_t logit_rows = model::ModelOptions{}.max_logit_rows + 2 * batch;
  const std::int64_t rotation = context * config.head_dim;
  return static_cast<std::uint64_t>(tokens * numbers + logit_rows * config.vocab + rotation) * sizeof(float) + kCudaFixedWorkBytes;
}

}  // namespace

backend::DeviceKind kind_of_device(std::string_view name) noexcept {
  if (name == backend::kEmulatedDevice) return backend::DeviceKind::kCudaEmulated;
  return name.starts_with("cuda") ? backend::DeviceKind::kCuda : backend::DeviceKind::kCpu;
}

std::int64_t step_tokens(backend::DeviceKind kind, const formats::ModelConfig& config, std::int64_t batch) noexcept {
  std::int64_t tokens = model::ModelOptions{}.max_step_tokens;
  if (kind != backend::DeviceKind::kCpu) tokens = config.experts > 0 ? kCudaExpertTokens : kCudaDenseTokens;
  return std::max(tokens, batch);
}

std::uint64_t workspace_bytes(backend::DeviceKind kind, const formats::ModelConfig& config, std::int64_t batch, std::int64_t context) noexcept {
  const std::int64_t tokens = step_tokens(kind, config, batch);
  return kind == backend::DeviceKind::kCpu ? cpu_bytes(config, tokens, batch) : cuda_bytes(config, tokens, batch, context);
}

std::uint64_t kv_sequence_bytes(backend::DeviceKind kind, const formats::ModelConfig& config, tensor::DType dtype, std::int64_t room) noexcept {
  const std::int64_t head = kind == backend::DeviceKind::kCpu ? tensor::kv_tiled_bytes(dtype, config.head_dim, room)
                                                              : tensor::kv_planes_bytes(dtype, config.head_dim, room);
  const auto bytes = static_cast<unsigned __int128>(head) * static_cast<std::uint64_t>(config.layers * config.kv_heads);
  return bytes > UINT64_MAX ? UINT64_MAX : static_cast<std::uint64_t>(bytes);
}

}  // namespace qbench::run
