#include "backend/unfused_backend.h"

#include "base/error.h"

namespace qbench::backend {
namespace {

StepParts* parts_of(Backend& device) {
  StepParts* parts = device.parts();
  if (parts == nullptr) throw Error(ErrorCode::kUnsupported, "this device does not offer the parts of its fused steps", device.device().name);
  return parts;
}

}  // namespace

UnfusedBackend::UnfusedBackend(Backend& inner) : PassingBackend(inner), parts_(parts_of(inner)) {}

UnfusedBackend::UnfusedBackend(std::unique_ptr<Backend> inner) : PassingBackend(*inner), owned_(std::move(inner)), parts_(parts_of(*owned_)) {}

DeviceInfo UnfusedBackend::device() const {
  DeviceInfo info = inner().device();
  const std::size_t at = info.paths.find("fused");
  if (at != std::string::npos) info.paths.insert(at, "un");
  return info;
}

void UnfusedBackend::begin_step(const Batch& batch) {
  tokens_ = batch.tokens();
  inner().begin_step(batch);
}

/// Grows like a work area of the device: to what the largest step so far needs.
Buffer& UnfusedBackend::need(std::unique_ptr<Buffer>& buffer, std::int64_t numbers) {
  if (!buffer || buffer->size() < numbers) {
    if (buffer) {
      float waited = 0.0F;
      inner().read(*buffer, 0, {&waited, 1});  // launches that name the old one have run
    }
    buffer.reset();
    buffer = inner().allocate(numbers);
  }
  return *buffer;
}

void UnfusedBackend::norm_qkv_rope_append(const AttentionInput& input, const Rope& rope, std::int64_t layer, const Buffer& x, Buffer& q,
                                          KvCache& cache) {
  Buffer& h = need(attention_h_, tokens_ * input.qkv->cols());
  Buffer& qkv = need(qkv_, tokens_ * input.qkv->rows());
  parts_->rms_norm(*input.norm, input.rms_eps, input.qkv->cols(), {}, x, h);
  parts_->project(*input.qkv, tokens_, h, qkv);
  if (input.qkv_bias != nullptr) parts_->add_bias(input, qkv);
  if (input.q_norm != nullptr || input.k_norm != nullptr) parts_->norm_heads(input, qkv);
  parts_->rotate_heads(input, rope, cache, qkv);
  parts_->append(input, layer, qkv, q, cache);
}

void UnfusedBackend::norm_gate_up(const Buffer& norm, float rms_eps, const Matrix& gate_up, const Buffer& x, Buffer& out) {
  Buffer& h = need(ffn_h_, tokens_ * gate_up.cols());
  Buffer& both = need(both_, tokens_ * gate_up.rows());
  parts_->rms_norm(norm, rms_eps, gate_up.cols(), {}, x, h);
  parts_->project(gate_up, tokens_, h, both);
  parts_->silu_mul(gate_up.rows() / 2, both, out);
}

void UnfusedBackend::norm_head(const Buffer& norm, float rms_eps, const Matrix& head, std::span<const std::int32_t> rows, const Buffer& x,
                               Buffer& logits) {
  if (rows.empty()) return;
  const auto count = static_cast<std::int64_t>(rows.size());
  Buffer& h = need(head_h_, count * head.cols());
  parts_->rms_norm(norm, rms_eps, head.cols(), rows, x, h);
  parts_->project(head, count, h, logits);
}

}  // namespace qbench::backend
