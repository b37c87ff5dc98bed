#include <fmt/format.h>

#include "base/plural.h"
#include "base/units.h"
#include "run/run.h"
#include "run/score_plan.h"

namespace qbench::run {
namespace {

/// "7 requests in stages: initial_analysis (4096 tokens, temperature 0.8), deep_exploration x3 (16384, 0.7), ..."
std::string describe_stages(const workload::Prompt& staged) {
  std::string text = fmt::format("{} requests in stages", staged.turns.size());
  const char *before = ": ", *tokens = " tokens", *temperature = "temperature ";
  for (const workload::Turn& turn : staged.turns) {
    const workload::TurnStage& stage = *turn.stage;
    if (stage.branch > 1) continue;
    const std::string branches = stage.branches > 1 ? fmt::format(" x{}", stage.branches) : std::string();
    text += fmt::format("{}{}{} ({}{}, {}{})", before, stage.name, branches, stage.max_tokens, tokens, temperature, stage.temperature);
    before = ", ";
    tokens = temperature = "";
  }
  return text;
}

std::string describe_cell(const PlannedCell& planned, const workload::Suite& suite) {
  const workload::EffectiveSettings& s = planned.cell.settings;
  const workload::Prompt& prompt = suite.prompts[planned.cell.prompt_index];
  const std::string length = fmt::format("{} prompt tokens{}", planned.prompt_tokens, planned.counted ? "" : " declared");
  if (planned.cell.pass == workload::Pass::kSpeed) {
    const std::string repetitions =
        planned.cell.repetitions > 0 ? fmt::format("{} repetitions", planned.cell.repetitions)
                                     : fmt::format("{} to {} repetitions (until the median is known to {}, at most {} s)", s.min_reps, s.max_reps,
                                                   s.target_ci, s.max_time);
    const std::string warmup = planned.cell.warmup >= 0 ? fmt::format("{} warm-up", planned.cell.warmup) : std::string("warm-up until stable");
    return fmt::format("    {} speed: {}, {} tokens generated, {}, {}{}\n", prompt.id, length, s.gen_tokens, warmup, repetitions,
                       s.sessions > 1 ? fmt::format(", in each of {} sessions", s.sessions) : std::string());
  }
  if (planned.staged) return fmt::format("    {} text: {}, {}, seed {}\n", prompt.id, length, describe_stages(*planned.staged), s.seed);
  return fmt::format("    {} text: {}, {}, at most {} tokens each, temperature {}, top-p {}, seed {}\n", prompt.id, length,
                     plural(planned.turns, "turn"), s.max_new_tokens, s.temperature, s.top_p, s.seed);
}

std::string describe_memory(const catalog::MemoryPlan& memory) {
  return fmt::format("    memory: weights {}, KV cache {} ({} x {} positions, {}), workspace {}{}; needs {} of {} {}: {}\n",
                     format_bytes(memory.weight_bytes), format_bytes(memory.kv_bytes), memory.sequences, memory.room, memory.kv_type,
                     format_bytes(memory.workspace_bytes),
                     memory.load_bytes > 0 ? ", file while loading " + format_bytes(memory.load_bytes) : std::string(),
                     format_bytes(memory.needed_bytes), format_bytes(memory.available_bytes),
                     memory.available_note.empty() ? std::string("free") : "available (" + memory.available_note + ")",
                     memory.fits ? std::string("fits") : format_bytes(memory.missing_bytes) + " short");
}

}  // namespace

int print_plan(const RunPlan& plan, std::optional<std::uint64_t> free_bytes, const std::function<void(std::string_view)>& print) {
  bool all_can_run = true;
  print(fmt::format("suite {} ({}), device {}, {} free\n", plan.suite.name, plural(plan.suite.prompts.size(), "prompt"), plan.device,
                    free_bytes ? format_bytes(*free_bytes) : std::string("unknown memory")));
  if (plan.profile) {
    print(fmt::format("profile {}: {}\n", plan.profile->name, plan.profile->title));
    for (const auto& [key, value] : plan.profile->not_yet) print(fmt::format("  not yet: {} = {}\n", key, value));
  }
  if (plan.options.scoring.score) print(describe_scoring(plan));
  for (const ModelPlan& model : plan.models) {
    print(fmt::format("{}\n", model.label));
    if (model.failure) {
      all_can_run = false;
      print(fmt::format("    cannot run: {}\n", model.failure->message));
    }
    if (!model.facts.architecture.empty()) {
      print(fmt::format("    {}, {}, {} weights, precision {}\n", model.facts.architecture, model.facts.format, model.facts.weights,
                        model.engine.precision));
    }
    if (model.memory) print(describe_memory(*model.memory));
    for (const std::string& note : model.notes) print(fmt::format("    note: {}\n", note));
    for (const PlannedCell& planned : model.cells) print(describe_cell(planned, plan.suite));
  }
  return all_can_run ? 0 : 3;
}

}  // namespace qbench::run
