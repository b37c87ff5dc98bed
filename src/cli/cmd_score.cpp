#include "cli/cmd_score.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "cli/number_options.h"
#include "cli/sandbox_options.h"
#include "cli/score_folder.h"
#include "cli/score_suite.h"
#include "quality/rating/kpi.h"
#include "workload/suite.h"

namespace qbench::cli {
namespace {

struct ScoreOptions {
  std::optional<std::string> suite, answers;
  std::optional<std::filesystem::path> folder;
  std::vector<std::int64_t> ks{1};
  int jobs = 0;
  bool check_references = false, json = false;
  SandboxOptions sandbox;
};

constexpr const char* kExamples = R"(Examples:
  qbench score results/20261121_032200-codegen --jobs 2          a run's saved answers: judged where they have a task, rated, reports written again
  qbench score --suite HumanEval.jsonl.gz --answers samples.jsonl --k 1,10 --jobs 2 --json
  qbench score --suite python-tasks#parse-duration --answers mine.jsonl
  qbench score --suite HumanEval.jsonl.gz --check-references
Answers: one {"task_id": ..., "completion": ...} a line, plain or .gz; a completion (EvalPlus: "solution") is the function's body, code, or a chatty answer with
code in it; several answers to a task are samples of it. Tasks without an answer are no part of pass@k: the summary says how many were answered.
Suites: ours by name or folder, and files of HumanEval, MBPP, EvalPlus and MultiPL-E (.jsonl, .jsonl.gz, .json).
With --json one line a task (task_id, status, seconds, detail, sample, sandbox_level, judge) and a last one with "summary": true and pass@k.
Statuses: pass, wrong, exception, compile_error, cpu_timeout, wall_timeout, oom, output_limit, crash, sandbox_violation, and harness_error, which is
never the answer's fault and no trial of pass@k. The processor time allowed is ten times the reference's, at least 2 s and at most 10 s (three
times the reference's where that is more).
DIR: answers that the run has judged keep their verdict; each is rated by the KPIs below (src/quality/rating/README.md), and samples.jsonl,
summary.csv and the reports get it. --suite names the run's suite where its name does not find it. Of each session's answers the first
attempt is rated; further samples and repairs are judged by the run and not rated: the tools take seconds an answer.
--check-references judges the references (they must pass), wrong answers or mutants of the reference, and an empty program (none must pass).
What this machine lacks the compiler or interpreter for is not checked: the summary says what to install, "sound" is null.
Exit status: 0 fine, 1 a reference check fails, 2 usage or unusable input, 3 the harness failed on an answer or could not check a reference.)";

/// The KPIs of a rating, a line each.
std::string kpi_lines() {
  std::string out = "\nKPIs:\n";
  for (const quality::KpiInfo& info : quality::kpi_catalog())
    out += "  " + std::string(info.name) + " (" + std::string(info.unit) + "): " + std::string(info.formula) + "\n";
  return out;
}

void check(const ScoreOptions& options) {
  const auto usage = [](const std::string& message) { throw Error(ErrorCode::kUsage, message, "score"); };
  if (options.jobs < 0 || options.jobs > 1024) usage("--jobs: " + std::to_string(options.jobs) + " is not from 1 to 1024");
  if (options.folder) {
    if (options.answers || options.check_references)
      usage("a run's folder has its own answers: leave out --answers and --check-references");
    return;
  }
  if (!options.suite) usage("give a run's folder, or --suite: what are the answers to?");
  if (options.check_references == options.answers.has_value()) usage("give either --answers FILE or --check-references");
  for (const std::int64_t k : options.ks) {
    if (k < 1 || k > 10000) usage("--k: " + std::to_string(k) + " is not from 1 to 10000");
  }
}

int run(const ScoreOptions& options) {
  check(options);
  ScoreSettings settings;
  settings.ks = options.ks;
  settings.jobs = options.jobs > 0 ? options.jobs : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  settings.json = options.json;
  if (options.folder)
    return score_folder(*options.folder, *sandbox::Sandbox::open(sandbox_options(options.sandbox)),
                        {options.suite, settings.jobs, settings.json});
  const workload::Suite suite = workload::find_suite(*options.suite);
  const auto room = sandbox::Sandbox::open(sandbox_options(options.sandbox));
  if (options.check_references) return score_references(suite, *room, settings);
  return score_answers(suite, *options.answers, *room, settings);
}

}  // namespace

Command add_score(CLI::App& root) {
  const auto options = std::make_shared<ScoreOptions>();
  CLI::App* command =
      root.add_subcommand("score", "Judge and rate a run's saved answers, or anybody's answers to a suite's tasks, in a sandbox");
  command->add_option("DIR", options->folder, "A run's folder: its saved answers are judged and rated")->type_name("");
  command->add_option("-s,--suite", options->suite,
                      "Suite of tasks: a name, a folder, or a file of HumanEval, MBPP, EvalPlus or MultiPL-E");
  command->add_option("-a,--answers", options->answers, "Answers, JSON lines with task_id and completion");
  command->add_option("-k,--k", options->ks, "k of pass@k, comma-separated")
      ->delimiter(',')
      ->transform(whole_number())
      ->capture_default_str();
  command->add_option("-j,--jobs", options->jobs, "Answers judged at once; default: one a core")->transform(whole_number());
  command->add_flag("--check-references", options->check_references, "Judge the suite's references and wrong answers instead");
  command->add_flag("--json", options->json, "One JSON line a task, then a summary");
  add_sandbox_options(*command, options->sandbox);
  command->footer(kExamples + kpi_lines());
  return {"score", [options](Invocation&) { return run(*options); }};
}

}  // namespace qbench::cli
