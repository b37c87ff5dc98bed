#include "cli/prompt_ab.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/plural.h"
#include "base/units.h"
#include "cli/devices.h"
#include "cli/output.h"
#include "cli/prompt_inputs.h"
#include "quality/judge/judge.h"
#include "quality/prompt/prompt_ab.h"
#include "report/terminal_table.h"
#include "report/text.h"
#include "run/engine_settings.h"
#include "run/interrupt.h"
#include "run/opened_model.h"
#include "run/output_text.h"
#include "run/prompt_source.h"
#include "run/sampling.h"
#include "run/stop_words.h"
#include "sandbox/sandbox.h"

namespace qbench::cli {
namespace {

using nlohmann::ordered_json;
using quality::AbAnswer;

constexpr std::string_view kPlace = "{task}";
constexpr std::size_t kSides = 2;
constexpr double kSamplingTemperature = 0.7;  // of several samples, unless told otherwise
constexpr const char* kWhere = "--prompt-ab";

std::string fill(std::string text, const std::string& task) {
  for (std::size_t at = text.find(kPlace); at != std::string::npos; at = text.find(kPlace, at + task.size()))
    text.replace(at, kPlace.size(), task);
  return text;
}

/// The tasks, each as two prompts.
struct Trial {
  workload::Task task;
  std::int64_t max_new_tokens;  ///< --max-new-tokens, else the task's own
  std::array<workload::Prompt, kSides> prompts;
};

std::vector<Trial> make_trials(const PromptAbRequest& request, const workload::Settings& command_line) {
  std::array<std::string, kSides> texts;
  for (std::size_t side = 0; side < kSides; ++side) texts[side] = read_named_prompt(request.files[side]).text;
  std::vector<Trial> trials;
  for (const workload::Prompt& prompt : workload::find_suite(request.tasks).prompts) {
    if (!prompt.task) continue;
    Trial trial{*prompt.task, workload::effective(workload::overlay(prompt.settings, command_line)).max_new_tokens, {prompt, prompt}};
    for (std::size_t side = 0; side < kSides; ++side) trial.prompts[side].turns = {{fill(texts[side], prompt.turns.front().text), 0}};
    trials.push_back(std::move(trial));
  }
  if (trials.empty())
    throw Error(ErrorCode::kUsage, "'" + request.tasks + "' has no prompt with a task: nothing could judge the answers", "--task");
  for (std::size_t side = 0; side < kSides; ++side) {
    if (trials.size() == 1 || texts[side].find(kPlace) != std::string::npos) continue;
    throw Error(
        ErrorCode::kUsage,
        fmt::format("{} has no {} where the task's text goes, and there are {} tasks; put it in, or choose one task with --task NAME#ID",
                    request.files[side], kPlace, trials.size()),
        kWhere);
  }
  return trials;
}

/// Answers and judges.
class Contest {
 public:
  Contest(const PromptAbRequest& request, run::OpenedModel& opened, const workload::EffectiveSettings& settings,
          const std::vector<Trial>& trials, quality::Judge& judge)
      : request_(&request), opened_(&opened), settings_(settings), trials_(&trials), judge_(&judge), source_(opened) {
    std::int64_t wanted = 0;
    for (const Trial& trial : trials) {
      for (const workload::Prompt& prompt : trial.prompts)
        wanted = std::max(wanted, static_cast<std::int64_t>(prepare(prompt).ids.front().size()) + trial.max_new_tokens);
    }
    session_ = run::open_session(opened, settings_, settings_.context > 0 ? settings_.context : std::min(wanted, opened.config.context));
  }

  std::vector<quality::AbPair> run() {
    const run::InterruptGuard interrupts(run::InterruptGuard::Role::kParent);
    warm_up();
    std::vector<quality::AbPair> pairs;
    for (const Trial& trial : *trials_) {
      for (std::int64_t sample = 0; sample < request_->samples; ++sample) {
        quality::AbPair pair{trial.task.id, sample, {}, {}};
        const bool b_first = pairs.size() % 2 != 0;  // whatever drifts hits both alike
        (b_first ? pair.b : pair.a) = answer(trial, b_first ? 1 : 0, sample);
        (b_first ? pair.a : pair.b) = answer(trial, b_first ? 0 : 1, sample);
        log_info(fmt::format("{} sample {}: A {}, B {}", trial.task.id, sample + 1, record::name_of(pair.a.status),
                             record::name_of(pair.b.status)));
        pairs.push_back(std::move(pair));
      }
    }
    return pairs;
  }

