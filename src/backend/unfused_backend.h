#pragma once

#include <cstdint>
#include <memory>

#include "backend/passing_backend.h"
#include "backend/step_parts.h"

namespace qbench::backend {

/// A device whose fused steps are taken apart: each operation is a call of its own of the inner device's parts, with its result in memory.
/// Experts stay one step, and projections still add to the residual stream themselves.
class UnfusedBackend final : public PassingBackend {
 public:
  /// Error{kUnsupported} when the device offers no parts.
  explicit UnfusedBackend(Backend& inner);
  /// Owns the inner device.
  explicit UnfusedBackend(std::unique_ptr<Backend> inner);

  DeviceInfo device() const override;
  Paths paths_on() const override { return unfused(inner().paths_on()); }
  Paths take_paths_ran() override { return unfused(inner().take_paths_ran()); }
  void begin_step(const Batch& batch) override;
  void norm_qkv_rope_append(const AttentionInput& input, const Rope& rope, std::int64_t layer, const Buffer& x, Buffer& q,
                            KvCache& cache) override;
  void norm_gate_up(const Buffer& norm, float rms_eps, const Matrix& gate_up, const Buffer& x, Buffer& out) override;
  void norm_head(const Buffer& norm, float rms_eps, const Matrix& head, std::span<const std::int32_t> rows, const Buffer& x,
                 Buffer& logits) override;

 private:
  static Paths unfused(Paths paths) {
    paths.fusion = false;
    return paths;
  }
  Buffer& need(std::unique_ptr<Buffer>& buffer, std::int64_t numbers);

  std::unique_ptr<Backend> owned_;
  StepParts* parts_;
  std::int64_t tokens_ = 0;
  // One buffer for each place: a step that is queued may still read an earlier one when the next is written.
  std::unique_ptr<Buffer> attention_h_, qkv_, ffn_h_, both_, head_h_;
};

}  // namespace qbench::backend
