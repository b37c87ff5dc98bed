#include "cli/cmd_perplexity.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/plural.h"
#include "base/units.h"
#include "cli/devices.h"
#include "cli/input_files.h"
#include "cli/kv_variants.h"
#include "cli/model_options.h"
#include "cli/npy_writer.h"
#include "cli/number_options.h"
#include "cli/output.h"
#include "engine/perplexity.h"
#include "formats/tokenizer_source.h"
#include "run/engine_settings.h"
#include "run/opened_model.h"

namespace qbench::cli {
namespace {

struct PerplexityCommand {
  ModelOptions model;
  std::optional<std::string> file, token_ids, dump_logits, compare_kv;
  std::int64_t chunks = 0;
  std::string method = "llama.cpp";
  bool json = false;
};

constexpr std::int64_t kLlamaCppContext = 512;  // llama-perplexity's default
constexpr std::int64_t kLeastContextAll = 2, kLeastContextHalves = 4;
constexpr std::int64_t kMaxChunks = 1'000'000'000;
constexpr const char* kExamples = R"(Examples:
  qbench perplexity -m model.gguf --file wiki.test.raw --json
  qbench perplexity -m model.gguf --file text.txt --context 1024 --chunks 20
  qbench perplexity -m ./model --token-ids ids.json --method all --dump-logits logits.npy --json
  qbench perplexity -m model.gguf --file text.txt --compare-kv q8_0,fp8,window:512,sinks:4+512,fp8/sinks:4+512
Methods: llama.cpp cuts the tokens into chunks of --context (512) and scores the second half of each; all scores every token after the first,
in one window unless --context is given. Ids of --token-ids are used as they are: no BOS is put in. Takes one model. Windows are scored one
after the other, whatever --batch says. --dump-logits writes the rows of the tokens that were looked at, chunk after chunk: with all every token
of a chunk, with llama.cpp those from its middle on (of a chunk of 512 tokens 256 to 511). A row predicts the token after its own; the last row
of a chunk is written and scores nothing. --compare-kv runs the same tokens through several KV caches of one model, type, policy or type/policy
each, beside the full cache of --kv-type: perplexity, its difference, and how far the predictions move (KL divergence from the full cache's, in
nats). window:N keeps the latest N positions, sinks:S+N the first S too; positions stay those of the text.)";

void check(const PerplexityCommand& options) {
  check_load_options(options.model);
  if (options.file.has_value() == options.token_ids.has_value())
    throw Error(ErrorCode::kUsage, "give exactly one of --file and --token-ids", "perplexity");
  if (options.method != "llama.cpp" && options.method != "all") {
    throw Error(ErrorCode::kUsage, "'" + options.method + "' is no method; expected llama.cpp or all", "--method");
  }
  if (options.chunks < 0 || options.chunks > kMaxChunks) {
    throw Error(ErrorCode::kUsage, "must be from 0 (all) to " + std::to_string(kMaxChunks) + ", not " + std::to_string(options.chunks),
                "--chunks");
  }
  if (options.compare_kv && options.model.engine.kv_window)
    throw Error(ErrorCode::kUsage, "is compared with the full cache: leave out --kv-window and --kv-sinks", "--compare-kv");
  const std::int64_t least = options.method == "all" ? kLeastContextAll : kLeastContextHalves;
  if (options.model.engine.context.value_or(least) < least) {
    throw Error(ErrorCode::kUsage,
                fmt::format("must be at least {} for --method {}, not {}: a shorter chunk leaves nothing to score", least, options.method,
                            *options.model.engine.context),
                "--context");
  }
}

/// BOS where the tokenizer puts one before a text, else -1.
std::int32_t leading_bos(const text::Tokenizer& tokenizer) {
  const std::vector<std::int32_t> added = tokenizer.encode("", {.add_special = true});
  const auto bos = tokenizer.bos_id();
  return bos && !added.empty() && added.front() == *bos ? *bos : -1;
}

/// "full", "window 512", "sinks 4 + window 512".
std::string policy_text(const workload::EffectiveSettings& settings, std::int64_t context) {
  record::CellKey key;
  const bool windowed = settings.kv_window > 0 && settings.kv_window < context;  // else it keeps everything
  if (windowed) key.kv_window = settings.kv_window;
  if (windowed && settings.kv_sinks > 0) key.kv_sinks = settings.kv_sinks;
  return kv_policy_text(key);
}

void print_result(const PerplexityCommand& options, const nlohmann::ordered_json& result) {
  if (options.json) return write_output_json(result);
  std::string text = fmt::format("perplexity {:.4f} +/- {:.4f} over {} tokens in {} of {}\n", result["perplexity"].get<double>(),
                                 result["standard_error"].get<double>(), result["tokens_scored"].get<std::int64_t>(),
                                 plural(result["chunks"].get<std::int64_t>(), "chunk"), result["context"].get<std::int64_t>());
  text += fmt::format("KV cache {}, {}: {}\n", result["kv_type"].get<std::string>(), result["kv_policy"].get<std::string>(),
                      format_bytes(result["kv_bytes"].get<std::uint64_t>()));
  if (result.contains("comparison")) {
    text += fmt::format("\n{:<28}{:>12}{:>12}{:>12}{:>12}{:>12}{:>10}\n", "KV cache", "bytes", "perplexity", "difference", "mean KL", "largest KL",
                        "same top");
    for (const auto& row : result["comparison"]) {
      text += fmt::format("{:<28}{:>12}{:>12.4f}{:>+12.4f}{:>12.6f}{:>12.6f}{:>9.1f}%\n",
                          row["kv_type"].get<std::string>() + ", " + row["kv_policy"].get<std::string>(),
                          format_bytes(row["kv_bytes"].get<std::uint64_t>()), row["perplexity"].get<double>(),
                          row["perplexity_difference"].get<double>(), row["mean_kl_nats"].get<double>(), row["largest_kl_nats"].get<double>(),
                          100.0 * row["same_top_ratio"].get<double>());
    }
    text += "Differences and KL from the first row's predictions, KL in nats per token.\n";
  }
  write_output(text);
}

/// The caches of a comparison: that of the settings first.
std::vector<KvVariant> caches(const PerplexityCommand& options, const workload::EffectiveSettings& settings) {
  std::vector<KvVariant> all{{settings.kv_type, settings}};
  if (!options.compare_kv) return all;
  const std::vector<KvVariant> more = parse_kv_variants(*options.compare_kv, settings);
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

nlohmann::ordered_json comparison_json(const std::vector<KvVariant>& variants, const std::vector<std::unique_ptr<engine::Session>>& sessions,
                                       const std::vector<engine::ComparedPerplexity>& results) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < variants.size(); ++i) {
    rows.push_back({{"kv", variants[i].text},
                    {"kv_type", variants[i].settings.kv_type},
                    {"kv_policy", policy_text(variants[i].settings, sessions[i]->context())},
                    {"kv_bytes", sessions[i]->kv_bytes()},
                    {"perplexity", results[i].result.perplexity},
                    {"perplexity_difference", results[i].result.perplexity - results[0].result.perplexity},
                    {"mean_kl_nats", results[i].mean_kl},
                    {"largest_kl_nats", results[i].largest_kl},
                    {"same_top_ratio", results[i].same_top_ratio}});
  }
  return rows;
}

