#include "cli/cmd_bench.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/clock.h"
#include "base/error.h"
#include "cli/bench_format.h"
#include "cli/bench_tests.h"
#include "cli/devices.h"
#include "cli/model_options.h"
#include "cli/number_options.h"
#include "cli/output.h"
#include "cli/print_error.h"
#include "run/engine_settings.h"
#include "run/guard.h"
#include "run/opened_model.h"
#include "run/study.h"
#include "workload/ranges.h"

namespace qbench::cli {
namespace {

struct BenchCommand {
  ModelOptions model;
  std::vector<std::string> prompt_tokens{"512"}, gen_tokens{"128"}, depth{"0"};
  std::int64_t repetitions = 5;
  std::int64_t seed = 1;
  std::string format = "md";
  bool breakdown = false;
  std::vector<std::string> ablate;
};

constexpr std::int64_t kMaxTokens = std::int64_t{1} << 20;
constexpr const char* kExamples = R"(Examples:
  qbench bench -m model.gguf                                   pp512 and tg128, five times each
  qbench bench -m a.gguf,b.gguf --prompt-tokens 128,512 --gen-tokens 32 --depth 0,4096 --threads 8
  qbench bench -m synthetic:qwen3-30b-a3b --precision q4_k_m --format json
Tests are named as llama-bench names them: pp512 is a prompt of 512 tokens, tg32 are 32 tokens one at a time, @d4096 with 4096 tokens already in
the cache. Ids are random; tokenising and sampling are not timed (a CUDA device picks greedily as part of each step and goes on with
what it picked); one unmeasured run of the same shape comes first. With --batch N each of N
sequences runs the test and all their tokens count. Lists take ranges: 128-1024+128, 1-16*2; 0 leaves a kind out. Several models are measured
in turn; one that fails is a row, and so is a test that needs more positions than the model has; the exit status is then 3.
--breakdown adds passes in which each step is timed, fused as it runs and then taken apart; --ablate measures each test with one optimisation left
out at a time, all of them in turn: flash, fusion, repack and simd on the CPU (repack and simd load the model once more), flash, graph, fusion and
pdl on CUDA. Both follow the table; in json and jsonl they stand in the rows.)";

std::vector<std::int64_t> int_list(const std::vector<std::string>& values, const char* option) {
  std::vector<std::int64_t> numbers;
  for (const std::string& value : values) {
    const std::vector<std::int64_t> more = workload::parse_int_list(value, option, 0, kMaxTokens);
    numbers.insert(numbers.end(), more.begin(), more.end());
  }
  return numbers;
}

std::vector<BenchTest> tests_of(const BenchCommand& options) {
  check_load_options(options.model);
  if (options.repetitions < 1 || options.repetitions > 10'000) {
    throw Error(ErrorCode::kUsage, "must be from 1 to 10000, not " + std::to_string(options.repetitions), "--repetitions");
  }
  if (bench_format_from_name(options.format) == BenchFormat::kCsv && (options.breakdown || !options.ablate.empty())) {
    throw Error(ErrorCode::kUsage, "csv holds one row for each test; take md, json or jsonl with --breakdown or --ablate", "--format");
  }
  if (!options.ablate.empty()) run::check_ablation(options.ablate, Devices().resolve(options.model.device_request()), options.model.isa);
  std::vector<BenchTest> tests = make_bench_tests(int_list(options.prompt_tokens, "--prompt-tokens"),
                                                  int_list(options.gen_tokens, "--gen-tokens"), int_list(options.depth, "--depth"));
  if (tests.empty()) throw Error(ErrorCode::kUsage, "nothing to measure: --prompt-tokens and --gen-tokens are all 0", "bench");
  const std::int64_t context = options.model.engine.context.value_or(0);
  for (const BenchTest& test : tests) {
    if (context > 0 && test.positions() > context) {
      throw Error(ErrorCode::kUsage,
                  test.name() + " needs " + std::to_string(test.positions()) + " positions, more than " + std::to_string(context),
                  "--context");
    }
  }
  return tests;
}

/// Prints rows as they are measured.
class RowPrinter {
 public:
  explicit RowPrinter(BenchFormat format) : format_(format) { write_output(bench_head(format)); }
  void print(const BenchRow& row) {
    write_output(bench_row(format_, row, first_));
    first_ = false;
    studies_ += bench_studies(format_, row);
  }
  void finish() { write_output(bench_tail(format_) + studies_); }

