#include "cli/cmd_recommend.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/environment.h"
#include "base/error.h"
#include "cli/number_options.h"
#include "cli/output.h"
#include "cli/recommend_text.h"
#include "record/sample_file.h"
#include "workload/suite.h"

namespace qbench::cli {
namespace {

namespace fs = std::filesystem;

struct RecommendOptions {
  std::optional<std::string> task, constraints;
  std::vector<fs::path> results;
  std::string prefer = "balanced";
  std::optional<double> output_tokens;
  std::optional<fs::path> evaluate;
  fs::path predictions = "results/predictions.jsonl";
  bool no_save = false, json = false;
};

constexpr const char* kExamples = R"(Examples:
  qbench recommend --task task.txt --constraints "ttft<500ms,vram<24GB"
  qbench recommend --task codegen#lru-cache --results results/20261121_032200-nightly --prefer quality --json
  qbench recommend --evaluate results/20261128_032200-nightly
Constraints, comma-separated, < or >: ttft, time (of the whole answer: ms, s, min), tok_per_s (while decoding), vram (GB, GiB; on the CPU the
process's memory), context and tokens (counts), success (0.8 or 80%), quality (0 to 10). Preferences: balanced (least predicted time over the chance
of success), quality, speed.
Everything follows from measured rows: TTFT is a line over the prompt's length, the time TTFT and a gap for each token of the answer, success
the share of judged tasks of like complexity whose first attempt passed. Intervals hold 95 of 100 further requests; they and the confidence come
from 1,000 resamples of sessions and tasks with a fixed seed. Fewer than three values give no interval. A model whose context (context_trained of
its rows) cannot hold the prompt and the predicted answer is never chosen. A model that was run with different options about its thoughts (--no-thinking,
--max-thinking-tokens, ...) is a candidate with each of them; rows of the speed pass count for all.
Each prediction is appended to results/predictions.jsonl; --evaluate holds them against a run of the same prompts that began later.
Exit status: 0 fine, 2 usage or unreadable input, 4 no model can be recommended (nothing measured, or none holds the
constraints) or no prediction could be checked.)";

bool is_result(const fs::path& path) { return fs::exists(path / "run.json") || fs::exists(path / "summary.csv"); }

/// The results that --results and --evaluate name.
class NamedResults {
 public:
  /// A result as it is named; of a folder of results all that can be read, the others with a warning.
  explicit NamedResults(const std::vector<fs::path>& paths) {
    for (const fs::path& path : paths) {
      if (!fs::is_directory(path) || is_result(path)) {
        add(path);
        continue;
      }
      std::vector<fs::path> inside;
      for (const auto& entry : fs::directory_iterator(path)) {
        if (entry.is_directory() && is_result(entry.path())) inside.push_back(entry.path());
      }
      std::sort(inside.begin(), inside.end());
      for (const fs::path& one : inside) {
        try {  // nobody named this one: a half-written or foreign folder must not hide the others
          add(one);
        } catch (const Error& problem) {
          write_stderr(std::string("qbench: warning: left out: ") + problem.what() + "\n");
        }
      }
    }
  }

  std::vector<record::ResultSet> results;
  std::vector<fs::path> folders;  ///< beside results

 private:
  /// A run counts once, however often it is named and in whichever form: its sessions and tasks twice would look like more evidence.
  void add(const fs::path& path) {
    record::ResultSet result = record::read_result_set(path);
    std::string run = result.run_id + "|" + result.started_utc;
    for (const auto& [column, text] : result.machine) run += column == "host_hash" || column == "gpu_uuid" ? "|" + text : "";
    const auto [known, is_new] = runs_.emplace(result.run_id.empty() ? fs::weakly_canonical(path).string() : run, path);
    if (!is_new) {
      write_stderr(fmt::format("qbench: warning: left out: {}: the same run as {}\n", path.string(), known->second.string()));
      return;
    }
    results.push_back(std::move(result));
    folders.push_back(path);
  }

