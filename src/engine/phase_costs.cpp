#include "engine/phase_costs.h"

#include <algorithm>
#include <cmath>

#include "backend/timed_backend.h"
#include "base/error.h"

namespace qbench::engine {
namespace {

constexpr std::string_view kCopy = "copy of logits";  // to the host: no work of the model
constexpr std::int64_t kCountedSteps = 2;  // one alone would hide a mistake in how attention grows

struct Cost {
  double bytes = 0, flops = 0;
  void add(const backend::StepCost& cost, double times = 1.0) {
    bytes += static_cast<double>(cost.bytes) * times;
    flops += static_cast<double>(cost.flops) * times;
  }
};

/// Puts the model on the counting device until the scope ends.
class Counting {
 public:
  Counting(model::Model& model, backend::TimedBackend& counter) : model_(model), counter_(counter), before_(model.exchange_device(counter)) {
    counter_.start(backend::TimedBackend::kOnePhase);
  }
  ~Counting() {
    counter_.stop();
    model_.exchange_device(before_);
  }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

 private:
  model::Model& model_;
  backend::TimedBackend& counter_;
  backend::Backend& before_;
};

template <class Work>
std::vector<backend::StepTotal> count(model::Model& model, backend::TimedBackend& counter, const Work& work) {
  {
    const Counting counting(model, counter);
    work();
  }
  counter.take_read_ns();
  return std::move(counter.take()[0]);
}

/// Positions that the tokens at [first, first + steps) see, summed.
double seen(std::int64_t first, std::int64_t steps, std::int64_t window, std::int64_t sinks) {
  double sum = 0;
  for (std::int64_t p = first; p < first + steps; ++p) {
    const std::int64_t kept = window > 0 ? std::min(p + 1, window + sinks) : p + 1;
    sum += static_cast<double>(kept);
  }
  return sum;
}

/// Each step has one head. A device that feeds itself may have repeated the second one out of sight.
std::int64_t steps_of(const std::vector<backend::StepTotal>& steps) {
  for (const backend::StepTotal& step : steps) {
    if (step.name == "norm+head" && step.calls > 0) return step.calls;
  }
  throw Error(ErrorCode::kUnsupported, "the device's steps cannot be counted");
}

}  // namespace

PhaseCosts count_phase_costs(backend::Backend& device, Session& session, std::span<const std::vector<std::int32_t>> prompts,
                             std::int64_t output_tokens, std::int64_t kv_window, std::int64_t kv_sinks) {
  backend::TimedBackend counter(device);
  const auto sequences = static_cast<std::int64_t>(prompts.size());
  std::int64_t longest = 0;
  Cost prefill, decode;
  const auto fed = count(session.model(), counter, [&] {
    for (std::int64_t s = 0; s < sequences; ++s) session.feed(s, 0, prompts[static_cast<std::size_t>(s)]);
  });
  for (const backend::StepTotal& step : fed) {
    if (step.name != kCopy) prefill.add(step.cost);
  }
  for (const auto& prompt : prompts) longest = std::max(longest, static_cast<std::int64_t>(prompt.size()));

  // The steps begin where they have room; that they may be one or two positions early changes nothing after scaling.
  const std::int64_t first = std::min(longest, session.context() - kCountedSteps);
  if (first < 0) throw Error(ErrorCode::kUnsupported, "a context of one position has no decode steps to count");
  const std::vector<std::int32_t> ids(static_cast<std::size_t>(kCountedSteps * sequences), prompts[0][0]);
  const auto decoded = count(session.model(), counter, [&] { session.decode(ids, first, kCountedSteps); });
  const std::int64_t counted = steps_of(decoded);
  const auto steps = static_cast<double>(output_tokens - 1) / static_cast<double>(counted);
  double growth = 0;
  for (const auto& prompt : prompts) growth += seen(static_cast<std::int64_t>(prompt.size()), output_tokens - 1, kv_window, kv_sinks);
  growth /= seen(first, counted, kv_window, kv_sinks) * static_cast<double>(sequences);
  for (const backend::StepTotal& step : decoded) {
    if (step.name != kCopy) decode.add(step.cost, step.name == "attention" ? growth : steps);
  }
  const auto whole = [](double value) { return static_cast<std::int64_t>(std::llround(value)); };
  return {whole(prefill.bytes), whole(prefill.flops), whole(decode.bytes), whole(decode.flops)};
}

}  // namespace qbench::engine
