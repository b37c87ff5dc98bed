#include "backend/timed_backend.h"

#include <algorithm>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"

namespace qbench::backend {
namespace {

/// Calls after which marks are read and forgotten, at the next point where the device has been waited for anyway.
constexpr std::size_t kMostPending = 1 << 14;

}  // namespace

TimedBackend::TimedBackend(Backend& inner, bool stamps)
    : PassingBackend(inner), clock_(stamps ? inner.make_step_clock() : nullptr), times_(inner.device().kind != DeviceKind::kCudaEmulated) {
  if (stamps && !clock_) throw Error(ErrorCode::kUnsupported, "this device has no stopwatch for its steps", inner.device().name);
  pending_.reserve(2 * kMostPending);
}

void TimedBackend::start(std::int64_t first_phase_steps) {
  QB_CHECK(!running_);
  running_ = true;
  first_phase_steps_ = first_phase_steps;
  steps_ = 0;
  phase_begin_ = 0;
  second_begin_ = 0;
  totals_.clear();
  read_ns_.clear();
  inner().take_paths_ran();
  ran_ = {};
  if (!clock_) return;
  clock_->start();
  inner().count_costs(&cost_);
}

void TimedBackend::stop() {
  if (!running_) return;
  running_ = false;
  ran_[steps_ > first_phase_steps_ ? 1 : 0] = inner().take_paths_ran();
  if (!clock_) return;
  inner().count_costs(nullptr);
  clock_->stop();
}

std::array<std::string, 2> TimedBackend::take_paths() {
  const DeviceKind kind = device().kind;
  return {describe_paths(ran_[0], kind), describe_paths(ran_[1], kind)};
}

std::size_t TimedBackend::index_of(const char* name) {
  const auto first = totals_.begin() + static_cast<std::ptrdiff_t>(phase_begin_);
  const auto found = std::find_if(first, totals_.end(), [&](const StepTotal& total) { return total.name == std::string_view(name); });
  if (found != totals_.end()) return static_cast<std::size_t>(found - totals_.begin());
  totals_.push_back({name, 0, std::nullopt, {}});
  return totals_.size() - 1;
}

template <class Call>
void TimedBackend::timed(const char* name, Call&& call) {
  if (!running_ || !clock_) return call();
  const std::size_t at = index_of(name);
  cost_ = {};
  clock_->begin(name);
  call();
  clock_->end();
  StepTotal& total = totals_[at];
  ++total.calls;
  total.cost.bytes += cost_.bytes;
  total.cost.flops += cost_.flops;
  total.cost.launches += cost_.launches;
  pending_.push_back(at);
}

void TimedBackend::collect() {
  if (!clock_) return;
  const std::vector<std::int64_t> stamps = clock_->take_ns();
  QB_CHECK(stamps.empty() || stamps.size() == 2 * pending_.size());
  if (!stamps.empty()) {
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      std::optional<std::int64_t>& time_ns = totals_[pending_[i]].time_ns;
      time_ns = time_ns.value_or(0) + stamps[2 * i + 1] - stamps[2 * i];
    }
  }
  pending_.clear();
}

std::vector<std::vector<StepTotal>> TimedBackend::take() {
  collect();
  const auto cut = totals_.begin() + static_cast<std::ptrdiff_t>(second_begin_ > 0 ? second_begin_ : totals_.size());
  std::vector<std::vector<StepTotal>> phases{{totals_.begin(), cut}, {cut, totals_.end()}};
  totals_.clear();
  return phases;
}

void TimedBackend::embed(const Matrix& table, Buffer& x) {
  // Every step begins here, also one that the device feeds itself and that begin_step() does not see.
  place_ = Place::kAttentionInput;
  if (running_ && steps_++ == first_phase_steps_) {
    phase_begin_ = second_begin_ = totals_.size();
    ran_[0] = inner().take_paths_ran();
  }
  timed("embedding", [&] { inner().embed(table, x); });
}

