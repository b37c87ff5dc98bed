#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/cuda_blas_tuner.h"
#include "backend/cuda/cuda_limits.h"
#include "backend/cuda/cuda_step_graph.h"
#include "backend/cuda/cuda_storage.h"
#include "backend/step_parts.h"
#include "kernels/cuda/runtime.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

/// From so many tokens of a sequence on, attention's tensor cores, which compute whole tiles, do less work than a launch for single tokens.
constexpr std::int64_t kFewestTileTokens = 16;

/// Work memory that the library of matrix products may use: what its documentation recommends for Hopper.
constexpr std::uint64_t kBlasWorkspaceBytes = std::uint64_t{32} << 20;

/// The batch between begin_step and end_step, on the host for checks and on the device for kernels.
struct CudaBatch {
  bool open = false;
  std::vector<std::int32_t> ids, positions, sequences;
  std::int32_t most_position = 0;
  std::int32_t most_sequence = 0;
  std::int64_t longest_run = 0;  ///< most tokens of one sequence
  const std::int32_t* device_ids = nullptr;        // (tokens)
  const std::int32_t* device_positions = nullptr;  // (tokens)
  const std::int32_t* device_sequences = nullptr;  // (tokens)
  std::vector<kernels::PrefillTile> tiles;         ///< the tokens as runs of one sequence
  const kernels::PrefillTile* device_tiles = nullptr;
  std::int32_t tokens() const noexcept { return static_cast<std::int32_t>(ids.size()); }
};

/// cos and sin of every position of a cache, computed in double once: a step then depends on nothing that the host computes for it.
struct RopeTable {
  Rope rope;
  std::int64_t positions = 0;
  kernels::DeviceMemory cos, sin;  // (positions, rotary_dim / 2)
};

/// Where the experts of one layer lie.
struct ExpertTable {
  std::vector<std::uint64_t> ids;  ///< of the matrices, by which a table is recognised
  kernels::DeviceMemory pointers;  // (experts) ExpertPointers
};

/// What a step that the device feeds itself takes its tokens from.
struct FedRows {
  const std::int32_t* ids;        // (count) device
  const std::int32_t* positions;  // (count) device
  const std::int32_t* slots;      // (count) device
  std::span<const std::int32_t> sequences;  // (count) the slots, on the host
  std::int32_t last_position;     ///< positions stay at or below it
};

/// A CUDA device: each step is one kernel or, for experts, three. Calls only gather launches; end_step() and read() submit them, read()
/// waits.
class CudaBackend final : public Backend, public StepParts {
 public:
  explicit CudaBackend(const CudaOptions& options);

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
  MachineLimits measure_limits() override;
  std::unique_ptr<TokenLoop> make_token_loop(std::int64_t sequences, std::int64_t vocab) override;

  // For the backend's token loops.
  void begin_fed_step(const FedRows& rows);
  void report_late_failure();
  kernels::Stream& stream() noexcept { return stream_; }
  StepGraph& graph() noexcept { return graph_; }
  bool programmatic() const noexcept { return programmatic_; }

  void use_paths(const Paths& paths) override;
  Paths paths_on() const override;
  Paths take_paths_ran() override;
  std::shared_ptr<MemoryAccount> memory_account() const override { return memory_; }
  void forget_study(std::uint64_t peak) override;
  StepParts* parts() override { return this; }
  std::unique_ptr<StepClock> make_step_clock() override;
  void count_costs(StepCost* into) override;

  void rms_norm(const Buffer& norm, float rms_eps, std::int64_t cols, std::span<const std::int32_t> rows, const Buffer& x, Buffer& h) override;
  void project(const Matrix& w, std::int64_t rows, const Buffer& h, Buffer& out) override;
  void add_bias(const AttentionInput& input, Buffer& qkv) override;
  void norm_heads(const AttentionInput& input, Buffer& qkv) override;
  void rotate_heads(const AttentionInput& input, const Rope& rope, const KvCache& cache, Buffer& qkv) override;
  void append(const AttentionInput& input, std::int64_t layer, const Buffer& qkv, Buffer& q, KvCache& cache) override;
  void silu_mul(std::int64_t ffn, const Buffer& both, Buffer& out) override;