  std::map<std::string, fs::path> runs_;
};

/// Texts of the prompts in the shipped suites; only for results with other prompts their samples are read, which hold those (rendered).
recommend::PromptTexts prompt_texts(const std::vector<record::ResultSet>& results, const std::vector<fs::path>& folders) {
  recommend::PromptTexts texts;
  for (const std::string& name : workload::list_suites()) {
    for (const workload::Prompt& prompt : workload::find_suite(name).prompts) texts.emplace(prompt.digest, workload::whole_text(prompt));
  }
  for (std::size_t i = 0; i < folders.size(); ++i) {
    const bool all_known = std::all_of(results[i].rows.begin(), results[i].rows.end(), [&](const record::ResultRow& row) {
      return texts.count(std::string(row.fact("prompt_fingerprint"))) > 0;
    });
    if (all_known || !fs::exists(folders[i] / "samples.jsonl")) continue;
    const record::SampleFileContent content = record::read_sample_file(folders[i] / "samples.jsonl");
    for (const record::SampleRecord& sample : content.samples) {
      if (!sample.prompt_text) continue;
      const auto cell =
          std::find_if(content.cells.begin(), content.cells.end(), [&](const record::CellRecord& one) { return one.cell == sample.cell; });
      if (cell != content.cells.end()) texts.emplace(cell->settings.prompt_fingerprint, *sample.prompt_text);
    }
  }
  return texts;
}

bool is_of_suite(const std::string& task) { return task.find('#') != std::string::npos && !fs::exists(task); }

workload::Prompt task_prompt(const std::string& task) {
  const std::vector<std::string> suites = workload::list_suites();
  if (!fs::exists(task) && std::find(suites.begin(), suites.end(), task) != suites.end())
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is a suite; name one of its prompts: {}#ID", task, task), "--task");
  const workload::Suite suite = is_of_suite(task) ? workload::find_suite(task) : workload::suite_from_prompt_file(task);
  if (suite.prompts.size() != 1)
    throw Error(ErrorCode::kUsage, fmt::format("'{}' names {} prompts, expected one: SUITE#ID", task, suite.prompts.size()), "--task");
  return suite.prompts.front();
}

/// `what` came of a line of predictions.jsonl that was written by half; nothing where there was none.
void warn_of_half_line(const std::optional<std::string>& line, const char* what) {
  if (line)
    write_stderr(fmt::format("qbench: warning: {}: {}: half a line, as a process leaves it that is killed while it writes\n", *line, what));
}

void save(const RecommendOptions& options, const TaskAnswer& answer) {
  recommend::StoredPrediction stored;
  stored.created_utc = iso8601_utc(wall_now_ns());
  stored.task = answer.task;
  stored.digest = answer.needs.digest;
  stored.complexity = answer.needs.complexity.score;
  stored.preference = recommend::name_of(answer.preference);
  for (const recommend::Ranked& one : answer.choice.ranked) {
    const recommend::Candidate& candidate = answer.evidence.candidates[one.candidate];
    stored.candidates.push_back({candidate.key(), candidate.name(), one.can_win, answer.predictions.of[one.candidate]});
  }
  if (answer.choice.chosen()) stored.chosen = stored.candidates.front().key;
  warn_of_half_line(recommend::append_prediction(options.predictions, stored), "cut off");
}

int recommend_task(const RecommendOptions& options) {
  TaskAnswer answer;
  const auto preference = recommend::preference_from_name(options.prefer);
  if (!preference)
    throw Error(ErrorCode::kUsage, "'" + options.prefer + "' is no preference; there are balanced, quality, speed", "--prefer");
  answer.preference = *preference;
  const auto constraints = options.constraints ? recommend::parse_constraints(*options.constraints) : std::vector<recommend::Constraint>{};
  answer.task = *options.task;
  answer.of_suite = is_of_suite(answer.task);
  const workload::Prompt prompt = task_prompt(answer.task);
  answer.needs.digest = prompt.digest;
  for (const workload::Turn& turn : prompt.turns) answer.needs.prompt_tokens += static_cast<double>(turn.prompt_tokens);
  answer.needs.output_tokens = options.output_tokens;
  answer.needs.complexity = recommend::assess_complexity(workload::whole_text(prompt));
  std::vector<fs::path> paths = options.results;
  if (paths.empty() && fs::is_directory("results")) paths.emplace_back("results");
  const NamedResults named(paths);
  answer.evidence = recommend::gather_evidence(named.results, prompt_texts(named.results, named.folders));
  answer.check = recommend::check_complexity(answer.evidence);
  answer.predictions = recommend::predict(answer.evidence, answer.needs);
  answer.choice = recommend::choose(answer.evidence, answer.predictions, constraints, answer.preference);
  if (!options.no_save && !answer.evidence.candidates.empty()) save(options, answer);
  if (options.json) {
    write_output_json(answer_json(answer));
  } else {
    write_output(answer_text(answer, {terminal_columns(STDOUT_FILENO, 80, 80), output_is_terminal() && !environment_variable("NO_COLOR")}));
  }
  return answer.choice.chosen() ? kExitFine : kExitInconclusive;
}

int evaluate(const RecommendOptions& options) {
  if (!fs::exists(options.predictions))
    throw Error(ErrorCode::kNotFound, "no such file: `qbench recommend --task FILE` keeps predictions there, --predictions names another",
                options.predictions.string());
  const auto stored = recommend::read_predictions(options.predictions);
  warn_of_half_line(stored.half_line, "left out");
  const recommend::Calibration calibration = recommend::evaluate(stored.predictions, NamedResults({*options.evaluate}).results);
  if (options.json) {
    write_output_json(calibration_json(calibration));
  } else {
    write_output(calibration_text(calibration));
  }
  return calibration.checks > 0 ? kExitFine : kExitInconclusive;
}

int run(const RecommendOptions& options) {
  if (options.task.has_value() == options.evaluate.has_value())
    throw Error(ErrorCode::kUsage, "give --task FILE to choose a model, or --evaluate DIR to check earlier predictions", "recommend");
  return options.evaluate ? evaluate(options) : recommend_task(options);
}

}  // namespace