 private:
  run::PreparedPrompt prepare(const workload::Prompt& prompt) const { return source_.prepare({&prompt, 1, {}}, settings_); }

  /// The first request touches memory that later ones find in place.
  void warm_up() {
    engine::GenerateRequest request;
    request.prompts = {prepare(trials_->front().prompts.front()).ids.front()};
    request.max_new_tokens = 1;
    session_->generate(request);
  }

  AbAnswer answer(const Trial& trial, std::size_t side, std::int64_t sample) {
    const std::int64_t start_ns = now_ns();
    const run::PreparedPrompt prompt = prepare(trial.prompts[side]);
    engine::GenerateRequest request;
    request.prompts = {prompt.ids.front()};
    request.sampling = run::sampling_params(settings_, false);
    request.sampling.seed += static_cast<std::uint64_t>(sample);
    request.max_new_tokens = trial.max_new_tokens;
    request.tokenizer = opened_->tokenizer.get();
    const run::StopWords stops = run::split_stop_words(settings_.stop, request.tokenizer);
    run::set_stops(request, stops, opened_->eos_ids, false);
    request.cancel = &run::InterruptGuard::requested();
    const std::vector<engine::Generation> made = session_->generate(request);
    if (made.front().stop_reason == engine::StopReason::kInterrupted) throw Error(ErrorCode::kInterrupted, "interrupted");
    AbAnswer result;
    result.prompt_tokens = made.front().prompt_tokens;
    result.output_tokens = static_cast<std::int64_t>(made.front().output_ids.size());
    result.seconds = s_from_ns(static_cast<double>(made.front().token_ns.back() - start_ns));
    std::optional<std::int64_t> detokenize_ns;
    const std::string text = run::decode_outputs(made, *opened_->tokenizer, settings_.stop, detokenize_ns).front().text;
    result.status = judge_->judge_answer(trial.task, run::text_to_judge(text, made.front(), prompt.text, *opened_->tokenizer)).status;
    return result;
  }