 private:
  void materialised_attention(const AttentionInput& input, std::int32_t window, std::int64_t layer, const Buffer& q, const CudaKvCache& cache,
                              Buffer& out);
  /// Row numbers of a step on the device; launches that read earlier ones are submitted first.
  const std::int32_t* gather_rows(std::span<const std::int32_t> rows);
  void finish_uploads();
  void route(const kernels::RouterArguments& r);
  void run_slots(const ExpertInput& input, const kernels::RouterArguments& routed, const kernels::ExpertPointers* table, float* x);
  void run_groups(const ExpertInput& input, const kernels::RouterArguments& routed, const kernels::ExpertPointers* table, float* x);
  const RopeTable& rope_table(const Rope& rope, std::int64_t positions);
  const kernels::ExpertPointers* expert_table(const ExpertInput& input);
  /// Whether tensor cores multiply weights of this type with so many tokens.
  bool multiplies_tiles(const kernels::WeightRows& w, std::int64_t tokens) const;
  /// Whether a step of several tokens reads this matrix once for several of them: then the products are steps of their own.
  bool shares_weights(const CudaMatrix& matrix, std::int64_t tokens) const;
  /// Returns whether `bias` (rows of the matrix, or nullptr) was added.
  bool multiply(const CudaMatrix& matrix, kernels::MatvecArguments arguments, const float* bias = nullptr);
  const unsigned short* prepare(const kernels::MatvecArguments& a, std::int64_t cols, bool f16);
  void multiply_tiles(const kernels::MatmulArguments& m);
  bool multiply_blas(const kernels::MatmulArguments& m, const float* bias);
  std::optional<double> time_product(kernels::BlasArguments a);
  /// Work memory of at least `numbers` of T; launches that name the old one are submitted before it goes.
  template <class T>
  T* need(WorkArea& area, std::int64_t numbers) {
    if (static_cast<std::size_t>(numbers) * sizeof(T) > area.bytes()) graph_.submit();
    return area.need<T>(numbers);
  }
  unsigned* need(Tickets& tickets, std::int64_t count) {
    if (count > tickets.count()) graph_.submit();
    return tickets.need(count, stream_);
  }

  /// Error{kUnsupported} when an activation row does not fit in shared memory `times` over.
  void check_staged(const kernels::WeightRows& rows, std::int64_t times = 1) const;
  std::int64_t shared_limit() const { return kernels::shared_limit(properties_.shared_bytes_per_block); }

  std::shared_ptr<MemoryAccount> memory_;
  kernels::Device device_;
  kernels::DeviceProperties properties_;
  kernels::Stream stream_;
  Paths paths_;
  bool programmatic_;
  int load_threads_;
  std::unique_ptr<Uploader> uploader_;  ///< while weights are loaded
  std::unique_ptr<kernels::Blas> blas_;  ///< nullptr: the library is not there
  std::unique_ptr<BlasTuner> tuner_;
  StepGraph graph_;
  CudaBatch batch_;
  bool head_gathered_ = false;  ///< since begin_step or the last norm_head that was submitted
  std::exception_ptr late_failure_;
  std::uint64_t next_matrix_ = 1;
  WeightArena arena_{properties_.page_bytes};
  std::vector<std::unique_ptr<RopeTable>> ropes_;
  std::vector<ExpertTable> expert_tables_;
  WorkArea batch_area_, tile_area_, prepared_, rows_area_, raw_, partial_, both_, logits_, expert_ids_, expert_weights_, middle_;
  WorkArea group_rows_, group_tiles_, group_both_, group_out_, scores_;
  WorkArea few_partial_, blas_workspace_, dequantised_;
  Tickets head_tickets_, split_tickets_, router_tickets_, few_tickets_;
};

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
