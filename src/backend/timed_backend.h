#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/passing_backend.h"
#include "backend/step_parts.h"

namespace qbench::backend {

/// What a timed pass recorded of all calls of one step.
struct StepTotal {
  std::string_view name;                ///< "attention", "output projection", ...
  std::int64_t calls = 0;
  std::optional<std::int64_t> time_ns;  ///< nothing where the device's times mean nothing
  StepCost cost;
};

/// A device that times each step of the inner one, and counts what it moves: a stamp before and one behind each call. Steps are told apart by
/// their place: a projection behind attention is the output projection. Over a device whose parts are called (UnfusedBackend around this
/// one) these are the rows. For passes of their own: nothing here is part of a timed repetition.
class TimedBackend final : public PassingBackend, public StepParts {
 public:
  /// Error{kUnsupported} when the device has no stopwatch. `stamps` false: it only watches which paths run, and leaves them as they are.
  explicit TimedBackend(Backend& inner, bool stamps = true);
  ~TimedBackend() override { stop(); }
  TimedBackend(const TimedBackend&) = delete;
  TimedBackend& operator=(const TimedBackend&) = delete;

  static constexpr std::int64_t kOnePhase = INT64_MAX;
  /// From now on steps are recorded. The first `first_phase_steps` begun ones are a phase of their own.
  void start(std::int64_t first_phase_steps);
  /// Steps pass by again, as the device likes them (as graphs).
  void stop();
  /// The steps between start and stop, of the first phase and of what came after, in the order in which they first ran; waits for the device.
  std::vector<std::vector<StepTotal>> take();
  /// Which paths ran in the first phase and in what came after, in describe_paths' words. After stop().
  std::array<std::string, 2> take_paths();
  /// When each read() of the pass had its numbers, by the host's clock. Forgets them.
  std::vector<std::int64_t> take_read_ns() { return std::exchange(read_ns_, {}); }
  /// Whether the device's times mean something.
  bool times() const noexcept { return times_; }

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
  StepParts* parts() override { return inner().parts() == nullptr ? nullptr : this; }

  void rms_norm(const Buffer& norm, float rms_eps, std::int64_t cols, std::span<const std::int32_t> rows, const Buffer& x, Buffer& h) override;
  void project(const Matrix& w, std::int64_t rows, const Buffer& h, Buffer& out) override;
  void add_bias(const AttentionInput& input, Buffer& qkv) override;
  void norm_heads(const AttentionInput& input, Buffer& qkv) override;
  void rotate_heads(const AttentionInput& input, const Rope& rope, const KvCache& cache, Buffer& qkv) override;
  void append(const AttentionInput& input, std::int64_t layer, const Buffer& qkv, Buffer& q, KvCache& cache) override;
  void silu_mul(std::int64_t ffn, const Buffer& both, Buffer& out) override;

 private:
  /// What ran last, as far as the name of the next step depends on it.
  enum class Place { kAttentionInput, kAttention, kFfnInput, kFfn, kHead };
  template <class Call>
  void timed(const char* name, Call&& call);
  std::size_t index_of(const char* name);
  void collect();

  std::unique_ptr<StepClock> clock_;
  StepCost cost_;
  Place place_ = Place::kAttentionInput;
  bool running_ = false;
  bool times_;
  std::int64_t first_phase_steps_ = kOnePhase;
  std::int64_t steps_ = 0;         ///< begun since start
  std::size_t phase_begin_ = 0;    ///< of the phase that runs, in totals_
  std::size_t second_begin_ = 0;   ///< of the second phase, once it has begun
  std::array<Paths, 2> ran_;
  std::vector<std::int64_t> read_ns_;
  std::vector<StepTotal> totals_;
  std::vector<std::size_t> pending_;  ///< into totals_, for each pair of stamps that has not been read
};

}  // namespace qbench::backend