Command add_recommend(CLI::App& root) {
  const auto options = std::make_shared<RecommendOptions>();
  CLI::App* command = root.add_subcommand("recommend", "Choose a model for a task from measured results, with predictions");
  CLI::Option* evaluate =
      command->add_option("--evaluate", options->evaluate, "Hold earlier predictions against this result")->type_name("DIR");
  const auto of_a_choice = [&](CLI::Option* option) { return option->excludes(evaluate); };
  of_a_choice(command->add_option("--task", options->task, "The task: a text file, or SUITE#ID")->type_name("FILE"));
  of_a_choice(command->add_option("--constraints", options->constraints, "What the choice must hold, such as ttft<500ms,vram<24GB")
                  ->type_name("C,..."));
  of_a_choice(command->add_option("--results", options->results, "Run folders, summary.csv, or folders of run folders (results)")
                  ->delimiter(',')
                  ->expected(1)
                  ->allow_extra_args(false)
                  ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
                  ->type_name("PATH,..."));
  of_a_choice(command->add_option("--prefer", options->prefer, "balanced, quality or speed")->capture_default_str()->type_name("P"));
  of_a_choice(command->add_option("--output-tokens", options->output_tokens, "Tokens of the answer, where you know better")
                  ->transform(finite_number())
                  ->check(CLI::Range(1.0, 1e7, "from 1 to 10000000"))
                  ->type_name("N"));
  command->add_option("--predictions", options->predictions, "Where predictions are kept")->capture_default_str()->type_name("FILE");
  of_a_choice(command->add_flag("--no-save", options->no_save, "Keep no prediction"));
  command->add_flag("--json", options->json, "One JSON document");
  command->footer(kExamples);
  return {"recommend", [options](Invocation&) { return run(*options); }};
}

}  // namespace qbench::cli
