#include "cli/prompt_attribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "cli/devices.h"
#include "cli/input_files.h"
#include "cli/output.h"
#include "quality/prompt/attribution.h"
#include "quality/prompt/prompt_places.h"
#include "record/metric_catalog.h"
#include "record/sample_file.h"
#include "report/terminal_table.h"
#include "report/text.h"
#include "run/engine_settings.h"
#include "run/interrupt.h"
#include "run/opened_model.h"
#include "run/prompt_source.h"
#include "run/sampling.h"
#include "run/stop_words.h"

namespace qbench::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr std::int64_t kDefaultNewTokens = 128;
constexpr const char* kWhere = "--attribution";

/// The answer that is scored, and where it comes from.
struct Answer {
  std::string text;
  std::string source;
  std::vector<std::int32_t> ids;  ///< set where it was generated now
};

std::string without_final_newline(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

/// The first answer that a run's text pass gave to the prompt, one of the same model before others'.
Answer answer_of_run(const fs::path& folder, const NamedPrompt& prompt, const std::string& label) {
  const record::SampleFileContent content = record::read_sample_file(folder / "samples.jsonl");
  const record::SampleRecord* best = nullptr;
  for (const record::SampleRecord& sample : content.samples) {
    const bool answered = sample.cell.pass == record::Pass::kText && sample.status == record::Status::kOk && sample.cell.turn == 1 &&
                          !sample.sequences.empty() && sample.sequences.front().text && !sample.sequences.front().text->empty();
    const bool same =
        sample.prompt_text ? sample.prompt_text->find(prompt.text) != std::string::npos : sample.cell.prompt_id == prompt.prompt.id;
    if (!answered || !same) continue;
    if (best == nullptr || (best->cell.model != label && sample.cell.model == label)) best = &sample;
  }
  if (best == nullptr) {
    throw Error(ErrorCode::kUsage,
                "no answer of a text pass to this prompt in " + folder.string() + "; run it with --pass text, or give a file", "--answer");
  }
  return {*best->sequences.front().text, "run " + folder.string() + ", " + best->cell.model + ", " + best->cell.prompt_id, {}};
}

/// What was asked of the model, its text side open.
class Attributor {
 public:
  Attributor(const AttributionRequest& request, const NamedPrompt& prompt, run::OpenedModel& opened,
             const workload::EffectiveSettings& settings)
      : request_(&request), prompt_(&prompt), opened_(&opened), settings_(settings) {
    workload::Prompt one = prompt.prompt;
    one.turns = {{prompt.text, 0}};
    prepared_ = run::PromptSource(opened).prepare({&one, 1, {}}, settings_);
    place();
  }

  void find_answer() {
    std::error_code ignored;
    if (!request_->answer) {
      answer_ = generate();
    } else if (fs::is_directory(*request_->answer, ignored)) {
      answer_ = answer_of_run(*request_->answer, *prompt_, opened_->ref.label);
    } else {
      answer_ = {without_final_newline(read_text_input("--answer", *request_->answer)), *request_->answer, {}};
    }
    input_.answer_ids = answer_.ids.empty() ? opened_->tokenizer->encode(answer_.text, {.add_special = false}) : answer_.ids;
    if (input_.answer_ids.empty()) throw Error(ErrorCode::kUsage, "the answer is empty; there is nothing to attribute", "--answer");
  }

  void measure() {
    const quality::AttributionOptions options{request_->random_spans, request_->seed};
    plan_ = quality::plan_attribution(input_, options);
    log_info(fmt::format("attribution: {} passes, at most {} tokens through the model ({} more are shared prefixes)", plan_.passes,
                         plan_.tokens_fed, plan_.tokens_reused));
    const auto session = run::open_session(*opened_, settings_, needed_context());
    const run::InterruptGuard interrupts(run::InterruptGuard::Role::kParent);
    const std::int64_t start_ns = now_ns();
    result_ = quality::attribute(*session, input_, options, [](std::int64_t) {
      if (run::InterruptGuard::requested().load()) throw Error(ErrorCode::kInterrupted, "interrupted");
    });
    seconds_ = s_from_ns(static_cast<double>(now_ns() - start_ns));
  }

  ordered_json json() const;
  std::string text() const;

 private:
  /// Where the user's text and its parts lie among the prompt's tokens.
  void place() {
    auto placed = quality::place_parts(*opened_->tokenizer, prepared_.text, prepared_.ids.front(), prompt_->text);
    if (!placed) {
      throw Error(ErrorCode::kTemplate, "the chat template does not send the prompt's text as it stands: its parts cannot be told apart",
                  kWhere);
    }
    input_ = std::move(placed->input);
    sections_ = std::move(placed->sections);
    exact_ = placed->exact;
  }

  std::int64_t needed_context() const {
    const auto needed = static_cast<std::int64_t>(input_.prompt_ids.size() + input_.answer_ids.size());
    return settings_.context > 0 ? settings_.context : std::min(needed, opened_->config.context);
  }

  Answer generate() const {
    engine::GenerateRequest request;
    request.prompts = {prepared_.ids.front()};
    request.sampling = run::sampling_params(settings_, true);
    request.max_new_tokens = settings_.max_new_tokens;
    request.tokenizer = opened_->tokenizer.get();
    const run::StopWords stops = run::split_stop_words(settings_.stop, request.tokenizer);
    run::set_stops(request, stops, opened_->eos_ids, false);
    const run::InterruptGuard interrupts(run::InterruptGuard::Role::kParent);
    request.cancel = &run::InterruptGuard::requested();
    const auto length = static_cast<std::int64_t>(prepared_.ids.front().size());
    const std::int64_t context =
        settings_.context > 0 ? settings_.context : std::min(length + settings_.max_new_tokens, opened_->config.context);
    engine::Generation made = run::open_session(*opened_, settings_, context)->generate(request).front();
    if (made.stop_reason == engine::StopReason::kInterrupted) throw Error(ErrorCode::kInterrupted, "interrupted");
    if (made.stop_reason == engine::StopReason::kEos) made.output_ids.pop_back();
    if (made.output_ids.empty()) throw Error(ErrorCode::kUsage, "the model answers nothing at all; give an answer with --answer", kWhere);
    return {opened_->tokenizer->decode(made.output_ids, true), "generated greedily", std::move(made.output_ids)};
  }

  const AttributionRequest* request_;
  const NamedPrompt* prompt_;
  run::OpenedModel* opened_;
  workload::EffectiveSettings settings_;
  run::PreparedPrompt prepared_;
  bool exact_ = true;
  std::vector<quality::Section> sections_;
  Answer answer_;
  quality::AttributionInput input_;
  engine::ContinuationCost plan_;
  quality::Attribution result_;
  double seconds_ = 0.0;
};

ordered_json Attributor::json() const {
  ordered_json sections = ordered_json::array();
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const quality::SectionAttribution& one = result_.sections[i];
    sections.push_back({{"title", sections_[i].title},
                        {"kind", quality::name_of(sections_[i].kind)},
                        {"first_line", sections_[i].first_line},
                        {"last_line", sections_[i].last_line},
                        {"tokens", one.span.size()},
                        {"cost_nats", one.cost_nats},
                        {"nats_per_answer_token", one.nats_per_answer_token},
                        {"nats_per_section_token", one.nats_per_token ? ordered_json(*one.nats_per_token) : ordered_json()},
                        {"random_spans", one.random_spans},
                        {"random_mean_nats", one.random_mean_nats},
                        {"random_deviation_nats", one.random_deviation_nats},
                        {"random_overlap_ratio", one.random_overlap_ratio},
                        {"spread_nats", one.spread_nats},
                        {"relevant", one.relevant}});
  }
  const auto cost_json = [](const engine::ContinuationCost& cost) {
    return ordered_json{{"passes", cost.passes}, {"tokens_fed", cost.tokens_fed}, {"tokens_reused", cost.tokens_reused}};
  };
  ordered_json cost = cost_json(result_.cost);
  cost["seconds"] = seconds_;
  return {{"prompt", prompt_->name},
          {"model", opened_->ref.label},
          {"model_fingerprint", opened_->facts.model_fingerprint},
          {"device", opened_->device->device().name},
          {"answer_source", answer_.source},
          {"answer_tokens", result_.answer_tokens},
          {"answer", answer_.text},
          {"log_p_nats", result_.log_p_nats},
          {"prompt_tokens", input_.prompt_ids.size()},
          {"sections", std::move(sections)},
          {"section_places_exact", exact_},
          {"spread", "t * deviation / sqrt(1 - overlap): one-sided 95 % bound on what leaving out a random span of the section's length costs, of spans that touch no relevant section"},
          {"seed", request_->seed},
          {"relevant_tokens", result_.relevant_tokens},
          {"total_tokens", result_.total_tokens},
          {std::string(record::info_of(record::MetricId::kContextEfficiencyRatio).name), result_.context_efficiency_ratio()},
          {"planned_cost", cost_json(plan_)},
          {"cost", std::move(cost)}};
}

