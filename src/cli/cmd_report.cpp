#include "cli/cmd_report.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/error.h"
#include "cli/output.h"
#include "report/history_series.h"
#include "report/render.h"
#include "report/terminal_report.h"

namespace qbench::cli {
namespace {

namespace fs = std::filesystem;
using report::Format;

struct ReportOptions {
  fs::path folder;
  std::vector<std::string> formats{"md", "csv", "junit", "html"};
  std::optional<fs::path> output_dir;
  std::optional<fs::path> history;
  bool no_color = false;
};

constexpr const char* kExamples = R"(Examples:
  qbench report results/20261121_032200-codegen                           all files again, into the run's folder
  qbench report results/20261121_032200-codegen --format terminal         every metric on the terminal
  qbench report results/20261121_032200-codegen --format html,junit --output-dir public
  qbench report results/20261121_032200-codegen --format html --history results/history.sqlite
Everything is made from run.json and samples.jsonl, of this schema version or an earlier one. report.html is one file that works offline.
Exit status: 0 fine, 2 the folder cannot be read or the files cannot be written.)";

/// What a word of --format asks for; nothing for "terminal".
std::optional<Format> format_from_name(const std::string& name) {
  if (name == "md") return Format::kMarkdown;
  if (name == "csv") return Format::kCsv;
  if (name == "junit") return Format::kJunit;
  if (name == "html") return Format::kHtml;
  if (name == "terminal") return std::nullopt;
  throw Error(ErrorCode::kUsage, "'" + name + "' is no format; there are md, csv, junit, html, terminal", "--format");
}

int run(const ReportOptions& options) {
  bool on_terminal = false;
  report::RenderOptions render;
  render.formats.clear();
  for (const std::string& name : options.formats) {
    const std::optional<Format> format = format_from_name(name);
    if (format) render.formats.insert(*format);
    on_terminal = on_terminal || !format;
  }
  const report::StoredRun stored = report::read_run_folder(options.folder);
  if (options.history) {
    if (render.formats.count(Format::kHtml) == 0) throw Error(ErrorCode::kUsage, "only the format html draws a history", "--history");
    render.history = report::read_history_series(*options.history, stored.run, stored.content.cells);
  }
  const fs::path into = options.output_dir.value_or(options.folder);
  std::error_code failed;
  fs::create_directories(into, failed);
  if (failed) throw Error(ErrorCode::kIo, "cannot make the folder: " + failed.message(), into.string());
  if (on_terminal) {
    const bool color = output_is_terminal() && !options.no_color && !environment_variable("NO_COLOR");
    write_output(report::terminal_report(stored.run, stored.content, {.width = terminal_columns(STDOUT_FILENO, 60, 80), .color = color}));
  }
  for (const fs::path& path : report::write_reports(into, stored.run, stored.content, render)) write_output(path.string() + "\n");
  return kExitFine;
}

}  // namespace

Command add_report(CLI::App& root) {
  const auto options = std::make_shared<ReportOptions>();
  CLI::App* command = root.add_subcommand("report", "Render an earlier run again: markdown, CSV, JUnit, HTML, terminal");
  command->add_option("DIR", options->folder, "The run's folder")->required()->type_name("");
  command->add_option("--format", options->formats, "md, csv, junit, html, terminal, comma-separated (all files)")
      ->delimiter(',')
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("F,...");
  command->add_option("--output-dir", options->output_dir, "Where the files go (the run's folder)")->type_name("DIR");
  command->add_option("--history", options->history, "Draw the nights of this history into report.html")->type_name("F");
  command->add_flag("--no-color", options->no_color, "No colours, whatever standard output is");
  command->footer(kExamples);
  return {"report", [options](Invocation&) { return run(*options); }};
}

}  // namespace qbench::cli
