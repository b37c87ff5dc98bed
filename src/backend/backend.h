#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/machine_limits.h"
#include "backend/paths.h"
#include "backend/step_meter.h"
#include "backend/token_loop.h"
#include "base/memory_account.h"
#include "tensor/dtype.h"
#include "tensor/row_source.h"

namespace qbench::backend {

/// Name of the device that executes the CUDA kernels on the host. It checks what they compute; how long it takes says nothing.
inline constexpr std::string_view kEmulatedDevice = "cuda-emulated";

struct DeviceInfo {
  DeviceKind kind = DeviceKind::kCpu;
  std::string name;             ///< "cpu", "cuda:0": what --device took and result rows say as device_effective
  std::string description;      ///< processor or GPU model
  std::string instruction_sets; ///< "avx512 (vnni, bf16)", "sm_90a"
  std::string attention_path;   ///< "flash (tiled, online softmax, f32 accumulation)"
  int threads = 1;              ///< host threads that compute
  std::uint64_t memory_bytes = 0;       ///< that this process may use
  std::uint64_t memory_free_bytes = 0;  ///< now
  std::string pci_bus_id;       ///< of a GPU, by which NVML knows it; else empty
  std::string paths;            ///< what runs, in describe_paths' words: "flash, graph, fused, pdl"
};

/// A weight matrix on the device, possibly several row blocks stacked (q, k, v or gate, up), each in its own type.
class Matrix {
 public:
  virtual ~Matrix() = default;
  virtual std::int64_t rows() const = 0;
  virtual std::int64_t cols() const = 0;
  virtual std::uint64_t device_bytes() const = 0;
};

/// float32 numbers on the device: norm weights, biases, activations, logits.
class Buffer {
 public:
  virtual ~Buffer() = default;
  virtual std::int64_t size() const = 0;  ///< in numbers
};

/// Keys and values of all layers and sequences. Positions decide where a token's K and V go and how far a token sees, so the cache itself has
/// no length: writing a position again overwrites it.
class KvCache {
 public:
  virtual ~KvCache() = default;
  virtual std::uint64_t device_bytes() const = 0;
};

/// Which positions a sequence keeps: its first `sinks` and its latest `window` (StreamingLLM, arXiv 2309.17453, with the positions that the
/// tokens have in the text, not in the cache). A token at p sees positions <= p that are < sinks or > p - window.
struct KvPolicy {
  std::int64_t window = 0;  ///< 0: all
  std::int64_t sinks = 0;   ///< only with a window
  std::int64_t step = 1;    ///< most tokens of one sequence in one step: the ring holds as many positions, less one, beyond its window
  bool operator==(const KvPolicy&) const = default;
};

struct KvCacheShape {
  std::int64_t layers, kv_heads, head_dim;
  std::int64_t sequences;   ///< slots
  std::int64_t positions;   ///< per slot
  tensor::DType dtype;      ///< kF32, kF16, kBF16, kFP8 (one scale for a head's numbers at a position) or kQ8_0 (head_dim % 32 == 0)
  KvPolicy policy = {};
};

/// Positions that a slot of such a cache has room for: `positions`, or sinks and a ring for window and step where that is less. A position p
/// behind the sinks lies at sinks + (p - sinks) % (kv_room - sinks); steps go on where the last one ended or start from 0.
constexpr std::int64_t kv_room(const KvPolicy& policy, std::int64_t positions) {
  if (policy.window <= 0 || policy.window >= positions) return positions;
  const std::int64_t ring = policy.sinks + policy.window + policy.step - 1;
  return ring < positions ? ring : positions;
}

/// Rotation angles, computed in double by the model: angle(position, j) = position * inverse_frequency[j], NeoX pairing (j, j + rotary_dim/2).
struct Rope {
  std::int64_t rotary_dim;                 ///< numbers of a head that rotate; the rest pass through
  std::vector<double> inverse_frequency;   ///< (rotary_dim / 2)
  double magnitude;                        ///< cos and sin are multiplied by this (YaRN's attention factor)
};

/// The tokens of one forward step. Tokens of one sequence stand in position order.
struct Batch {
  std::span<const std::int32_t> ids;        ///< (tokens)
  std::span<const std::int32_t> positions;  ///< (tokens)
  std::span<const std::int32_t> sequences;  ///< (tokens) cache slot
  std::int64_t tokens() const { return static_cast<std::int64_t>(ids.size()); }
};

struct AttentionInput {
  const Buffer* norm;        ///< (hidden)
  const Matrix* qkv;         ///< ((heads + 2 kv_heads) head_dim, hidden), rows q, k, v
  const Buffer* qkv_bias;    ///< ((heads + 2 kv_heads) head_dim) or nullptr
  const Buffer* q_norm;      ///< (head_dim) or nullptr
  const Buffer* k_norm;      ///< (head_dim) or nullptr
  std::int64_t heads, kv_heads, head_dim;
  float rms_eps;
};

struct ExpertInput {
  const Buffer* norm;                                ///< (hidden)
  const Matrix* router;                              ///< (experts, hidden)
  std::span<const std::unique_ptr<Matrix>> gate_up;  ///< one per expert: (2 expert_ffn, hidden), gate rows then up rows
  std::span<const std::unique_ptr<Matrix>> down;     ///< one per expert: (hidden, expert_ffn)
  std::int64_t used;                                 ///< experts per token
  bool renormalize;
  float rms_eps;
};

class StepParts;

/// A device. Steps are fused: a CUDA device runs each as about one kernel, the CPU composes it. All activations are float32 and row-major, one
/// row per token of the batch. Calls come from one thread, in order. Failures: Error{kMemory} when an allocation does not fit, {kDevice}
/// when the device fails, {kUnsupported} for a type or shape it does not do.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual DeviceInfo device() const = 0;
  /// What this object has allocated, by purpose. On the CPU of host memory, without what the system adds.
  virtual MemoryUse memory_use() const = 0;