/// What is scored, and how.
struct Scoring {
  std::vector<std::int32_t> ids;
  engine::PerplexityOptions options;
};

/// Reads the input files before the model is looked for, so that a wrong one is said at once.
struct Input {
  std::string text;
  std::vector<std::int32_t> ids;
  std::optional<NpyWriter> dump;
};

Input read_input_files(const PerplexityCommand& options) {
  Input input;
  if (options.file) input.text = read_text_input("--file", *options.file);
  if (options.token_ids) input.ids = read_ids("--token-ids", *options.token_ids);
  if (options.dump_logits) input.dump.emplace(*options.dump_logits);
  return input;
}

Scoring make_scoring(const PerplexityCommand& options, const catalog::ModelRef& ref, Input& input) {
  Scoring scoring;
  scoring.ids = std::move(input.ids);
  scoring.options.max_chunks = options.chunks;
  if (options.file) {
    if (ref.synthetic())
      throw Error(ErrorCode::kNotFound, "synthetic weights have no tokenizer: give --token-ids instead of --file", ref.request);
    const auto tokenizer = text::make_tokenizer(formats::load_tokenizer_source(ref.path));
    scoring.ids = tokenizer->encode(input.text, {.add_special = true});
    scoring.options.bos_id = leading_bos(*tokenizer);
  }
  const bool all = options.method == "all";
  scoring.options.method = all ? engine::PerplexityMethod::kAll : engine::PerplexityMethod::kLlamaCpp;
  const std::int64_t usual = all ? std::max<std::int64_t>(static_cast<std::int64_t>(scoring.ids.size()), 1) : kLlamaCppContext;
  scoring.options.context = options.model.engine.context.value_or(usual);
  if (input.dump) scoring.options.on_logits = [&input](std::int64_t, std::span<const float> logits) { input.dump->append_row(logits); };
  return scoring;
}

