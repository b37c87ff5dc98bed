#include "engine/pass_study.h"

#include <algorithm>
#include <optional>

#include "backend/unfused_backend.h"
#include "base/clock.h"
#include "base/error.h"

namespace qbench::engine {
namespace {

void check_cancel(const std::atomic<bool>* cancel) {
  if (cancel != nullptr && cancel->load()) throw Error(ErrorCode::kInterrupted, "interrupted");
}

/// Puts the model on another device until the scope ends.
class OnDevice {
 public:
  OnDevice(model::Model& model, backend::Backend& device) : model_(model), before_(model.exchange_device(device)) {}
  ~OnDevice() { model_.exchange_device(before_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  model::Model& model_;
  backend::Backend& before_;
};

/// What the host did between getting a step's logits and knowing the tokens picked from them. Nothing where the device picks tokens itself.
std::optional<backend::StepTotal> sampling_step(const std::vector<std::int64_t>& logits_ns, const std::vector<std::int64_t>& token_ns) {
  if (logits_ns.empty() || logits_ns.size() != token_ns.size()) return std::nullopt;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < token_ns.size(); ++i) sum += token_ns[i] - logits_ns[i];
  return backend::StepTotal{"sampling", static_cast<std::int64_t>(token_ns.size()), sum, {}};
}

/// When the tokens of each step were known: first each sequence's first token, then the last of each decode step.
std::vector<std::int64_t> step_ends(const std::vector<Generation>& generations) {
  std::vector<std::int64_t> ends;
  std::size_t longest = 0;
  for (const Generation& g : generations) {
    ends.push_back(g.token_ns.front());
    longest = std::max(longest, g.token_ns.size());
  }
  for (std::size_t i = 1; i < longest; ++i) {
    std::int64_t last = 0;
    for (const Generation& g : generations) last = std::max(last, i < g.token_ns.size() ? g.token_ns[i] : 0);
    ends.push_back(last);
  }
  return ends;
}

std::int64_t prefill_steps(const Session& session, const GenerateRequest& request) {
  const std::int64_t chunk = session.chunk();
  std::int64_t steps = 0;
  for (std::size_t s = 0; s < request.prompts.size() && static_cast<std::int64_t>(s) < session.sequences(); ++s) {
    steps += (static_cast<std::int64_t>(request.prompts[s].size()) + chunk - 1) / chunk;
  }
  return steps;
}

void add_sampling(PhaseTime& phase, const std::vector<std::int64_t>& logits_ns, const std::vector<std::int64_t>& ends, std::size_t first,
                  std::size_t count, bool times) {
  if (logits_ns.size() != ends.size()) return;
  const auto part = [&](const std::vector<std::int64_t>& all) {
    return std::vector<std::int64_t>(all.begin() + static_cast<std::ptrdiff_t>(first), all.begin() + static_cast<std::ptrdiff_t>(first + count));
  };
  auto step = sampling_step(part(logits_ns), part(ends));
  if (!step) return;
  if (!times) step->time_ns.reset();
  phase.steps.push_back(*step);
}

std::vector<PhaseTime> run_generation(Session& session, const GenerateRequest& request, backend::TimedBackend* timed) {
  if (timed != nullptr) timed->start(prefill_steps(session, request));
  const std::vector<Generation> generations = session.generate(request);
  if (timed != nullptr) timed->stop();
  PhaseTime prefill{"prefill", 0, 0, {}};
  PhaseTime decode{"decode", 0, 0, {}};
  for (const Generation& g : generations) {
    if (g.stop_reason == StopReason::kInterrupted || g.token_ns.empty()) throw Error(ErrorCode::kInterrupted, "interrupted");
    prefill.tokens += g.prompt_tokens;
    decode.tokens += static_cast<std::int64_t>(g.token_ns.size()) - 1;
  }
  const std::vector<std::int64_t> ends = step_ends(generations);
  const std::size_t sequences = generations.size();
  const std::int64_t start_ns = generations.front().prefill_start_ns;
  const std::int64_t middle_ns = *std::max_element(ends.begin(), ends.begin() + static_cast<std::ptrdiff_t>(sequences));
  prefill.time_ns = middle_ns - start_ns;
  decode.time_ns = std::max(ends.back(), middle_ns) - middle_ns;
  if (timed != nullptr) {
    std::vector<std::vector<backend::StepTotal>> parts = timed->take();
    prefill.steps = std::move(parts[0]);
    decode.steps = std::move(parts[1]);
    std::array<std::string, 2> ran = timed->take_paths();
    prefill.paths = std::move(ran[0]);
    decode.paths = std::move(ran[1]);
    const std::vector<std::int64_t> logits_ns = timed->take_read_ns();
    add_sampling(prefill, logits_ns, ends, 0, sequences, timed->times());
    add_sampling(decode, logits_ns, ends, sequences, ends.size() - sequences, timed->times());
  }
  std::vector<PhaseTime> phases{std::move(prefill)};
  if (decode.tokens > 0) phases.push_back(std::move(decode));
  return phases;
}

/// The watched device is below the one that takes steps apart, and does not know of it.
std::string with_fusion(std::string paths, bool fused) {
  const std::size_t at = paths.find("fused");
  if (!fused && at != std::string::npos) paths.insert(at, "un");
  return paths;
}

record::BreakdownPhase& phase_of(std::vector<record::BreakdownPhase>& phases, const PhaseTime& time, bool fused) {
  const auto same = [&](const record::BreakdownPhase& p) { return p.phase == time.phase && p.fused == fused; };
  const auto found = std::find_if(phases.begin(), phases.end(), same);
  if (found != phases.end()) return *found;
  record::BreakdownPhase phase;
  phase.phase = time.phase;
  phase.fused = fused;
  phase.tokens = time.tokens;
  phases.push_back(std::move(phase));
  return phases.back();
}

void add_steps(record::BreakdownPhase& phase, const std::vector<backend::StepTotal>& steps) {
  for (const backend::StepTotal& step : steps) {
    auto found = std::find_if(phase.steps.begin(), phase.steps.end(), [&](const auto& known) { return known.step == step.name; });
    if (found == phase.steps.end()) {
      record::StepRecord fresh;
      fresh.step = step.name;
      found = phase.steps.insert(phase.steps.end(), std::move(fresh));
    }
    found->calls += step.calls;
    if (step.time_ns) found->time_ns = found->time_ns.value_or(0) + *step.time_ns;
    found->bytes += static_cast<std::int64_t>(step.cost.bytes);
    found->flops += static_cast<std::int64_t>(step.cost.flops);
    found->launches += step.cost.launches;
  }
}

/// All passes of one way to run the steps. `plain` and `outer` are what the model runs on without and with instrumentation.
void measure_way(std::vector<record::BreakdownPhase>& phases, model::Model& model, backend::Backend& plain, backend::Backend& outer,
                 backend::TimedBackend& timed, bool fused, const Pass& pass, int passes, const std::atomic<bool>* cancel) {
  const auto run_plain = [&] {
    const OnDevice on(model, plain);
    return pass(nullptr);
  };
  const auto run_timed = [&] {
    const OnDevice on(model, outer);
    return pass(&timed);
  };
  run_plain();
  run_timed();
  for (int i = 0; i < passes; ++i) {
    check_cancel(cancel);
    for (const PhaseTime& time : run_plain()) {
      record::BreakdownPhase& phase = phase_of(phases, time, fused);
      if (timed.times()) phase.plain_ns.push_back(time.time_ns);
    }
    check_cancel(cancel);
    for (const PhaseTime& time : run_timed()) {
      record::BreakdownPhase& phase = phase_of(phases, time, fused);
      phase.paths = with_fusion(time.paths, fused);
      ++phase.passes;
      if (timed.times()) phase.timed_ns.push_back(time.time_ns);
      add_steps(phase, time.steps);
    }
  }
}

}  // namespace

Pass single_phase_pass(std::string phase, std::int64_t tokens, std::function<void()> work) {
  return [phase = std::move(phase), tokens, work = std::move(work)](backend::TimedBackend* timed) {
    if (timed != nullptr) timed->start(backend::TimedBackend::kOnePhase);
    PhaseTime time{phase, tokens, 0, {}};
    const std::int64_t start_ns = now_ns();
    work();
    time.time_ns = now_ns() - start_ns;
    if (timed != nullptr) {
      timed->stop();
      time.steps = std::move(timed->take()[0]);
      time.paths = timed->take_paths()[0];
      timed->take_read_ns();
    }
    return std::vector<PhaseTime>{std::move(time)};
  };
}

Pass generation_pass(Session& session, GenerateRequest request) {
  return [&session, request = std::move(request)](backend::TimedBackend* timed) { return run_generation(session, request, timed); };
}

std::vector<record::BreakdownPhase> measure_breakdown(backend::Backend& device, model::Model& model, const Pass& pass, int passes,
                                                      const std::atomic<bool>* cancel) {
  std::vector<record::BreakdownPhase> phases;
  backend::TimedBackend timed(device);
  measure_way(phases, model, device, timed, timed, true, pass, passes, cancel);
  if (device.parts() != nullptr) {
    backend::UnfusedBackend plain_parts(device);
    backend::UnfusedBackend timed_parts(timed);
    measure_way(phases, model, plain_parts, timed_parts, timed, false, pass, passes, cancel);
  }
  return phases;
}

std::vector<PhaseTime> run_with_paths(backend::Backend& device, model::Model& model, const backend::Paths& paths, const Pass& pass, bool watch) {
  struct Restore {
    backend::Backend& device;
    ~Restore() { device.use_paths({}); }
  } restore{device};
  device.use_paths(paths);
  std::optional<backend::TimedBackend> watched;
  if (watch) watched.emplace(device, false);
  backend::Backend& inner = watch ? *watched : device;
  std::optional<backend::UnfusedBackend> parts;
  if (!paths.fusion) parts.emplace(inner);
  const OnDevice on(model, parts ? *parts : inner);
  std::vector<PhaseTime> times = pass(watch ? &*watched : nullptr);
  for (PhaseTime& time : times) time.paths = with_fusion(std::move(time.paths), paths.fusion);
  return times;
}

}  // namespace qbench::engine
