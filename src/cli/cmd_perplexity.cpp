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
#include "base/units.h"
#include "cli/devices.h"
#include "cli/input_files.h"
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
  std::optional<std::string> file, token_ids, dump_logits;
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
Methods: llama.cpp cuts the tokens into chunks of --context (512) and scores the second half of each; all scores every token after the first,
in one window unless --context is given. Ids of --token-ids are used as they are: no BOS is put in. Takes one model. Windows are scored one
after the other, whatever --batch says. --dump-logits writes the rows of the tokens that were looked at, chunk after chunk: with all every token
of a chunk, with llama.cpp those from its middle on (of a chunk of 512 tokens 256 to 511). A row predicts the token after its own; the last row
of a chunk is written and scores nothing.)";

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

void print_result(const PerplexityCommand& options, const nlohmann::ordered_json& result) {
  if (options.json) return write_output_json(result);
  write_output(fmt::format("perplexity {:.4f} +/- {:.4f} over {} tokens in {} chunk{} of {}\n", result["perplexity"].get<double>(),
                           result["standard_error"].get<double>(), result["tokens_scored"].get<std::int64_t>(),
                           result["chunks"].get<std::int64_t>(), result["chunks"] == 1 ? "" : "s", result["context"].get<std::int64_t>()));
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
  const Scoring scoring = make_scoring(options, ref, input);
  const auto opened = run::open_model(ref, settings, scoring.options.context, options.model.device_request(), Devices());
  const auto session = run::open_session(*opened, settings, scoring.options.context);
  const std::int64_t start_ns = now_ns();
  const engine::PerplexityResult result = engine::measure_perplexity(*session, scoring.ids, scoring.options);
  const double eval_ns = static_cast<double>(now_ns() - start_ns);
  if (input.dump) input.dump->finish();

  print_result(options, {{"perplexity", result.perplexity},
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
                         {"device", opened->device->device().name},
                         {"threads", opened->device->device().threads},
                         {"load_ms", ms_from_ns(static_cast<double>(opened->load_ns))},
                         {"eval_ms", ms_from_ns(eval_ns)}});
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
  command->add_flag("--json", options->json, "One JSON document");
  add_load_options(*command, options->model);
  command->footer(kExamples);
  return {"perplexity", [options](Invocation& invocation) { return run(*options, invocation); }};
}

}  // namespace qbench::cli
