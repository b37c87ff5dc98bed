#include "run/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "run/engine_settings.h"
#include "run/guard.h"
#include "run/opened_model.h"
#include "run/prompt_length.h"
#include "run/repair_prompt.h"
#include "run/score_plan.h"
#include "run/staging.h"
#include "run/step_sizes.h"
#include "run/stop_words.h"
#include "run/study.h"
#include "run/thinking_rule.h"

namespace qbench::run {
namespace {

constexpr std::int64_t kContextStep = 256;
constexpr const char* kDefaultSuite = "codegen";

workload::Suite suite_of(const RunOptions& options) {
  const int sources = options.suite.has_value() + options.prompt.has_value() + options.prompt_file.has_value();
  if (sources > 1) throw Error(ErrorCode::kUsage, "give one of --suite, --prompt and --prompt-file", "run");
  if (options.prompt) return workload::suite_from_text(*options.prompt);
  if (options.prompt_file) return workload::suite_from_prompt_file(*options.prompt_file);
  return workload::find_suite(options.suite.value_or(kDefaultSuite));
}

/// Keeps the prompts that were named, in the suite's order.
void choose_prompts(workload::Suite& suite, const std::vector<std::string>& ids) {
  if (ids.empty()) return;
  for (const std::string& id : ids) {
    const bool known = std::any_of(suite.prompts.begin(), suite.prompts.end(), [&](const workload::Prompt& p) { return p.id == id; });
    if (known) continue;
    std::string there;
    for (const workload::Prompt& prompt : suite.prompts) {
      if (!there.empty()) there += ", ";
      there += prompt.id;
    }
    throw Error(ErrorCode::kUsage, fmt::format("suite '{}' has no prompt '{}'; it has {}", suite.name, id, there), "--prompts");
  }
  std::erase_if(suite.prompts, [&](const workload::Prompt& p) { return std::find(ids.begin(), ids.end(), p.id) == ids.end(); });
}

void count_prompts(ModelPlan& model, const workload::Suite& suite, const PromptLength& length) {
  for (PlannedCell& planned : model.cells) {
    const workload::Prompt& prompt = prompt_of(planned, suite);
    const auto counted = length.tokens(prompt, planned.turns, planned.cell.settings.enable_thinking);
    if (!counted) continue;
    planned.prompt_tokens = *counted;
    planned.counted = true;
  }
}

/// Positions for the longest cell, and some for answers that are encoded anew in the next turn.
std::int64_t wanted_context(const std::vector<PlannedCell>& cells) {
  std::int64_t most = kContextStep;
  for (const PlannedCell& planned : cells) most = std::max(most, planned.positions() + (planned.turns > 1 ? planned.positions() / 16 : 0));
  return (most + kContextStep - 1) / kContextStep * kContextStep;
}

void note_clipped_cells(ModelPlan& model, const workload::Suite& suite) {
  for (const PlannedCell& planned : model.cells) {
    const workload::Prompt& prompt = suite.prompts[planned.cell.prompt_index];
    if (planned.cell.pass == workload::Pass::kSpeed || planned.positions() <= model.context) continue;  // a speed cell fails instead
    model.notes.push_back(
        fmt::format("{} ({} pass): prompt and answers may need {} positions, the context holds {}; an answer that reaches the end stops as "
                    "context_full",
                    prompt.id, workload::name_of(planned.cell.pass), planned.positions(), model.context));
  }
}

/// Error{kUsage}: a window drops positions that a later prompt would have to find.
void check_prefix_cache(const ModelPlan& model) {
  if (model.engine.prefix_cache == "off" || model.engine.kv_window == 0) return;
  throw Error(ErrorCode::kUsage, "reuses what the KV cache keeps, and --kv-window drops some of it; leave one of the two out", "--prefix-cache");
}

/// Settings that act on thoughts of a model that cannot show any.
void note_absent_thoughts(ModelPlan& model, const PromptLength& length) {
  const bool asked = std::any_of(model.cells.begin(), model.cells.end(), [](const PlannedCell& planned) {
    return planned.cell.pass == workload::Pass::kText && asks_for_thought_control(planned.cell.settings);
  });
  if (asked && !length.marks_thoughts())
    model.notes.push_back("there is no </think> in the vocabulary: budgets, timeouts and temperatures of thoughts do not act");
}

/// What is known to spoil the answers of models that think.
void note_thinking_habits(ModelPlan& model, const PromptLength& length) {
  if (!length.may_think()) return;
  bool greedy = false;
  std::int64_t budget = 0, most = 0;
  for (const PlannedCell& planned : model.cells) {
    const workload::EffectiveSettings& settings = planned.cell.settings;
    if (planned.cell.pass != workload::Pass::kText || planned.staged || settings.enable_thinking == false) continue;
    greedy = greedy || settings.thinking_temperature.value_or(settings.temperature) <= 0;
    if (settings.max_thinking_tokens.value_or(0) < settings.max_new_tokens || budget > 0) continue;
    budget = *settings.max_thinking_tokens;
    most = settings.max_new_tokens;
  }
  if (greedy)
    model.notes.push_back(
        "it may think, and thoughts at temperature 0 tend to repeat themselves without end: set --temperature (Qwen3: 0.6), --profile "
        "thinking, or --no-thinking");
  if (budget > 0)
    model.notes.push_back(fmt::format("a thought of {} tokens leaves nothing of --max-new-tokens {} for the answer", budget, most));
}

/// A window that holds every position is one in name only.
void note_wide_window(ModelPlan& model) {
  if (model.context <= 0 || model.engine.kv_window <= 0 || model.engine.kv_window < model.context) return;
  model.notes.push_back(fmt::format("--kv-window {}: the context has {} positions, so the cache keeps all of them (kv_policy=full)", model.engine.kv_window,
                                    model.context));
  model.engine.kv_window = model.engine.kv_sinks = 0;
  for (PlannedCell& planned : model.cells) {
    planned.cell.settings.kv_window = planned.cell.settings.kv_sinks = 0;
    planned.key.kv_window.reset();
    planned.key.kv_sinks.reset();
  }
}

/// Error{kUsage}: the studies follow speed cells, and there are none.
void check_studies(const RunPlan& plan) {
  if (!plan.options.breakdown && plan.options.ablate.empty()) return;
  for (const ModelPlan& model : plan.models) {
    for (const PlannedCell& planned : model.cells) {
      if (planned.cell.pass == workload::Pass::kSpeed) return;
    }
  }
  throw Error(ErrorCode::kUsage, "follows the cells of the speed pass, and this run has none (--pass text); leave it out or run --pass speed or both",
              plan.options.breakdown ? "--breakdown" : "--ablate");
}

/// Error{kUsage}: what acts in the text pass alone was asked for, and there is none.
void check_text_settings(const RunPlan& plan) {
  const workload::Settings& asked = plan.options.settings;
  const char* option = asked.stages.value_or(false) ? "--stages"
                       : asked.max_thinking_tokens  ? "--max-thinking-tokens"
                       : asked.thinking_timeout     ? "--thinking-timeout"
                       : asked.thinking_temperature ? "--thinking-temperature"
                       : asked.output_temperature   ? "--output-temperature"
                                                    : nullptr;
  if (option == nullptr) return;
  for (const ModelPlan& model : plan.models) {
    for (const PlannedCell& planned : model.cells) {
      if (planned.cell.pass == workload::Pass::kText) return;
    }
  }
  throw Error(ErrorCode::kUsage, "acts in the text pass, and this run has none (--pass speed); leave it out or run --pass text or both",
              option);
}

void make_planned_cells(ModelPlan& model, const RunPlan& plan, const workload::Settings& profile, const workload::Settings& command_line) {
  for (const workload::Cell& cell : workload::make_cells(1, plan.suite, profile, command_line)) {
    PlannedCell planned;
    planned.cell = cell;
    add_stages(planned, plan.suite.prompts[cell.prompt_index], model.notes);
    const workload::Prompt& prompt = prompt_of(planned, plan.suite);
    planned.turns = cell.pass == workload::Pass::kText ? static_cast<std::int64_t>(prompt.turns.size()) : 1;
    for (std::int64_t turn = 0; turn < planned.turns; ++turn) planned.prompt_tokens += prompt.turns[static_cast<std::size_t>(turn)].prompt_tokens;
    model.engine = cell.settings;
    planned.key.model = model.label;
    planned.key.suite = plan.suite.name;
    planned.key.prompt_id = cell.prompt_id;
    planned.key.pass = record_pass(cell.pass);
    planned.key.device = plan.device;
    planned.key.precision = cell.settings.precision;
    planned.key.kv_type = cell.settings.kv_type;
    if (cell.settings.kv_window > 0) planned.key.kv_window = cell.settings.kv_window;
    if (cell.settings.kv_sinks > 0) planned.key.kv_sinks = cell.settings.kv_sinks;
    planned.key.batch = cell.settings.batch;
    if (cell.pass == workload::Pass::kText && prompt.task && plan.options.scoring.max_iterations > 1)
      planned.repair_tokens = kRepairTokens + (planned.staged ? prompt.turns.back().stage->max_tokens : cell.new_tokens_per_turn());
    model.cells.push_back(std::move(planned));
  }
}

void set_context(ModelPlan& model, std::int64_t checkpoint_context) {
  const std::int64_t asked = model.engine.context;
  model.context = asked > 0 ? asked : wanted_context(model.cells);
  if (asked == 0 && checkpoint_context > 0) model.context = std::min(model.context, checkpoint_context);
  if (checkpoint_context > 0) check_context(asked, checkpoint_context, model.label);
}

/// Plans one model; what is known of it when something fails stays in `model`.
void plan_model(ModelPlan& model, const RunPlan& plan, const catalog::ResolvedModel& resolved, const DeviceFactory& devices) {
  const workload::Settings no_profile;
  const workload::Settings& raw_profile = plan.profile ? plan.profile->settings : no_profile;
  const DeviceRequest request{plan.options.device, plan.options.settings.threads.value_or(0), plan.options.isa};
  const std::int64_t cores = devices.threads({plan.options.device, 0, plan.options.isa});
  std::optional<OpenedFiles> files;
  const auto failure = run_guarded([&] {
    if (resolved.error) throw *resolved.error;
    files = open_files(*resolved.ref);
    model.facts = files->facts;
  });
  model.failure = failure;
  const std::int64_t checkpoint_context = files ? files->config.context : 0;
  const workload::Settings profile = workload::limit_to_machine(raw_profile, cores, checkpoint_context);
  const workload::Settings merged = with_derived_settings(workload::overlay(profile, plan.options.settings));
  workload::validate(merged);  // what a profile and the command line say together
  workload::Settings command_line = plan.options.settings;
  command_line.kv_type = merged.kv_type;
  make_planned_cells(model, plan, profile, command_line);
  const std::int64_t threads = model.engine.threads > 0 ? model.engine.threads : cores;
  const auto misfit = run_guarded([&] {
    if (files) {
      const PromptLength length(*files);
      count_prompts(model, plan.suite, length);
      note_absent_thoughts(model, length);
      note_thinking_habits(model, length);
    }
    set_context(model, checkpoint_context);
    if (!files) return;
    check_precision(*files, model.engine.precision);
    if (files->text_side.kind == formats::TokenizerSource::Kind::kNone) {
      model.notes.push_back("there is no tokenizer: prompts are seeded ids of the suite's lengths (prompt=synthetic)");
      split_stop_words(plan.options.settings.stop.value_or(std::vector<std::string>()), nullptr);
      if (!model.engine.stop.empty()) model.notes.push_back("there is no tokenizer: stop words are not looked for");
    }
    const std::optional<std::uint64_t> free_bytes = devices.free_memory_bytes(request);
    if (!free_bytes) return model.notes.push_back("how much memory is free is not known: whether it fits is not checked");
    model.memory = plan_memory(*files, model.engine, model.context, *free_bytes, kind_of_device(plan.device));
    if (!model.memory->fits) throw Error(ErrorCode::kMemory, "does not fit: " + catalog::describe(*model.memory), model.label);
  });
  if (!model.failure) model.failure = misfit;
  for (PlannedCell& planned : model.cells) {
    planned.key.threads = threads;
    planned.key.context = model.context;
  }
  if (model.context > 0) fit_stages(model);
  note_replaced_settings(model, plan.options.settings);
  if (!model.failure) note_clipped_cells(model, plan.suite);
  note_wide_window(model);
  if (!model.failure) check_prefix_cache(model);
}

}  // namespace

record::Pass record_pass(workload::Pass pass) noexcept {
  return pass == workload::Pass::kSpeed ? record::Pass::kSpeed : record::Pass::kText;
}

const workload::Prompt& prompt_of(const PlannedCell& planned, const workload::Suite& suite) {
  return planned.staged ? *planned.staged : suite.prompts[planned.cell.prompt_index];
}

std::int64_t PlannedCell::answer_tokens() const {
  if (!staged) return turns * cell.new_tokens_per_turn();
  std::int64_t tokens = 0;
  for (const workload::Turn& turn : staged->turns) tokens += turn.stage->max_tokens;
  return tokens;
}

std::vector<record::CellKey> row_keys(const PlannedCell& planned) {
  std::vector<record::CellKey> keys;
  for (std::int64_t turn = 1; turn <= planned.turns; ++turn) {
    keys.push_back(planned.key);
    keys.back().turn = turn;
  }
  return keys;
}

RunPlan make_plan(const RunOptions& options, const DeviceFactory& devices) {
  workload::validate(options.settings);
  RunPlan plan;
  plan.options = options;
  plan.suite = suite_of(options);
  choose_prompts(plan.suite, options.prompt_ids);
  if (options.profile) plan.profile = workload::find_profile(*options.profile);
  // A device that is missing is a failed row of every model; a word that names none is a wrong command line.
  plan.device = options.device;
  const auto no_device = run_guarded([&] { plan.device = devices.resolve({options.device, 0, options.isa}); });
  if (no_device && no_device->code == name_of(ErrorCode::kUsage)) throw Error(ErrorCode::kUsage, no_device->message);
  check_ablation(options.ablate, plan.device, options.isa);
  for (const catalog::ResolvedModel& resolved : catalog::resolve_models(catalog::Catalog::load_default(), options.models)) {
    ModelPlan model;
    model.label = resolved.label;
    model.ref = resolved.ref;
    model.facts.label = resolved.label;
    model.facts.name = resolved.label;
    plan_model(model, plan, resolved, devices);
    if (no_device) model.failure = no_device;
    plan.models.push_back(std::move(model));
  }
  check_studies(plan);
  check_text_settings(plan);
  if (plan.options.scoring.score) check_scoring(plan);
  return plan;
}

}  // namespace qbench::run
