#pragma once

#include <memory>
#include <span>

#include "backend/backend.h"

namespace qbench::backend {

/// A device that passes everything on to another, which outlives it: the base of what stands between a model and its device.
class PassingBackend : public Backend {
 public:
  explicit PassingBackend(Backend& inner) : inner_(&inner) {}

  DeviceInfo device() const override { return inner_->device(); }
  std::unique_ptr<Matrix> load_matrix(std::span<const tensor::RowSource* const> parts) override { return inner_->load_matrix(parts); }
  std::unique_ptr<Buffer> load_vector(std::span<const float> values) override { return inner_->load_vector(values); }
  std::unique_ptr<Buffer> allocate(std::int64_t numbers) override { return inner_->allocate(numbers); }
  MemoryUse memory_use() const override { return inner_->memory_use(); }
  std::unique_ptr<KvCache> make_kv_cache(const KvCacheShape& shape) override { return inner_->make_kv_cache(shape); }
  void begin_step(const Batch& batch) override { inner_->begin_step(batch); }
  void end_step() noexcept override { inner_->end_step(); }
  void embed(const Matrix& table, Buffer& x) override { inner_->embed(table, x); }
  void norm_qkv_rope_append(const AttentionInput& input, const Rope& rope, std::int64_t layer, const Buffer& x, Buffer& q,
                            KvCache& cache) override {
    inner_->norm_qkv_rope_append(input, rope, layer, x, q, cache);
  }
  void attention(const AttentionInput& input, std::int64_t window, std::int64_t layer, const Buffer& q, const KvCache& cache,
                 Buffer& out) override {
    inner_->attention(input, window, layer, q, cache, out);
  }
  void project_residual(const Matrix& w, const Buffer& in, Buffer& x) override { inner_->project_residual(w, in, x); }
  void norm_gate_up(const Buffer& norm, float rms_eps, const Matrix& gate_up, const Buffer& x, Buffer& out) override {
    inner_->norm_gate_up(norm, rms_eps, gate_up, x, out);
  }
  void norm_experts_residual(const ExpertInput& input, Buffer& x) override { inner_->norm_experts_residual(input, x); }
  void norm_head(const Buffer& norm, float rms_eps, const Matrix& head, std::span<const std::int32_t> rows, const Buffer& x,
                 Buffer& logits) override {
    inner_->norm_head(norm, rms_eps, head, rows, x, logits);
  }
  void read(const Buffer& from, std::int64_t first, std::span<float> to) override { inner_->read(from, first, to); }
  void use_paths(const Paths& paths) override { inner_->use_paths(paths); }
  Paths paths_on() const override { return inner_->paths_on(); }
  Paths take_paths_ran() override { return inner_->take_paths_ran(); }
  std::shared_ptr<MemoryAccount> memory_account() const override { return inner_->memory_account(); }
  void forget_study(std::uint64_t peak) override { inner_->forget_study(peak); }
  MachineLimits measure_limits() override { return inner_->measure_limits(); }
  StepParts* parts() override { return inner_->parts(); }
  std::unique_ptr<StepClock> make_step_clock() override { return inner_->make_step_clock(); }
  void count_costs(StepCost* into) override { inner_->count_costs(into); }

 protected:
  Backend& inner() const noexcept { return *inner_; }

 private:
  Backend* inner_;
};

}  // namespace qbench::backend