  const PromptAbRequest* request_;
  run::OpenedModel* opened_;
  workload::EffectiveSettings settings_;
  const std::vector<Trial>* trials_;
  quality::Judge* judge_;
  run::PromptSource source_;
  std::unique_ptr<engine::Session> session_;
};

struct Row {
  const char* name;
  const char* key;
  quality::AbQuantity quality::AbResult::*quantity;
};
constexpr std::array<Row, 5> kRows{{{"prompt tokens", "prompt_tokens", &quality::AbResult::prompt_tokens},
                                    {"output tokens", "output_tokens", &quality::AbResult::output_tokens},
                                    {"tokens, both", "total_tokens", &quality::AbResult::total_tokens},
                                    {"time, s", "seconds", &quality::AbResult::seconds},
                                    {"output tokens/s", "tokens_per_s", &quality::AbResult::tokens_per_s}}};

ordered_json answer_json(const AbAnswer& one) {
  return {{"status", record::name_of(one.status)},
          {"prompt_tokens", one.prompt_tokens},
          {"output_tokens", one.output_tokens},
          {"seconds", one.seconds}};
}

ordered_json to_json(const PromptAbRequest& request, const run::OpenedModel& opened, const workload::EffectiveSettings& settings,
                     std::string_view level, const std::vector<quality::AbPair>& pairs, const quality::AbResult& result) {
  ordered_json document{{"a", request.files[0]},          {"b", request.files[1]},
                        {"model", opened.ref.label},      {"tasks", request.tasks},
                        {"samples", request.samples},     {"sampling", ordered_json::parse(run::sampling_json(settings, false))},
                        {"sandbox_level", level},         {"pairs", result.pairs},
                        {"left_out", result.left_out},    {"a_passed", result.a_passed},
                        {"b_passed", result.b_passed},    {"only_a_passed", result.only_a},
                        {"only_b_passed", result.only_b}, {"tasks_compared", result.tasks},
                        {"a_better", result.better_a},    {"b_better", result.better_b},
                        {"mcnemar_p", result.mcnemar_p}};
  for (const Row& row : kRows) {
    const quality::AbQuantity& one = result.*row.quantity;
    document[row.key] = {{"a_median", one.a},
                         {"b_median", one.b},
                         {"ratio", one.ratio ? ordered_json(*one.ratio) : ordered_json()},
                         {"ratio_low", one.interval ? ordered_json(one.interval->low) : ordered_json()},
                         {"ratio_high", one.interval ? ordered_json(one.interval->high) : ordered_json()}};
  }
  document["verdict"] = quality::name_of(result.verdict);
  document["reason"] = result.reason;
  for (const quality::AbPair& pair : pairs) {
    document["answers"].push_back(
        {{"task_id", pair.task_id}, {"sample", pair.sample}, {"a", answer_json(pair.a)}, {"b", answer_json(pair.b)}});
  }
  return document;
}

std::string to_text(const PromptAbRequest& request, const run::OpenedModel& opened, const quality::AbResult& result) {
  constexpr std::size_t kWidth = 80;
  const auto line = [](const std::string& text) { return report::fit_width(report::printable(text), kWidth) + "\n"; };
  std::string out = line("A: " + request.files[0]) + line("B: " + request.files[1]) +
                    line(fmt::format("{}, {}: {}", opened.ref.label, request.tasks, plural(result.pairs, "pair")));
  if (result.left_out > 0) out += fmt::format("{} more could not be judged and are left out\n", result.left_out);
  out += fmt::format("\n{:<18}{:>10}{:>10}{:>10}   {}\n", "median of pairs", "A", "B", "B / A", "95 % interval");
  out += fmt::format("{:<18}{:>10}{:>10}\n", "passed", result.a_passed, result.b_passed);
  for (const Row& row : kRows) {
    const quality::AbQuantity& one = result.*row.quantity;
    out += fmt::format("{:<18}{:>10.4g}{:>10.4g}{:>10}   {}\n", row.name, one.a, one.b, one.ratio ? fmt::format("{:.3f}", *one.ratio) : "-",
                       one.interval ? fmt::format("{:.3f} to {:.3f}", one.interval->low, one.interval->high) : "-");
  }
  out += fmt::format("\nVerdict: {}\n", quality::name_of(result.verdict));
  return out + report::wrapped(result.reason, "", kWidth);
}

}  // namespace

int run_prompt_ab(const PromptAbRequest& request, const ModelOptions& model, Invocation& invocation) {
  const std::vector<Trial> trials = make_trials(request, model.engine);
  const auto box = sandbox::Sandbox::open(sandbox_options(request.sandbox));
  const catalog::ModelRef ref = resolve_single_model(model, invocation);
  if (ref.synthetic()) throw Error(ErrorCode::kUnsupported, "synthetic weights have no tokenizer: they answer no task", ref.request);
  // Sampling is greedy for one sample, for both prompts and all tasks alike.
  workload::Settings wanted;
  wanted.temperature = request.samples > 1 ? kSamplingTemperature : 0.0;
  workload::EffectiveSettings settings = run::effective_settings(workload::overlay(wanted, model.engine));
  if (request.samples > 1 && settings.temperature == 0.0) {
    throw Error(ErrorCode::kUsage, "samples at temperature 0 are all the same; give another --temperature", "--samples");
  }
  settings.batch = 1;
  const auto opened = run::open_model(ref, settings, settings.context, model.device_request(), Devices());
  if (!opened->tokenizer) throw Error(ErrorCode::kNotFound, "the model has no tokenizer: it answers no task", ref.request);
  quality::Judge judge(*box, {});
  log_info(fmt::format("{}, {} and 2 prompts: {} answers", plural(trials.size(), "task"), plural(request.samples, "sample"),
                       static_cast<std::int64_t>(trials.size()) * request.samples * 2));
  const std::vector<quality::AbPair> pairs = Contest(request, *opened, settings, trials, judge).run();
  const quality::AbResult result = quality::compare_prompts(pairs);
  if (request.json) {
    write_output_json(to_json(request, *opened, settings, sandbox::name_of(box->level()), pairs, result));
  } else {
    write_output(to_text(request, *opened, result));
  }
  return kExitFine;
}

}  // namespace qbench::cli