  /// Stacks the parts' rows into one matrix in device memory, repacked where the kernels want it.
  virtual std::unique_ptr<Matrix> load_matrix(std::span<const tensor::RowSource* const> parts) = 0;
  virtual std::unique_ptr<Buffer> load_vector(std::span<const float> values) = 0;
  virtual std::unique_ptr<Buffer> allocate(std::int64_t numbers) = 0;
  virtual std::unique_ptr<KvCache> make_kv_cache(const KvCacheShape& shape) = 0;

  /// The steps between begin and end see this batch. A step that failed ends too; what the device finds out late, read() or the next
  /// begin_step() says.
  virtual void begin_step(const Batch& batch) = 0;
  virtual void end_step() noexcept = 0;

  /// x (tokens, hidden) = rows `ids` of the table.
  virtual void embed(const Matrix& table, Buffer& x) = 0;

  /// h = rmsnorm(x) * norm; [q k v] = h qkv^T + bias; q, k normalised per head where q_norm is set; RoPE on q and k;
  /// K and V go into `layer` of the cache; q (tokens, heads head_dim) comes back.
  virtual void norm_qkv_rope_append(const AttentionInput& input, const Rope& rope, std::int64_t layer, const Buffer& x, Buffer& q, KvCache& cache) = 0;

  /// out (tokens, heads head_dim) = softmax(q k^T / sqrt(head_dim)) v over the positions p of the token's sequence with
  /// p <= position and, where window > 0, p > position - window, as far as the cache's policy keeps them. Linear memory.
  virtual void attention(const AttentionInput& input, std::int64_t window, std::int64_t layer, const Buffer& q, const KvCache& cache, Buffer& out) = 0;

  /// x (tokens, rows) += in (tokens, cols) w^T: the output projection and the down projection.
  virtual void project_residual(const Matrix& w, const Buffer& in, Buffer& x) = 0;

  /// out (tokens, ffn) = silu(h gate^T) * (h up^T) with h = rmsnorm(x) * norm; gate_up (2 ffn, hidden).
  virtual void norm_gate_up(const Buffer& norm, float rms_eps, const Matrix& gate_up, const Buffer& x, Buffer& out) = 0;

  /// x += sum over the token's chosen experts of weight * down(silu(gate h) * up h), h = rmsnorm(x) * norm. Weights: float32 softmax over all
  /// experts, the `used` largest (ties to the lower index), renormalised where asked.
  virtual void norm_experts_residual(const ExpertInput& input, Buffer& x) = 0;

  /// logits (rows, vocab) = rmsnorm(x[token]) * norm head^T for the batch's tokens listed in `rows`.
  virtual void norm_head(const Buffer& norm, float rms_eps, const Matrix& head, std::span<const std::int32_t> rows, const Buffer& x, Buffer& logits) = 0;

  /// Copies numbers [first, first + to.size()) to the host, after everything before has run.
  virtual void read(const Buffer& from, std::int64_t first, std::span<float> to) = 0;

  /// Decoding that the device feeds itself, of up to `sequences` sequences; vocab: the rows of the head. nullptr where the device has none.
  virtual std::unique_ptr<TokenLoop> make_token_loop([[maybe_unused]] std::int64_t sequences, [[maybe_unused]] std::int64_t vocab) {
    return nullptr;
  }

  // What follows serves measurements; a device that has none of it keeps the defaults.

  /// Switches flash, graph and pdl from the next step on. What loading decided (repack, simd) stays, fusion is the wrapper's (unfused_backend.h).
  virtual void use_paths(const Paths&) {}
  /// The paths that are on here: not those that were asked for and this device or these weights do not have.
  virtual Paths paths_on() const { return {}; }
  /// The paths that the steps since the last call took; one that was on and had no part (a graph in a prompt) is off.
  virtual Paths take_paths_ran() { return paths_on(); }
  /// What counts this device's allocations, so that a copy of a model can be counted with it; nullptr where nothing does.
  virtual std::shared_ptr<MemoryAccount> memory_account() const { return nullptr; }
  /// Frees what only paths that were left out needed, and takes the peak of memory_use() back to `peak`.
  virtual void forget_study([[maybe_unused]] std::uint64_t peak) {}
  /// What this machine reaches at best; takes about a second.
  virtual MachineLimits measure_limits() { return {}; }
  /// The fused steps' parts one by one (step_parts.h); nullptr where the device has none.
  virtual StepParts* parts() { return nullptr; }
  /// A stopwatch between steps; nullptr where the device has none.
  virtual std::unique_ptr<StepClock> make_step_clock() { return nullptr; }
  /// From now on each step adds its cost to `into`, which outlives the steps; nullptr ends it.
  virtual void count_costs(StepCost*) {}
};

}  // namespace qbench::backend