 private:
  BenchFormat format_;
  std::string studies_;  // behind the table, which they would cut in two
  bool first_ = true;
};

void fail(BenchRow& row, const record::Failure& failure, RowPrinter& printer) {
  print_error(failure.message);
  row.status = "failed";
  row.error = failure.message;
  printer.print(row);
}

std::optional<std::int32_t> leading_bos(const run::OpenedModel& opened) {
  if (!opened.tokenizer) return std::nullopt;
  const std::vector<std::int32_t> added = opened.tokenizer->encode("", {.add_special = true});
  if (added.empty() || added.front() != opened.tokenizer->bos_id()) return std::nullopt;
  return added.front();
}

BenchRow row_of(const run::OpenedModel& opened, const workload::EffectiveSettings& settings, const engine::Session& session) {
  const backend::DeviceInfo device = opened.device->device();
  BenchRow row;
  row.precision = opened.facts.precision;
  row.device = device.name;
  row.device_description = device.description;
  row.instruction_sets = device.instruction_sets;
  row.paths = device.paths;
  record::CellKey cache;
  const bool windowed = settings.kv_window > 0 && settings.kv_window < session.context();
  if (windowed) cache.kv_window = settings.kv_window;
  if (windowed && settings.kv_sinks > 0) cache.kv_sinks = settings.kv_sinks;
  row.kv_type = settings.kv_type + (cache.kv_window ? " (" + kv_policy_text(cache) + ")" : std::string());
  row.weights = opened.facts.weights;
  row.weight_bytes = opened.facts.weight_bytes;
  row.decode_read_bytes = opened.facts.decode_read_bytes;
  row.kv_bytes = static_cast<std::int64_t>(session.kv_bytes());
  row.load_ns = opened.load_ns;
  row.parameters = opened.facts.parameters;
  row.threads = device.threads;
  row.batch = session.sequences();
  row.context = session.context();
  return row;
}

/// Measures one model and prints its rows. A test that fails is a row, the others are measured.
class ModelBench {
 public:
  ModelBench(const BenchCommand& options, const catalog::ModelRef& ref, RowPrinter& printer)
      : options_(options), ref_(ref), printer_(printer), settings_(run::effective_settings(options.model.engine)) {}

  /// False when a test failed. Throws what keeps the model from being measured at all.
  bool run(const std::vector<BenchTest>& tests) {
    const std::int64_t most = run::open_files(ref_).config.context;
    std::int64_t context = settings_.context;
    for (const BenchTest& test : tests) {
      if (test.positions() <= most) context = std::max(context, test.positions());
    }
    // Where no test fits, a model need not be loaded to say so.
    if (context > 0) open(context);
    bool all_ran = true;
    for (const BenchTest& test : tests) {
      BenchRow row = opened_ ? row_of(*opened_, settings_, *session_) : BenchRow();
      row.model = ref_.label;
      row.test = test.name();
      row.prompt_tokens = test.prompt_tokens;
      row.gen_tokens = test.gen_tokens;
      row.depth = test.depth;
      const auto failure = run::run_guarded([&] {
        if (test.positions() > most) throw Error(ErrorCode::kContext, too_long(test, most), ref_.label);
        measure(test, row);
      });
      if (failure) {
        fail(row, *failure, printer_);
      } else {
        all_ran = study(test, row) && all_ran;  // what was measured stands, whatever becomes of its studies
        printer_.print(row);
      }
      all_ran = all_ran && !failure;
    }
    return all_ran;
  }

 private:
  static std::string too_long(const BenchTest& test, std::int64_t most) {
    return test.name() + " needs " + std::to_string(test.positions()) + " positions, the model has " + std::to_string(most);
  }

  void open(std::int64_t context) {
    if (options_.model.device == backend::kEmulatedDevice) {
      throw Error(ErrorCode::kUnsupported, "bench measures speed, and the emulated device has none to measure; check it with generate or perplexity");
    }
    opened_ = run::open_model(ref_, settings_, context, options_.model.device_request(), Devices());
    session_ = run::open_session(*opened_, settings_, context);
    tokens_.emplace(opened_->sampling_vocab, leading_bos(*opened_), static_cast<std::uint64_t>(options_.seed));
  }

  void measure(const BenchTest& test, BenchRow& row) {
    row.samples_ns = run_bench_test(*session_, test, options_.repetitions, *tokens_);
    row.repetitions = options_.repetitions;
    for (const std::int64_t ns : row.samples_ns) {
      row.samples.push_back(static_cast<double>(test.tokens() * session_->sequences()) * 1e9 /
                            static_cast<double>(std::max<std::int64_t>(ns, 1)));
    }
  }

