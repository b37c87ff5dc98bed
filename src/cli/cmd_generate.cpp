#include "cli/cmd_generate.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/units.h"
#include "cli/devices.h"
#include "cli/input_files.h"
#include "cli/model_options.h"
#include "cli/output.h"
#include "cli/sampling_options.h"
#include "measure/sample_metrics.h"
#include "run/engine_settings.h"
#include "run/interrupt.h"
#include "run/opened_model.h"
#include "run/output_text.h"
#include "run/prompt_source.h"
#include "run/sampling.h"
#include "run/stop_words.h"
#include "run/thinking_rule.h"
#include "workload/thinking.h"

namespace qbench::cli {
namespace {

struct GenerateCommand {
  ModelOptions model;
  std::optional<std::string> prompt, prompt_file, token_ids, system;
  bool greedy = false, raw = false, json = false;
};

constexpr std::int64_t kDefaultNewTokens = 256;
constexpr std::int64_t kDefaultContext = 4096;
constexpr const char* kExamples = R"(Examples:
  qbench generate -m model.gguf --prompt "Write a Python function that reverses a list"
  qbench generate -m qwen3-8b --prompt "Why?" --greedy --max-new-tokens 64 --json
  qbench generate -m ./model --token-ids ids.json --greedy --ignore-eos --max-new-tokens 24 --json
The prompt goes through the model's chat template; --raw sends it as it is. Ids of --token-ids are used as they are. Takes one model. With
--batch N the prompt runs in N sequences, sequence s drawing with seed + s; all of them are in the JSON under `sequences`, the first one is printed.)";

void check(const GenerateCommand& options) {
  workload::validate(options.model.engine);
  const int sources = options.prompt.has_value() + options.prompt_file.has_value() + options.token_ids.has_value();
  if (sources != 1) throw Error(ErrorCode::kUsage, "give exactly one of --prompt, --prompt-file and --token-ids", "generate");
  if (options.token_ids && (options.raw || options.system))
    throw Error(ErrorCode::kUsage, "--raw and --system go with --prompt", "generate");
}

/// What was asked for, read before the model is looked for.
struct Asked {
  std::string prompt;
  std::vector<std::int32_t> ids;
};

Asked read_prompt(const GenerateCommand& options) {
  Asked asked;
  if (options.prompt) {
    check_utf8("--prompt", "the prompt", *options.prompt);
    asked.prompt = *options.prompt;
  }
  if (options.prompt_file) asked.prompt = read_text_input("--prompt-file", *options.prompt_file);
  if (options.token_ids) asked.ids = read_ids("--token-ids", *options.token_ids);
  return asked;
}

run::PreparedPrompt prepare(const GenerateCommand& options, const Asked& asked, const run::OpenedModel& opened,
                            const workload::EffectiveSettings& settings) {
  run::PreparedPrompt prompt;
  const auto sequences = static_cast<std::size_t>(settings.batch);
  if (options.token_ids) {
    prompt.ids.assign(sequences, asked.ids);
    return prompt;
  }
  if (!opened.tokenizer)
    throw Error(ErrorCode::kNotFound, "the model has no tokenizer: give --token-ids instead of --prompt", opened.ref.request);
  if (options.raw) {
    prompt.text = asked.prompt;
    prompt.ids.assign(sequences, opened.tokenizer->encode(asked.prompt, {.add_special = true}));
    return prompt;
  }
  workload::Prompt one;
  one.system = options.system;
  one.turns.push_back({asked.prompt, 0});
  return run::PromptSource(opened).prepare({&one, 1, {}}, settings);
}

/// Prints the text of sequence 0 as it comes, up to the first stop word.
class TextPrinter {
 public:
  TextPrinter(const text::Tokenizer* tokenizer, bool enabled, std::vector<std::string> stop) : stop_(std::move(stop)) {
    if (enabled && tokenizer != nullptr) decoder_.emplace(*tokenizer);
  }
  bool print(std::int32_t id) {
    if (decoder_) take(decoder_->push(id), false);
    return true;
  }
  void finish() {
    if (!decoder_) return;
    take(decoder_->finish(), true);
    write_output("\n");
  }

 private:
  /// Holds back what may be the beginning of a stop word until it is known.
  void take(const std::string& text, bool last) {
    if (stopped_) return;
    held_ += text;
    std::size_t sure = last ? held_.size() : held_.size() - longest_beginning();
    for (const std::string& word : stop_) {
      const std::size_t at = held_.find(word);
      if (at == std::string::npos) continue;
      sure = std::min(sure, at);
      stopped_ = true;
    }
    if (sure > 0) write_output(std::string_view(held_).substr(0, sure));
    held_.erase(0, sure);
  }

