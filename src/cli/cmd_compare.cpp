#include "cli/cmd_compare.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/error.h"
#include "base/text_file.h"
#include "cli/output.h"
#include "cli/ratio_option.h"
#include "compare/across.h"
#include "compare/compare.h"
#include "compare/llama_bench.h"
#include "compare/monitor.h"
#include "compare/rules.h"
#include "history/history.h"
#include "report/across_page.h"
#include "report/comparison_page.h"
#include "report/comparison_text.h"
#include "report/junit.h"

namespace qbench::cli {
namespace {

struct CompareOptions {
  std::vector<std::string> paths;
  std::optional<std::string> gate, history, delta, thresholds;
  std::vector<std::string> prices;
  std::string format = "terminal";
  std::optional<std::string> md, csv, json, junit, html;
  bool across_gpus = false, strict = false, all = false, monitor = false;
};

constexpr const char* kExamples = R"(Examples:
  qbench compare results/20261120_032200-nightly results/20261121_032200-nightly
  qbench compare base/summary.csv new1/summary.csv new2/summary.csv --delta 5% --strict --all
  qbench compare --gate configs/gates/nightly.json --history results/history.sqlite results/20261121_032200-nightly --json verdicts.json
  qbench compare --across-gpus h100/summary.csv l4/summary.csv --price "H100=2.5" --price "L4=0.8" --format md
  qbench compare results/published/h100-nvl-transformers.csv results/20261121_032200-h100
  qbench compare llama-bench.json qbench-bench.json
  qbench compare --monitor results/20261121_032200-nightly
Reads run folders, their run.json or samples.jsonl, summary.csv (schema versions 1 to 3), and json or jsonl of llama-bench and `qbench bench`.
Verdicts: same, better, worse, suspect, unclear, missing. Worse: every session of NEW is worse than every session of BASE and the medians differ
by more than delta; better likewise; same: every ratio of a new to a base session lies within delta; else unclear. That takes three sessions on
both sides (run --sessions 3); bytes, token counts and output ids are judged from one on. Rows of unlike or unknown machines (another host), of
other weights, prompts, settings (precision, batch, context, cache, threads) or build types are unclear.
With --gate and --history the night's value is judged against median and MAD of the last 20 accepted nights of its key and kept: a first excess is
suspect, the next night in excess is worse; 8 to 19 nights only warn. Runs within 12 hours are one night. Output ids that are not the accepted
ones are said until `qbench history rebaseline`; a gate that had nothing to judge is inconclusive.
Exit codes: 0 fine, 1 something is worse, 2 usage or unreadable input, 3 a model failed in NEW, 4 with --strict: suspect, unclear, missing, or
a critical alert of --monitor.)";

void check(const CompareOptions& o) {
  const auto usage = [](const std::string& message) { throw Error(ErrorCode::kUsage, message, "compare"); };
  if (o.across_gpus) {
    if (o.gate || o.history || o.delta || o.strict || o.monitor || o.thresholds)
      usage("--across-gpus only shows; it takes no --gate, --history, --delta, --strict, --monitor, --thresholds");
    return;
  }
  if (!o.prices.empty()) usage("--price belongs to --across-gpus");
  if (o.history && o.paths.size() != 1) usage("with --history give one result: it is judged against the nights before it");
  if (o.history && !o.gate && !o.delta) usage("--history needs --gate FILE, such as configs/gates/nightly.json");
  const bool alone = o.history || o.monitor || o.thresholds;
  if (o.paths.size() < 2 && !alone) usage("give BASE and at least one NEW, or --gate FILE --history FILE and one NEW");
}

compare::Rules rules_of(const CompareOptions& options) {
  compare::Rules rules = options.gate ? compare::read_rules(*options.gate) : compare::default_rules();
  if (options.delta) compare::set_delta(rules, parse_ratio("--delta", *options.delta));
  return rules;
}

void add_monitor(const CompareOptions& options, const std::vector<record::ResultSet>& results, report::ComparisonReport& report) {
  if (!options.monitor && !options.thresholds) return;
  const auto thresholds = compare::read_thresholds(options.thresholds ? std::filesystem::path(*options.thresholds)
                                                                      : data_dir() / "configs" / "thresholds.json");
  report.monitored = true;
  const bool has_base = results.size() > 1;
  for (std::size_t i = has_base ? 1 : 0; i < results.size(); ++i) {
    const auto alerts = compare::find_alerts(results[i], thresholds, has_base ? &results.front() : nullptr);
    report.alerts.insert(report.alerts.end(), alerts.begin(), alerts.end());
    const auto advice = compare::recommend(results[i]);
    report.recommendations.insert(report.recommendations.end(), advice.begin(), advice.end());
  }
}

/// A format's name and what makes it.
template <class What>
struct Format {
  const char* name;
  std::string (*render)(const What& what, const report::ComparisonOptions& options);
};

constexpr std::array<Format<report::ComparisonReport>, 6> kFormats{{
    {"terminal", report::comparison_terminal},
    {"md", [](const auto& what, const auto&) { return report::comparison_markdown(what); }},
    {"csv", [](const auto& what, const auto&) { return report::comparison_csv(what); }},
    {"json", [](const auto& what, const auto&) { return report::comparison_json(what); }},
    {"junit", [](const auto& what, const auto&) { return report::comparison_junit(what); }},
    {"html", [](const auto& what, const auto&) { return report::comparison_page(what); }},
}};

constexpr std::array<Format<compare::AcrossTable>, 6> kAcrossFormats{{
    {"terminal", report::across_terminal},
    {"md", [](const auto& what, const auto&) { return report::across_markdown(what); }},
    {"csv", [](const auto& what, const auto&) { return report::across_csv(what); }},
    {"json", [](const auto& what, const auto&) { return report::across_json(what); }},
    {"junit", [](const auto& what, const auto&) { return report::across_junit(what); }},
    {"html", [](const auto& what, const auto&) { return report::across_page(what); }},
}};

template <class What, std::size_t n>
std::string rendered(const std::array<Format<What>, n>& formats, const std::string& name, const What& what,
                     const report::ComparisonOptions& options) {
  std::string known;
  for (const auto& format : formats) {
    if (name == format.name) return format.render(what, options);
    known += std::string(known.empty() ? "" : ", ") + format.name;
  }
  throw Error(ErrorCode::kUsage, fmt::format("'{}' is no format here; expected one of {}", name, known), "--format");
}

/// To the files that were asked for, and to standard output.
template <class What, std::size_t n>
void write(const std::array<Format<What>, n>& formats, const CompareOptions& options, const What& what) {
  report::ComparisonOptions shown;
  shown.color = output_is_terminal() && !environment_variable("NO_COLOR");
  shown.all = options.all;
  const std::string text = rendered(formats, options.format, what, shown);
  const std::pair<const char*, const std::optional<std::string>&> files[] = {
      {"md", options.md}, {"csv", options.csv}, {"json", options.json}, {"junit", options.junit}, {"html", options.html}};
  for (const auto& [name, path] : files) {
    if (path) write_text_file_atomic(*path, rendered(formats, name, what, {}));
  }
  write_output(text);
}

/// That of the comparisons; a monitor's failed rows and critical alerts count as theirs do.
int exit_code(const report::ComparisonReport& report, bool strict) {
  const int code = compare::exit_code(report.comparisons, strict);
  const auto any = [&](const auto& test) { return std::any_of(report.alerts.begin(), report.alerts.end(), test); };
  if (any([](const compare::Alert& alert) { return alert.metric == "status"; })) return kExitModelFailed;
  return code == kExitFine && strict && any([](const compare::Alert& alert) { return alert.severity == compare::Severity::kCritical; }) ? kExitInconclusive : code;
}

int run(const CompareOptions& options) {
  check(options);
  std::vector<record::ResultSet> results;
  for (const std::string& path : options.paths) results.push_back(compare::read_results(path));
  if (options.across_gpus) {
    std::vector<compare::Price> prices;
    for (const std::string& price : options.prices) prices.push_back(compare::parse_price(price));
    write(kAcrossFormats, options, compare::across_devices(results, prices));
    return kExitFine;
  }
  const compare::Rules rules = rules_of(options);
  report::ComparisonReport report;
  add_monitor(options, results, report);
  if (options.history) {
    history::History history(*options.history, history::Database::Mode::kWrite);
    report.comparisons.push_back(history.judge(results.front(), rules));
  } else {
    for (std::size_t i = 1; i < results.size(); ++i)
      report.comparisons.push_back(compare::compare_results(results.front(), results[i], rules));
  }
  write(kFormats, options, report);
  return exit_code(report, options.strict);
}

}  // namespace