  /// False when a study failed, which is said.
  bool study(const BenchTest& test, BenchRow& row) {
    if (!options_.breakdown && options_.ablate.empty()) return true;
    const std::vector<std::int32_t> before = tokens_->sequence(test.depth, true);
    const std::int64_t count = test.prompt_tokens > 0 ? test.prompt_tokens : test.gen_tokens * session_->sequences();
    const std::vector<std::int32_t> ids = tokens_->sequence(count, test.depth == 0);
    const run::MakePass make_pass = [&](engine::Session& session) { return bench_pass(session, test, before, ids); };
    const run::StudySubject subject{opened_.get(), session_.get(), &settings_, options_.model.device_request(), &devices_};
    const record::CellKey cell{.model = row.model, .suite = "bench", .prompt_id = row.test, .device = row.device, .precision = settings_.precision,
                               .kv_type = row.kv_type, .batch = session_->sequences(), .context = session_->context(), .threads = row.threads.value_or(0)};
    std::vector<record::StudyFailure> failures;
    if (options_.breakdown) {
      row.breakdown = run::measure_breakdown_record(subject, cell, make_pass);
      failures = study_failures(*row.breakdown);
    }
    if (!options_.ablate.empty()) {
      row.ablation = run::measure_ablation_record(subject, cell, make_pass, options_.ablate, options_.repetitions);
      const std::vector<record::StudyFailure> more = study_failures(*row.ablation);
      failures.insert(failures.end(), more.begin(), more.end());
    }
    for (const record::StudyFailure& failed : failures) print_error(row.model + ", " + row.test + ": " + failed.what + " failed: " + failed.failure.message);
    return failures.empty();
  }

  const BenchCommand& options_;
  const catalog::ModelRef& ref_;
  RowPrinter& printer_;
  workload::EffectiveSettings settings_;
  std::unique_ptr<run::OpenedModel> opened_;
  std::unique_ptr<engine::Session> session_;
  std::optional<BenchTokens> tokens_;
  Devices devices_;
};

int run(const BenchCommand& options, Invocation& invocation) {
  const std::vector<BenchTest> tests = tests_of(options);
  const BenchFormat format = bench_format_from_name(options.format);
  const std::vector<catalog::ResolvedModel> models = catalog::resolve_models(catalog::Catalog::load_default(), options.model.models);
  RowPrinter printer(format);
  bool failed = false;
  for (const catalog::ResolvedModel& model : models) {
    invocation.model = model.request;
    const std::optional<record::Failure> failure = run::run_guarded([&] {
      if (model.error) throw *model.error;
      if (!ModelBench(options, *model.ref, printer).run(tests)) failed = true;
    });
    if (!failure) continue;
    failed = true;
    BenchRow row;
    row.model = model.label;
    fail(row, *failure, printer);
  }
  printer.finish();
  return failed ? kExitModelFailed : kExitFine;
}

}  // namespace

Command add_bench(CLI::App& root) {
  const auto options = std::make_shared<BenchCommand>();
  CLI::App* command = root.add_subcommand("bench", "Prefill and decode rates without prompts, comparable with llama-bench");
  const auto add_list = [command](const char* name, std::vector<std::string>& values, const char* help) {
    command->add_option(name, values, help)
        ->expected(1)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->type_name("N,...");
  };
  add_list("-p,--prompt-tokens", options->prompt_tokens, "Lengths of the prompt tests (512)");
  add_list("-n,--gen-tokens", options->gen_tokens, "Lengths of the generation tests (128)");
  add_list("-d,--depth", options->depth, "Tokens already in the cache (0)");
  command->add_option("-r,--repetitions", options->repetitions, "Measured runs of each test (5)")
      ->transform(whole_number())
      ->type_name("N");
  command->add_option("--seed", options->seed, "Of the random ids (1)")->transform(whole_number())->type_name("N");
  command->add_option("-o,--format", options->format, "md (default), csv, json or jsonl")->type_name("F");
  command->add_flag("--breakdown", options->breakdown, "Show where the time of each test goes, step by step");
  add_ablate_option(*command, options->ablate, "");
  add_load_options(*command, options->model);
  command->footer(kExamples);
  return {"bench", [options](Invocation& invocation) { return run(*options, invocation); }};
}

}  // namespace qbench::cli