  std::size_t longest_beginning() const {
    std::size_t longest = 0;
    for (const std::string& word : stop_) {
      for (std::size_t length = std::min(word.size(), held_.size()); length > longest; --length) {
        if (std::string_view(held_).ends_with(std::string_view(word).substr(0, length))) longest = length;
      }
    }
    return longest;
  }

  std::vector<std::string> stop_;
  std::optional<text::StreamDecoder> decoder_;
  std::string held_;
  bool stopped_ = false;
};

nlohmann::ordered_json number(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

nlohmann::ordered_json timings_json(const record::SampleRecord& sample, const run::OpenedModel& opened) {
  using record::MetricId;
  const record::MetricValues metrics = measure::sample_metrics(sample);
  return {{"load_ms", ms_from_ns(static_cast<double>(opened.load_ns))},
          {"ttft_ms", number(metrics[MetricId::kTtftMs])},
          {"itl_mean_ms", number(metrics[MetricId::kItlMeanMs])},
          {"prefill_ms", number(metrics[MetricId::kPrefillMs])},
          {"decode_ms", number(metrics[MetricId::kDecodeMs])},
          {"e2e_ms", number(metrics[MetricId::kE2eMs])},
          {"prefill_tok_per_s", number(metrics[MetricId::kPrefillTokPerS])},
          {"decode_tok_per_s", number(metrics[MetricId::kDecodeTokPerS])},
          {"e2e_tok_per_s", number(metrics[MetricId::kE2eTokPerS])}};
}

nlohmann::ordered_json sequence_json(const engine::Generation& generation, const run::OutputText* text, const record::SequenceRecord& record) {
  nlohmann::ordered_json object{{"output_ids", generation.output_ids},
                                {"text", text != nullptr ? nlohmann::ordered_json(text->text) : nlohmann::ordered_json()},
                                {"stop_reason", engine::name_of(generation.stop_reason)}};
  if (!record.thinking_tokens) return object;
  object["thinking_tokens"] = *record.thinking_tokens;
  object["thinking_end"] = record.thinking_end.value_or("");
  object["forced_tokens"] = record.forced_tokens.value_or(0);
  return object;
}

struct Result {
  run::PreparedPrompt prompt;
  std::vector<engine::Generation> generations;
  std::vector<run::OutputText> texts;
  record::SampleRecord sample;
};

/// What the options say of thoughts. Error{kUsage} where they say something and the model cannot show any.
std::optional<engine::ThinkingRule> watch_thoughts(const GenerateCommand& options, const run::OpenedModel& opened, workload::EffectiveSettings settings,
                                                   const run::PreparedPrompt& prompt) {
  if (!run::asks_for_thought_control(settings)) return std::nullopt;
  if (!opened.tokenizer || !opened.tokenizer->id_of("</think>")) {
    throw Error(ErrorCode::kUsage, "the model's vocabulary has no </think>, so nothing tells thoughts apart; leave out --max-thinking-tokens, "
                                   "--thinking-timeout, --thinking-temperature and --output-temperature", "generate");
  }
  if (options.greedy) settings.thinking_temperature = settings.output_temperature = std::nullopt;
  return run::thinking_rule(settings, *opened.tokenizer, workload::load_thinking_texts().closing_for(opened.facts.name), prompt.text);
}

Result generate(const GenerateCommand& options, const Asked& asked, run::OpenedModel& opened, engine::Session& session,
                const workload::EffectiveSettings& settings) {
  const run::InterruptGuard interrupts(run::InterruptGuard::Role::kParent);
  TextPrinter printer(opened.tokenizer.get(), !options.json, settings.stop);
  Result result;
  result.sample.t0_ns = now_ns();
  result.prompt = prepare(options, asked, opened, settings);
  engine::GenerateRequest request;
  request.prompts = result.prompt.ids;
  request.sampling = run::sampling_params(settings, options.greedy);
  request.max_new_tokens = settings.max_new_tokens;
  request.tokenizer = opened.tokenizer.get();
  const run::StopWords stops = run::split_stop_words(settings.stop, request.tokenizer);
  run::set_stops(request, stops, opened.eos_ids, settings.ignore_eos);
  request.thinking = watch_thoughts(options, opened, settings, result.prompt);
  request.on_token = [&printer](std::int32_t id) { return printer.print(id); };
  request.cancel = &run::InterruptGuard::requested();
  result.generations = session.generate(request);
  run::name_stops(result.generations, stops);
  printer.finish();
  if (opened.tokenizer)
    result.texts = run::decode_outputs(result.generations, *opened.tokenizer, settings.stop, result.sample.detokenize_ns);
  result.sample.prefill_start_ns = result.generations.front().prefill_start_ns - result.sample.t0_ns;
  for (std::size_t s = 0; s < result.generations.size(); ++s) {
    result.sample.sequences.push_back(
        run::sequence_record(result.generations[s], result.sample.t0_ns, result.texts.empty() ? nullptr : &result.texts[s], false));
    if (opened.tokenizer) run::add_thinking_facts(result.generations[s], result.prompt.text, *opened.tokenizer, result.sample.sequences.back());
  }
  return result;
}

nlohmann::ordered_json to_json(const Result& result, const run::OpenedModel& opened, const workload::EffectiveSettings& settings) {
  nlohmann::ordered_json document = sequence_json(result.generations.front(), result.texts.empty() ? nullptr : &result.texts.front(), result.sample.sequences.front());
  document["timings"] = timings_json(result.sample, opened);
  document["prompt_tokens"] = result.generations.front().prompt_tokens;
  document["output_tokens"] = result.generations.front().output_ids.size();
  document["prompt_ids"] = result.prompt.ids.front();
  document["prompt"] = result.prompt.text.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(result.prompt.text);
  document["model"] = opened.ref.label;
  document["precision"] = opened.facts.precision;
  document["kv_type"] = settings.kv_type;
  document["device"] = opened.device->device().name;
  document["threads"] = opened.device->device().threads;
  if (result.generations.size() > 1) {
    for (std::size_t s = 0; s < result.generations.size(); ++s) {
      document["sequences"].push_back(sequence_json(result.generations[s], result.texts.empty() ? nullptr : &result.texts[s], result.sample.sequences[s]));
    }
  }
  return document;
}

int run(const GenerateCommand& options, Invocation& invocation) {
  check(options);
  const Asked asked = read_prompt(options);
  const catalog::ModelRef ref = resolve_single_model(options.model, invocation);
  workload::EffectiveSettings settings = run::effective_settings(options.model.engine);
  if (!options.model.engine.max_new_tokens) settings.max_new_tokens = kDefaultNewTokens;
  if (!settings.stop.empty() && run::open_files(ref).text_side.kind == formats::TokenizerSource::Kind::kNone)
    run::split_stop_words(settings.stop, nullptr);
  const auto opened = run::open_model(ref, settings, settings.context, options.model.device_request(), Devices());
  const std::int64_t prompt_length = static_cast<std::int64_t>(prepare(options, asked, *opened, settings).ids.front().size());
  const std::int64_t wanted = std::max(kDefaultContext, prompt_length + settings.max_new_tokens);
  const std::int64_t context = settings.context > 0 ? settings.context : std::min(wanted, opened->config.context);
  const auto session = run::open_session(*opened, settings, context);
  const Result result = generate(options, asked, *opened, *session, settings);
  if (options.json) {
    write_output_json(to_json(result, *opened, settings));
  } else if (!opened->tokenizer) {
    write_output(fmt::format("{}\n", fmt::join(result.generations.front().output_ids, " ")));
  }
  if (result.generations.front().stop_reason == engine::StopReason::kInterrupted) {
    throw Error(ErrorCode::kInterrupted, "interrupted");
  }
  return kExitFine;
}

}  // namespace

Command add_generate(CLI::App& root) {
  const auto options = std::make_shared<GenerateCommand>();
  CLI::App* command = root.add_subcommand("generate", "One completion");
  command->add_option("--prompt", options->prompt, "The prompt")->type_name("TEXT");
  command->add_option("--prompt-file", options->prompt_file, "The prompt, from a file; `-` is standard input")->type_name("F");
  command->add_option("--token-ids", options->token_ids, "One JSON array of ids, used as it is")->type_name("F.json");
  command->add_option("--system", options->system, "System message")->type_name("TEXT");
  command->add_flag("--raw", options->raw, "No chat template");
  command->add_flag("--greedy", options->greedy, "The likeliest token each time, without penalties");
  command->add_flag("--json", options->json, "One JSON document instead of the text");
  add_load_options(*command, options->model);
  add_sampling_options(*command, options->model.engine);
  add_thinking_options(*command, options->model.engine);
  command->footer(kExamples);
  return {"generate", [options](Invocation& invocation) { return run(*options, invocation); }};
}

}  // namespace qbench::cli
