#include "cli/cmd_ab.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/text_file.h"
#include "cli/number_options.h"
#include "cli/output.h"
#include "cli/print_error.h"
#include "cli/ratio_option.h"
#include "report/comparison_text.h"
#include "report/junit.h"
#include "run/ab.h"
#include "run/guard.h"
#include "run/interrupt.h"

namespace qbench::cli {
namespace {

namespace fs = std::filesystem;

struct AbOptions {
  std::string base, candidate, models;
  std::vector<std::string> run_options;
  std::size_t pairs = compare::kFewestPairs;
  std::optional<std::string> gate, delta, json, junit;
  std::string format = "terminal";
  bool strict = false, quiet = false;
};

constexpr std::size_t kMostPairs = 1000;
constexpr const char* kExamples = R"(Examples:
  qbench ab --base build/main/qbench --cand build/pr/qbench -m model.gguf
  qbench ab --base old/qbench --cand new/qbench -m model.gguf --delta 3% --pairs 20 -- --suite smoke -r 3 --threads 8
  qbench ab --base a/qbench --cand b/qbench -m synthetic:qwen3-8b --strict --json ab.json --junit ab.xml -- --precision q4_k_m
What follows -- goes to `run` of both, with --pass speed. One process of each build comes first and does not count; then pairs of fresh processes in
the order base cand, cand base, ... (ABBA). Per metric the ratio is the median of the pairs' ratios, with an interval that holds the true one in at
least 95 of 100 cases whatever the noise. Worse: the interval lies wholly beyond delta; better likewise; same: wholly within; else unclear: more
pairs make it narrower. Delta is 3 %, on the CPU 8 %, for load_ms 10 %, for bytes as configs/gates/nightly.json says; --delta 3% sets one for all. Both builds
use this qbench's prompts and settings. After Ctrl-C the pairs that are complete are shown; --json and --junit keep them from pair to pair.
Exit codes: 0 fine, 1 something is worse, 2 usage, 3 a process failed, 4 with --strict: unclear or missing, 130 and 143 interrupted.)";

fs::path program_at(const char* option, const std::string& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored) || ::access(path.c_str(), X_OK) != 0)
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is no program that can be run; expected a path such as build/release/qbench", path), option);
  return fs::absolute(path);
}

std::string rendered(const std::string& format, const report::ComparisonReport& report) {
  if (format == "terminal") return report::comparison_terminal(report, {.color = output_is_terminal() && !environment_variable("NO_COLOR"), .all = true});
  if (format == "md") return report::comparison_markdown(report);
  if (format == "json") return report::comparison_json(report);
  if (format == "junit") return report::comparison_junit(report.comparisons);
  throw Error(ErrorCode::kUsage, fmt::format("'{}' is no format here; expected one of terminal, md, json, junit", format), "--format");
}

/// What the pairs that were measured say, shown and written.
class AbReport {
 public:
  AbReport(const AbOptions& options, const run::AbRequest& request) : options_(options), request_(request) {
    rules_ = options.gate ? compare::read_rules(*options.gate) : compare::default_rules();
    if (options.delta) compare::set_delta(rules_, parse_ratio("--delta", *options.delta));
    rendered(options.format, {});  // a wrong name is said before hours of work
  }

  report::ComparisonReport of(const std::vector<compare::RunPair>& pairs) const {
    compare::Comparison comparison = compare::compare_run_pairs(pairs, rules_);
    comparison.base.path = request_.base.string();
    comparison.fresh.path = request_.candidate.string();
    comparison.notes.push_back(fmt::format("{} of {} pairs of fresh processes", pairs.size(), request_.pairs));
    report::ComparisonReport report;
    report.comparisons.push_back(std::move(comparison));
    return report;
  }

  /// After each pair: a run that is killed leaves what it had.
  void keep(const std::vector<compare::RunPair>& pairs) const {
    const report::ComparisonReport report = of(pairs);
    if (options_.json) write_text_file_atomic(*options_.json, report::comparison_json(report));
    if (options_.junit) write_text_file_atomic(*options_.junit, report::comparison_junit(report.comparisons));
  }

  /// Exit code.
  int finish(const std::vector<compare::RunPair>& pairs) const {
    const report::ComparisonReport report = of(pairs);
    keep(pairs);
    write_output(rendered(options_.format, report));
    return compare::exit_code(report.comparisons, options_.strict);
  }

 private:
  const AbOptions& options_;
  const run::AbRequest& request_;
  compare::Rules rules_;
};

run::AbRequest request_of(const AbOptions& options) {
  if (options.pairs < compare::kFewestPairs || options.pairs > kMostPairs)
    throw Error(ErrorCode::kUsage, fmt::format("must be from {} to {}, not {}", compare::kFewestPairs, kMostPairs, options.pairs), "--pairs");
  run::AbRequest request;
  request.base = program_at("--base", options.base);
  request.candidate = program_at("--cand", options.candidate);
  request.arguments = {"--models", options.models};
  request.arguments.insert(request.arguments.end(), options.run_options.begin(), options.run_options.end());
  request.pairs = options.pairs;
  return request;
}

int run(const AbOptions& options, Invocation& invocation) {
  const run::AbRequest request = request_of(options);
  const AbReport report(options, request);
  report.keep({});  // files that cannot be written are said now
  invocation.model = options.models;
  const run::InterruptGuard interrupts(run::InterruptGuard::Role::kParent);
  std::vector<compare::RunPair> pairs;
  const std::int64_t started = now_ns();
  const auto failure = run::run_guarded([&] {
    run::measure_pairs(request, pairs, [&] {
      report.keep(pairs);
      if (!options.quiet) write_stderr(fmt::format("pair {} of {} at {:.0f} s\n", pairs.size(), request.pairs, static_cast<double>(now_ns() - started) / 1e9));
    });
  });
  const int signal = run::InterruptGuard::signal();
  const int status = pairs.empty() ? kExitFine : report.finish(pairs);
  if (failure) {
    print_error(failure->message);
    return kExitModelFailed;
  }
  if (signal == 0) return status;
  print_error(fmt::format("interrupted after {} of {} pairs", pairs.size(), request.pairs));
  return 128 + signal;
}

}  // namespace

Command add_ab(CLI::App& root) {
  const auto options = std::make_shared<AbOptions>();
  CLI::App* command = root.add_subcommand("ab", "Judge a build against another, both run in turn on this machine");
  command->add_option("--base", options->base, "The build to compare with: path of a qbench")->required()->type_name("BIN");
  command->add_option("--cand", options->candidate, "The build to judge")->required()->type_name("BIN");
  command->add_option("-m,--models", options->models, "Models, as for run")->required()->type_name("M");
  command->add_option("--pairs", options->pairs, "Pairs of processes, at least 10")->transform(whole_number())->type_name("N")->capture_default_str();
  command->add_option("--delta", options->delta, "One tolerance for all metrics, such as 3%");
  command->add_option("--gate", options->gate, "Gate file: which metrics are judged and how far they may move");
  command->add_flag("--strict", options->strict, "Exit with 4 where something is unclear or missing");
  command->add_option("--format", options->format, "On standard output: terminal, md, json, junit")->capture_default_str();
  command->add_option("--json", options->json, "Also write JSON to this file, after each pair");
  command->add_option("--junit", options->junit, "Also write JUnit XML to this file, after each pair");
  command->add_flag("-q,--quiet", options->quiet, "No line after each pair");
  command->add_option("run_options", options->run_options, "After --: options of `run` for both builds")->type_name(" ");
  command->footer(kExamples);
  return {"ab", [options](Invocation& invocation) { return run(*options, invocation); }};
}

}  // namespace qbench::cli