void TimedBackend::norm_qkv_rope_append(const AttentionInput& input, const Rope& rope, std::int64_t layer, const Buffer& x, Buffer& q,
                                        KvCache& cache) {
  timed("norm+qkv+rope+append", [&] { inner().norm_qkv_rope_append(input, rope, layer, x, q, cache); });
}

void TimedBackend::attention(const AttentionInput& input, std::int64_t window, std::int64_t layer, const Buffer& q, const KvCache& cache,
                             Buffer& out) {
  timed("attention", [&] { inner().attention(input, window, layer, q, cache, out); });
  place_ = Place::kAttention;
}

void TimedBackend::project_residual(const Matrix& w, const Buffer& in, Buffer& x) {
  timed(place_ == Place::kAttention ? "output projection" : "down projection", [&] { inner().project_residual(w, in, x); });
  place_ = place_ == Place::kAttention ? Place::kFfnInput : Place::kAttentionInput;
}

void TimedBackend::norm_gate_up(const Buffer& norm, float rms_eps, const Matrix& gate_up, const Buffer& x, Buffer& out) {
  timed("norm+gate/up+silu", [&] { inner().norm_gate_up(norm, rms_eps, gate_up, x, out); });
  place_ = Place::kFfn;
}

void TimedBackend::norm_experts_residual(const ExpertInput& input, Buffer& x) {
  timed("norm+router+experts", [&] { inner().norm_experts_residual(input, x); });
  place_ = Place::kAttentionInput;
}

void TimedBackend::norm_head(const Buffer& norm, float rms_eps, const Matrix& head, std::span<const std::int32_t> rows, const Buffer& x,
                             Buffer& logits) {
  timed("norm+head", [&] { inner().norm_head(norm, rms_eps, head, rows, x, logits); });
}

void TimedBackend::read(const Buffer& from, std::int64_t first, std::span<float> to) {
  timed("copy of logits", [&] { inner().read(from, first, to); });
  if (running_) read_ns_.push_back(now_ns());
  if (pending_.size() > kMostPending) collect();  // the device has just been waited for
}

void TimedBackend::rms_norm(const Buffer& norm, float rms_eps, std::int64_t cols, std::span<const std::int32_t> rows, const Buffer& x,
                            Buffer& h) {
  if (!rows.empty()) place_ = Place::kHead;  // only the head normalises chosen tokens
  timed("norm", [&] { inner().parts()->rms_norm(norm, rms_eps, cols, rows, x, h); });
}

void TimedBackend::project(const Matrix& w, std::int64_t rows, const Buffer& h, Buffer& out) {
  timed(place_ == Place::kHead ? "head" : place_ == Place::kFfnInput ? "gate/up" : "qkv",
        [&] { inner().parts()->project(w, rows, h, out); });
}

void TimedBackend::add_bias(const AttentionInput& input, Buffer& qkv) {
  timed("bias", [&] { inner().parts()->add_bias(input, qkv); });
}

void TimedBackend::norm_heads(const AttentionInput& input, Buffer& qkv) {
  timed("qk-norm", [&] { inner().parts()->norm_heads(input, qkv); });
}

void TimedBackend::rotate_heads(const AttentionInput& input, const Rope& rope, const KvCache& cache, Buffer& qkv) {
  timed("rope", [&] { inner().parts()->rotate_heads(input, rope, cache, qkv); });
}

void TimedBackend::append(const AttentionInput& input, std::int64_t layer, const Buffer& qkv, Buffer& q, KvCache& cache) {
  timed("append", [&] { inner().parts()->append(input, layer, qkv, q, cache); });
}

void TimedBackend::silu_mul(std::int64_t ffn, const Buffer& both, Buffer& out) {
  timed("silu", [&] { inner().parts()->silu_mul(ffn, both, out); });
  place_ = Place::kFfn;
}

}  // namespace qbench::backend
