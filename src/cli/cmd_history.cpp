#include "cli/cmd_history.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/output.h"
#include "compare/llama_bench.h"
#include "history/history.h"
#include "history/transfer.h"
#include "record/metric_catalog.h"
#include "report/history_text.h"

namespace qbench::cli {
namespace {

using history::Database;
using history::History;

struct HistoryOptions {
  std::string file = "results/history.sqlite";
  std::vector<std::string> paths, set, rename;
  std::string series, metric, run_id, out;
  std::size_t latest = 20, trend_latest = 0;
  bool json = false;
};

constexpr std::size_t kWidth = 80;
constexpr const char* kExamples = R"(Examples:
  qbench history add results/20261121_032200-nightly
  qbench history list
  qbench history trend --metric decode_tok_per_s --series qwen2.5-coder-7b
  qbench history changes --file ci/history.sqlite --json
  qbench history import old.csv --set model=qwen2.5-coder-7b --rename tps=decode_tok_per_s
  qbench history export --out otava && otava analyze --config-file otava/otava.yaml 8d48dd713b0a
  qbench history rebaseline 20261121_032200-nightly --metric load_ms
A night is one run. Nights whose cell, weights, tokenizer, template, prompt, settings, hardware, driver and limits are the same form a series;
anything else begins a new one. `qbench compare --gate ... --history FILE RUN` judges a night and keeps it; add keeps it as accepted
(its output ids only by a rebaseline). Runs within 12 hours are one night of which the latest accepted run counts in baselines. Change points
(E-divisive, advisory) are found when a night is added. The file is SQLite; any number of processes may use it at once.)";

std::pair<std::string, std::string> split_pair(const char* option, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
    throw Error(ErrorCode::kUsage, "'" + text + "': expected NAME=VALUE", option);
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::vector<std::pair<std::string, std::string>> split_pairs(const char* option, const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& text : texts) pairs.push_back(split_pair(option, text));
  return pairs;
}

int add(const HistoryOptions& o) {
  std::vector<history::NightInput> nights;
  for (const std::string& path : o.paths) nights.push_back(history::night_of(compare::read_results(path)));
  History history(o.file, Database::Mode::kWrite);
  for (const history::NightInput& night : nights) {
    const history::Added added = history.add(night);
    write_output(added.already_there ? fmt::format("{}: already there\n", night.run_id)
                                     : fmt::format("{}: {} series, {} values\n", night.run_id, added.series, added.values));
  }
  return kExitFine;
}

int import(const HistoryOptions& o) {
  const auto facts = split_pairs("--set", o.set);
  const auto keys = history::series_columns();
  for (const auto& [name, value] : facts) {
    if (std::find(keys.begin(), keys.end(), name) == keys.end())
      throw Error(ErrorCode::kUsage, "'" + name + "' is no column of a series' key", "--set");
  }
  std::vector<history::NightInput> nights;
  for (const std::string& path : o.paths) {
    for (history::NightInput& night : history::read_history_csv(path, facts, split_pairs("--rename", o.rename)))
      nights.push_back(std::move(night));
  }
  History history(o.file, Database::Mode::kWrite);
  const history::Added added = history.add_all(nights);
  write_output(fmt::format("{} nights read, {} rows and {} values added\n", nights.size(), added.series, added.values));
  return kExitFine;
}

int list(const HistoryOptions& o) {
  const History history(o.file, Database::Mode::kRead);
  const report::HistoryList found{history.night_count(), history.nights(o.latest), history.series(o.series)};
  write_output(o.json ? report::history_list_json(found) : report::history_list_terminal(found, kWidth));
  return kExitFine;
}

void check_metric(const std::string& metric) {
  for (const char* bytes : {"weight_bytes", "kv_bytes", "peak_allocated_bytes"}) {
    if (metric == bytes) return;
  }
  if (!record::metric_from_name(metric))
    throw Error(ErrorCode::kUsage, "'" + metric + "' is no metric; results/README.md lists them", "--metric");
}

int trend(const HistoryOptions& o) {
  const std::string metric = o.metric.empty() ? "decode_tok_per_s" : o.metric;
  check_metric(metric);
  const History history(o.file, Database::Mode::kRead);
  std::vector<report::HistoryTrend> trends;
  for (const history::SeriesInfo& series : history.series(o.series)) {
    report::HistoryTrend one{series, metric, history.trend(series, metric, o.trend_latest), history.changes(series.id, metric)};
    if (!one.points.empty()) trends.push_back(std::move(one));
  }
  if (trends.empty()) {
    throw Error(ErrorCode::kUsage,
                fmt::format("no series{} has values of {}", o.series.empty() ? "" : " that matches '" + o.series + "'", metric), o.file);
  }
  if (o.json) {
    write_output(report::history_trend_json(trends));
    return kExitFine;
  }
  for (std::size_t i = 0; i < trends.size(); ++i) write_output((i > 0 ? "\n" : "") + report::history_trend_terminal(trends[i], kWidth));
  return kExitFine;
}

int changes(const HistoryOptions& o) {
  if (!o.metric.empty()) check_metric(o.metric);
  const auto found = History(o.file, Database::Mode::kRead).changes(o.series, o.metric);
  write_output(o.json ? report::history_changes_json(found) : report::history_changes_terminal(found, kWidth));
  return kExitFine;
}

int export_csv(const HistoryOptions& o) {
  const History history(o.file, Database::Mode::kRead);
  for (const auto& file : history::export_for_otava(history, o.out, o.series)) write_output(file.string() + "\n");
  return kExitFine;
}

int rebaseline(const HistoryOptions& o) {
  if (!o.metric.empty() && o.metric != history::kOutputDigest) check_metric(o.metric);
  History history(o.file, Database::Mode::kRead);
  const std::size_t begun = history.rebaseline(o.run_id, o.metric);
  if (begun == 0) throw Error(ErrorCode::kUsage, fmt::format("run '{}' has no values of {}", o.run_id, o.metric), o.file);
  write_output(fmt::format("{} baselines begin with {}; they judge again after 8 nights (warnings) and 20\n", begun, o.run_id));
  return kExitFine;
}

int remove(const HistoryOptions& o) {
  History(o.file, Database::Mode::kRead).remove(o.run_id);
  write_output(o.run_id + ": taken out\n");
  return kExitFine;
}

using Action = int (*)(const HistoryOptions&);

/// A subcommand with the options that several share.
CLI::App* sub(CLI::App* command, const std::shared_ptr<HistoryOptions>& options, const char* name, const char* what) {
  CLI::App* one = command->add_subcommand(name, what);
  one->add_option("--file", options->file, "The history")->capture_default_str();
  return one;
}

void add_filters(CLI::App* one, const std::shared_ptr<HistoryOptions>& options, bool with_metric) {
  one->add_option("--series", options->series, "Only series whose id begins with, or whose name holds this");
  if (with_metric) one->add_option("--metric", options->metric, "Name in the catalogue, such as decode_tok_per_s");
  one->add_flag("--json", options->json, "One JSON document");
}

}  // namespace