Command add_compare(CLI::App& root) {
  const auto options = std::make_shared<CompareOptions>();
  CLI::App* command = root.add_subcommand("compare", "Judge results against a base or against their history");
  command->add_option("results", options->paths, "BASE NEW [NEW...]; with --history: NEW")->required();
  command->add_option("--gate", options->gate,
                      "Gate file: what is judged and how far it may move; without one the numbers of configs/gates/nightly.json");
  command->add_option("--history", options->history, "History file to judge NEW against, and to keep it in");
  command->add_option("--delta", options->delta, "One tolerance for all metrics, such as 3%");
  command->add_flag("--strict", options->strict, "Exit with 4 where something is suspect, unclear or missing, or an alert critical");
  command->add_flag("--across-gpus", options->across_gpus, "Table of models by devices: tokens/s with ratios, per watt, per price");
  command->add_option("--price", options->prices, "What an hour of a device costs: \"H100=2.5\"; may be repeated");
  command->add_flag("--monitor", options->monitor, "Alerts by configs/thresholds.json, and what the measurements say bounds each row");
  command->add_option("--thresholds", options->thresholds, "The same with these limits");
  command->add_flag("--all", options->all, "In the terminal also what is the same, and what neither side has");
  command->add_option("--format", options->format, "On standard output: terminal, md, csv, json, junit, html")->capture_default_str();
  command->add_option("--md", options->md, "Also write markdown to this file");
  command->add_option("--csv", options->csv, "Also write CSV to this file");
  command->add_option("--json", options->json, "Also write JSON to this file");
  command->add_option("--junit", options->junit, "Also write JUnit XML to this file");
  command->add_option("--html", options->html, "Also write one self-contained page to this file");
  command->footer(kExamples);
  return {"compare", [options](Invocation&) { return run(*options); }};
}

}  // namespace qbench::cli