std::string Attributor::text() const {
  constexpr std::size_t kTitleWidth = 20;
  const auto answer_tokens = static_cast<double>(result_.answer_tokens);
  std::string out = report::fit_width(report::printable(fmt::format("{}, {}", prompt_->name, opened_->ref.label)), 80) + "\n";
  out += report::fit_width(report::printable("answer: " + answer_.source), 80) + "\n";
  out += fmt::format("{} tokens, log p {:.2f} nats ({:.3f} a token)\n\n", result_.answer_tokens, result_.log_p_nats,
                     result_.log_p_nats / answer_tokens);
  out += fmt::format("{:<{}} {:>7}{:>7}{:>9}{:>11}{:>10}{:>9}  {}\n", "section", kTitleWidth, "lines", "tokens", "nats", "/ans.token",
                     "/token", "spread", "rel.");
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const quality::SectionAttribution& one = result_.sections[i];
    std::string title = report::fit_width(report::printable(sections_[i].title), kTitleWidth);
    title.append(kTitleWidth - std::min(kTitleWidth, report::display_width(title)), ' ');
    const std::string lines = sections_[i].first_line == sections_[i].last_line
                                  ? std::to_string(sections_[i].first_line)
                                  : fmt::format("{}-{}", sections_[i].first_line, sections_[i].last_line);
    out += fmt::format("{} {:>7}{:>7}{:>9.2f}{:>11.4f}{:>10}{:>9.2f}  {}\n", title, lines, one.span.size(), one.cost_nats,
                       one.nats_per_answer_token, one.nats_per_token ? fmt::format("{:.4f}", *one.nats_per_token) : "-", one.spread_nats,
                       one.relevant ? "yes" : "no");
  }
  out += fmt::format("\nContext efficiency {:.1f}%: {} of {} tokens are in relevant sections.\n",
                     100.0 * result_.context_efficiency_ratio(), result_.relevant_tokens, result_.total_tokens);
  out += fmt::format(
      "Relevant: leaving it out costs more than the spread over random spans of its\nlength ({} drawn, seed {}); of parts that carry "
      "nothing one in twenty would.\n",
      request_->random_spans, request_->seed);
  if (!exact_) out += "The tokenizer changes the text: where sections begin is estimated.\n";
  out += fmt::format("Cost: {} passes, {} tokens fed, {} shared, {}.\n", result_.cost.passes, result_.cost.tokens_fed,
                     result_.cost.tokens_reused, format_seconds(seconds_));
  return out;
}

}  // namespace

int run_attribution(const AttributionRequest& request, const ModelOptions& model, const NamedPrompt& prompt, Invocation& invocation) {
  check_load_options(model);
  const catalog::ModelRef ref = resolve_single_model(model, invocation);
  if (ref.synthetic())
    throw Error(ErrorCode::kUnsupported, "synthetic weights have no tokenizer: there is no text to attribute", ref.request);
  workload::EffectiveSettings settings = run::effective_settings(model.engine);
  if (!model.engine.max_new_tokens) settings.max_new_tokens = kDefaultNewTokens;
  settings.batch = 1;
  settings.enable_thinking = prompt.prompt.settings.enable_thinking;
  const auto opened = run::open_model(ref, settings, settings.context, model.device_request(), Devices());
  if (!opened->tokenizer) throw Error(ErrorCode::kNotFound, "the model has no tokenizer: there is no text to attribute", ref.request);
  Attributor attributor(request, prompt, *opened, settings);
  attributor.find_answer();
  attributor.measure();
  if (request.json) {
    write_output_json(attributor.json());
  } else {
    write_output(attributor.text());
  }
  return kExitFine;
}

}  // namespace qbench::cli