Command add_history(CLI::App& root) {
  const auto options = std::make_shared<HistoryOptions>();
  CLI::App* command = root.add_subcommand("history", "Nights of results: baselines, trends, change points");
  command->require_subcommand(1);
  command->footer(kExamples);
  CLI::App* one = sub(command, options, "add", "Keep runs as accepted nights");
  one->add_option("results", options->paths, "Run folders, summary.csv, or json of benches")->required();
  one = sub(command, options, "list", "Nights and series");
  add_filters(one, options, false);
  one->add_option("--latest", options->latest, "Nights to show, 0: all")->capture_default_str();
  one = sub(command, options, "trend", "A metric over the nights, with change points");
  add_filters(one, options, true);
  one->add_option("--latest", options->trend_latest, "Nights to show, 0: all")->capture_default_str();
  one = sub(command, options, "changes", "Change points, newest first");
  add_filters(one, options, true);
  one = sub(command, options, "export", "CSV files and otava.yaml for Apache Otava");
  one->add_option("--series", options->series, "Only series whose id begins with, or whose name holds this");
  one->add_option("--out", options->out, "Folder to write to")->required();
  one = sub(command, options, "import", "Take nights from CSV files made elsewhere");
  one->add_option("files", options->paths, "One row a night: time, metrics, what tells series apart")->required();
  one->add_option("--set", options->set, "A key column for all rows: model=NAME; may be repeated");
  one->add_option("--rename", options->rename, "What a column of the file is: tps=decode_tok_per_s; may be repeated");
  one = sub(command, options, "rebaseline", "Begin the baselines of a run's series with that run");
  one->add_option("run", options->run_id, "Its run_id")->required();
  one->add_option("--metric", options->metric, "Of this metric alone; output_digest: of the output ids");
  one = sub(command, options, "remove", "Take a night out");
  one->add_option("run", options->run_id, "Its run_id")->required();
  const auto run = [options, command](Invocation&) {
    static constexpr std::pair<const char*, Action> kActions[] = {
        {"add", add},           {"list", list},     {"trend", trend},           {"changes", changes},
        {"export", export_csv}, {"import", import}, {"rebaseline", rebaseline}, {"remove", remove}};
    for (const auto& [name, action] : kActions) {
      if (command->got_subcommand(name)) return action(*options);
    }
    return kExitNothingStarted;
  };
  return {"history", run};
}

}  // namespace qbench::cli
