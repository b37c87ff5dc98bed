#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/cpu_batch.h"
#include "backend/cpu/cpu_context.h"
#include "backend/cpu/cpu_storage.h"
#include "backend/host_clock.h"
#include "backend/step_parts.h"

namespace qbench::backend {

/// The CPU device: each step is one parallel region with barriers inside. Work areas grow between regions, so a repeated step of the same
/// size allocates nothing.
class CpuBackend final : public Backend, public StepParts {
 public:
  CpuBackend(int threads, kernels::cpu::Isa isa, kernels::cpu::CpuFeatures features, const Paths& paths,
             std::shared_ptr<MemoryAccount> memory);

  DeviceInfo device() const override;
  MemoryUse memory_use() const override { return memory_->use(); }
  std::unique_ptr<Matrix> load_matrix(std::span<const tensor::RowSource* const> parts) override;
  std::unique_ptr<Buffer> load_vector(std::span<const float> values) override;
  std::unique_ptr<Buffer> allocate(std::int64_t numbers) override;
  std::unique_ptr<KvCache> make_kv_cache(const KvCacheShape& shape) override;
  void begin_step(const Batch& batch) override;
  void end_step() noexcept override;
  void embed(const Matrix& table, Buffer& x) override;
  void norm_qkv_rope_append(const AttentionInput& input, const Rope& rope, std::int64_t layer, const Buffer& x, Buffer& q,
                            KvCache& cache) override;
  void attention(const AttentionInput& input, std::int64_t window, std::int64_t layer, const Buffer& q, const KvCache& cache,
                 Buffer& out) override;
  void project_residual(const Matrix& w, const Buffer& in, Buffer& x) override;
  void norm_gate_up(const Buffer& norm, float rms_eps, const Matrix& gate_up, const Buffer& x, Buffer& out) override;
  void norm_experts_residual(const ExpertInput& input, Buffer& x) override;
  void norm_head(const Buffer& norm, float rms_eps, const Matrix& head, std::span<const std::int32_t> rows, const Buffer& x,
                 Buffer& logits) override;
  void read(const Buffer& from, std::int64_t first, std::span<float> to) override;
  void use_paths(const Paths& paths) override { paths_.flash = paths.flash; }
  Paths paths_on() const override;
  std::shared_ptr<MemoryAccount> memory_account() const override { return memory_; }
  void forget_study(std::uint64_t peak) override;
  MachineLimits measure_limits() override;
  StepParts* parts() override { return this; }
  std::unique_ptr<StepClock> make_step_clock() override { return std::make_unique<HostClock>(); }
  void count_costs(StepCost* into) override { cost_ = into; }

  void rms_norm(const Buffer& norm, float rms_eps, std::int64_t cols, std::span<const std::int32_t> rows, const Buffer& x, Buffer& h) override;
  void project(const Matrix& w, std::int64_t rows, const Buffer& h, Buffer& out) override;
  void add_bias(const AttentionInput& input, Buffer& qkv) override;
  void norm_heads(const AttentionInput& input, Buffer& qkv) override;
  void rotate_heads(const AttentionInput& input, const Rope& rope, const KvCache& cache, Buffer& qkv) override;
  void append(const AttentionInput& input, std::int64_t layer, const Buffer& qkv, Buffer& q, KvCache& cache) override;
  void silu_mul(std::int64_t ffn, const Buffer& both, Buffer& out) override;

 private:
  /// The tokens that chose one expert: rows [first, first + count) of the grouped arrays.
  struct ExpertGroup {
    std::int64_t expert, first, count;
    std::int64_t input_offset[kInputKinds];  ///< of its prepared input, in bytes
    std::int64_t middle_offset;              ///< of its prepared down input
  };
  struct ExpertWork;

  void finish_heads(const AttentionInput& input, const Rope& rope, const RopeTable& table, std::int64_t layer, float* q, CpuKvCache& cache,
                    int thread);
  kernels::cpu::AttentionTask task_of(const AttentionInput& input, const AttentionPiece& piece, std::int64_t layer,
                                      const float* q, const CpuKvCache& cache, float* out) const;
  void materialised_attention(const AttentionInput& input, std::int64_t window, std::int64_t layer, const Buffer& q, const CpuKvCache& cache,
                              Buffer& out);
  template <class Body>
  void for_each_unit(std::int64_t count, const Body& body);
  /// Adds what `cost()` says where somebody counts.
  template <class Cost>
  void count(const Cost& cost) {
    if (cost_ == nullptr) return;
    const StepCost more = cost();
    cost_->bytes += more.bytes;
    cost_->flops += more.flops;
    cost_->launches += more.launches;
  }
  StepCost experts_cost(const ExpertInput& input) const;
  void run_piece(const AttentionInput& input, const AttentionPiece& piece, std::int64_t layer, const float* q,
                 const CpuKvCache& cache, float* out, float* scratch) const;
  void gate_up_share(const CpuMatrix& gate_up, const PreparedInput& input, std::int64_t tokens, float* both, float* out, int thread);
  void route(const ExpertInput& input, const float* x);
  void group_by_expert(const ExpertInput& input);
  void prepare_grouped(const ExpertInput& input, const ExpertWork& work, int thread);
  void run_experts(const ExpertInput& input, const ExpertWork& work, float* x, int thread);

  std::shared_ptr<MemoryAccount> memory_;
  CpuContext context_;
  Paths paths_;
  bool repacks_ = false;      ///< a matrix that was laid out anew: some types stay as the file has them
  StepCost* cost_ = nullptr;  ///< where somebody counts
  InputStage stage_;
  CpuBatch batch_;
  WorkArea rows_;  ///< outputs of a stacked product before its epilogue
  WorkArea attention_scratch_;
  WorkArea partials_;
  WorkArea scores_;  ///< of attention with all scores in memory
  WorkArea expert_inputs_, expert_both_, expert_middle_, expert_prepared_, expert_out_, expert_logits_;
  std::atomic<std::int64_t> next_piece_{0};
  std::array<std::atomic<std::int64_t>, 3> next_materialised_{};
  std::vector<std::int32_t> expert_ids_;      ///< (tokens, used)
  std::vector<float> expert_weights_;         ///< (tokens, used)
  std::vector<std::int32_t> grouped_tokens_;  ///< (tokens used), expert after expert
  std::vector<std::int64_t> grouped_row_;     ///< (tokens, used): where in grouped_tokens_
  std::vector<std::int64_t> next_grouped_row_;
  std::vector<ExpertGroup> groups_;
};

}  // namespace qbench::backend