int run(const PerplexityCommand& options, Invocation& invocation) {
  check(options);
  Input input = read_input_files(options);
  const catalog::ModelRef ref = resolve_single_model(options.model, invocation);
  workload::EffectiveSettings settings = run::effective_settings(options.model.engine);
  if (settings.batch > 1) log_warning("perplexity scores one window after the other: --batch changes nothing");
  settings.batch = 1;
  const std::vector<KvVariant> variants = caches(options, settings);
  const Scoring scoring = make_scoring(options, ref, input);
  std::vector<workload::EffectiveSettings> more_caches;  // all are there at once
  for (std::size_t i = 1; i < variants.size(); ++i) more_caches.push_back(variants[i].settings);
  const auto opened = run::open_model(ref, settings, scoring.options.context, options.model.device_request(), Devices(), more_caches);
  std::vector<std::unique_ptr<engine::Session>> sessions;
  std::vector<engine::Session*> compared;
  for (const KvVariant& variant : variants) {
    sessions.push_back(run::open_session(*opened, variant.settings, scoring.options.context));
    compared.push_back(sessions.back().get());
  }
  const std::int64_t start_ns = now_ns();
  const std::vector<engine::ComparedPerplexity> results = engine::compare_perplexity(compared, scoring.ids, scoring.options);
  const engine::PerplexityResult& result = results.front().result;
  const double eval_ns = static_cast<double>(now_ns() - start_ns);
  if (input.dump) input.dump->finish();

  nlohmann::ordered_json printed{{"perplexity", result.perplexity},
                         {"standard_error", result.standard_error},
                         {"mean_nll", result.mean_nll},
                         {"tokens_scored", result.tokens_scored},
                         {"chunks", result.chunks},
                         {"tokens", scoring.ids.size()},
                         {"context", scoring.options.context},
                         {"method", options.method},
                         {"model", ref.label},
                         {"precision", opened->facts.precision},
                         {"kv_type", settings.kv_type},
                         {"kv_policy", policy_text(settings, scoring.options.context)},
                         {"kv_bytes", sessions.front()->kv_bytes()},
                         {"device", opened->device->device().name},
                         {"threads", opened->device->device().threads},
                         {"load_ms", ms_from_ns(static_cast<double>(opened->load_ns))},
                         {"eval_ms", ms_from_ns(eval_ns)}};
  if (variants.size() > 1) printed["comparison"] = comparison_json(variants, sessions, results);
  print_result(options, printed);
  return kExitFine;
}

}  // namespace

Command add_perplexity(CLI::App& root) {
  const auto options = std::make_shared<PerplexityCommand>();
  CLI::App* command = root.add_subcommand("perplexity", "How well a model predicts a text");
  command->add_option("--file", options->file, "Text; `-` is standard input")->type_name("F");
  command->add_option("--token-ids", options->token_ids, "One JSON array of ids, used as it is")->type_name("F.json");
  command->add_option("--chunks", options->chunks, "At most so many windows; 0: all")->transform(whole_number())->type_name("N");
  command->add_option("--method", options->method, "llama.cpp (default) or all")->type_name("M");
  command
      ->add_option("--dump-logits", options->dump_logits,
                   "NumPy file: float32 (tokens, vocab_size), padding rows included; which tokens: below")
      ->type_name("F.npy");
  command
      ->add_option("--compare-kv", options->compare_kv,
                   "Other KV caches to compare with the full one: f32, bf16, f16, fp8, q8_0, window:N, sinks:S+N, or type/policy, comma-separated")
      ->type_name("LIST");
  command->add_flag("--json", options->json, "One JSON document");
  add_load_options(*command, options->model);
  command->footer(kExamples);
  return {"perplexity", [options](Invocation& invocation) { return run(*options, invocation); }};
}

}  // namespace qbench::cli
