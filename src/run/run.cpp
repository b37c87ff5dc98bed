#include "run/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/plural.h"
#include "measure/machine_facts.h"
#include "record/record_json.h"
#include "report/study_sections.h"
#include "report/task_sections.h"
#include "report/terminal_table.h"
#include "run/guard.h"
#include "run/interrupt.h"
#include "run/model_runner.h"
#include "run/progress_so_far.h"
#include "run/run_log.h"
#include "run/scoring.h"
#include "sysinfo/disturbances.h"

namespace qbench::run {
namespace {

constexpr int kExitFine = 0;
constexpr int kExitModelFailed = 3;

/// What run.json says of the options: enough to resume, and to see whether suite and profile are still the same.
std::string configuration_json(const RunPlan& plan) {
  nlohmann::ordered_json object{{"options", to_json(plan.options)}, {"suite", plan.suite.name}, {"suite_sha256", plan.suite.digest}};
  if (plan.profile) {
    object["profile"] = plan.profile->name;
    object["profile_sha256"] = plan.profile->digest;
    object["profile_settings"] = workload::to_json(plan.profile->settings);
  }
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

record::RunRecord make_run_record(const RunRequest& request, const RunPlan& plan, Display& display) {
  const std::int64_t now = wall_now_ns();
  const sysinfo::Machine machine = sysinfo::read_machine();
  record::RunRecord run;
  run.run_id = make_run_id(now, request.label.empty() ? plan.suite.name : request.label);
  run.started_utc = iso8601_utc(now);
  run.argv = request.argv;
  run.configuration_json = configuration_json(plan);
  run.build = measure::build_facts(machine.build);
  run.machine = measure::machine_facts(machine);
  for (const ModelPlan& model : plan.models) run.models.push_back(model.facts);
  for (const workload::Prompt& prompt : plan.suite.prompts) run.prompts.push_back({plan.suite.name, prompt.id, prompt.digest});
  const int threads = static_cast<int>(plan.options.settings.threads.value_or(0));
  for (const sysinfo::Disturbance& found : sysinfo::find_disturbances(machine, sysinfo::find_busy_processes(), threads)) {
    run.disturbances.push_back(found.what);
    if (found.severity == sysinfo::Severity::kWarning) display.line(fmt::format("warning: {}", found.what));
  }
  return run;
}

/// Error{kUsage} naming the first option that is not as it was when the run began.
void check_same_options(const nlohmann::json& then, const nlohmann::json& now, const std::filesystem::path& folder) {
  nlohmann::json all = then;
  all.update(now);
  for (const auto& [key, ignored] : all.items()) {
    const std::string was = then.contains(key) ? dump_json(then[key]) : "not set";
    const std::string is = now.contains(key) ? dump_json(now[key]) : "not set";
    if (was == is) continue;
    throw Error(
        ErrorCode::kUsage,
        fmt::format("'{}' was {} when the run began and is {} now; a run is resumed with the settings it began with (leave them out)", key,
                    was, is),
        folder.string());
  }
}

/// Options of an interrupted run; Error{kUsage} when others are given now.
RunOptions resumed_options(const RunRequest& request, const record::RunRecord& before) {
  const nlohmann::json configuration = parse_json(before.configuration_json, (*request.resume / "run.json").string());
  if (!configuration.contains("options")) throw Error(ErrorCode::kConfig, "run.json holds no options", request.resume->string());
  const RunOptions then = run_options_from_json(configuration["options"], (*request.resume / "run.json").string());
  if (request.options_given) {
    RunOptions now = with_absolute_paths(request.options);
    now.stream = then.stream;  // shows something, changes nothing
    if (now.models.empty()) now.models = then.models;
    check_same_options(to_json(then), to_json(now), *request.resume);
  }
  RunOptions options = then;
  options.stream = request.options.stream;
  return options;
}

/// Refuses to go on with prompts, settings or weights that have changed since.
void check_unchanged(RunPlan& plan, const record::RunRecord& before) {
  const nlohmann::json configuration = parse_json(before.configuration_json, "run.json");
  const auto differs = [&](const char* key, const std::string& now) { return configuration.value(key, std::string()) != now; };
  if (differs("suite_sha256", plan.suite.digest))
    throw Error(ErrorCode::kConfig, "suite '" + plan.suite.name + "' has changed since the run began", before.run_id);
  if (differs("profile_sha256", plan.profile ? plan.profile->digest : std::string())) {
    throw Error(ErrorCode::kConfig, "the profile has changed since the run began", before.run_id);
  }
  for (ModelPlan& model : plan.models) {
    for (const record::ModelFacts& facts : before.models) {
      const bool other_weights =
          facts.label == model.label && !facts.model_fingerprint.empty() && facts.model_fingerprint != model.facts.model_fingerprint;
      if (!model.failure && other_weights)
        model.failure = record::Failure{"config", model.label + ": the weights have changed since the run began"};
    }
  }
}

RunLog begin(const RunRequest& request, RunPlan& plan, const DeviceFactory& devices, Display& display) {
  if (!request.resume) {
    plan = make_plan(with_absolute_paths(request.options), devices);
    record::RunRecord run = make_run_record(request, plan, display);
    RunFolder folder = RunFolder::create(request.output_dir, run);
    return {std::move(folder), std::move(run), {}};
  }
  RunFolder folder = RunFolder::reopen(*request.resume);
  record::RunRecord run = record::read_run_json(folder.run_json());
  plan = make_plan(resumed_options(request, run), devices);
  check_unchanged(plan, run);
  run.finished_utc.clear();
  record::SampleFileContent content;
  std::error_code ignored;
  if (std::filesystem::exists(folder.samples(), ignored)) content = record::read_sample_file(folder.samples());
  if (content.truncated_tail) display.line("the last line of samples.jsonl was cut off and is left out");
  return {std::move(folder), std::move(run), std::move(content)};
}

WantedStudies wanted_studies(const RunOptions& options) { return {options.breakdown, !options.ablate.empty()}; }

/// Sessions of every model, of which profile and command line speak.
std::int64_t sessions_of(const RunPlan& plan) {
  std::int64_t sessions = 1;
  for (const ModelPlan& model : plan.models) sessions = std::max(sessions, model.engine.sessions);
  return sessions;
}

std::vector<JobCell> cells_left(const RunPlan& plan, const ModelPlan& model, const RunLog& log, std::int64_t session) {
  std::vector<JobCell> cells;
  for (const PlannedCell& planned : model.cells) {
    auto cell = remaining_work(planned, prompt_of(planned, plan.suite), log.content(), wanted_studies(plan.options), session);
    if (cell) cells.push_back(std::move(*cell));
  }
  return cells;
}

ScoreJob scores_left(const RunPlan& plan, const ModelPlan& model, const RunLog& log) {
  return remaining_scores(model, plan.suite, plan.options.scoring, log.content(), {}, scoring_sources(plan.options.scoring));
}

/// Runs what is left of every model in every session. Models take turns in beginning (A B C, C A B, ...), so that what drifts with time falls on all
/// of them. False when a signal came.
bool run_all(const RunPlan& plan, RunLog& log, Display& display, const RunOutput& output) {
  const std::int64_t sessions = sessions_of(plan);
  const auto models = static_cast<std::int64_t>(plan.models.size());
  for (std::int64_t session = 0; session < sessions; ++session) {
    const bool score = plan.options.scoring.score && session + 1 == sessions;
    const ModelRunner::Context context{&log, &display, output.result, &plan.options, session, &plan, score};
    if (sessions > 1) display.line(fmt::format("session {} of {}", session + 1, sessions));
    for (std::int64_t i = 0; i < models; ++i) {
      const ModelPlan& model = plan.models[static_cast<std::size_t>((i + (models - session % models)) % models)];
      std::vector<JobCell> cells = cells_left(plan, model, log, session);
      if (cells.empty() && (!score || model.failure || scores_left(plan, model, log).cells.empty())) continue;
      if (InterruptGuard::requested()) return false;
      ModelRunner runner(context, model);
      if (model.failure) {
        runner.fail_cells(cells, *model.failure);
      } else if (!runner.run(std::move(cells))) {
        return false;
      }
      log.write_reports();
    }
  }
  return !InterruptGuard::requested();
}

std::size_t count_cells_left(const RunPlan& plan, const RunLog& log) {
  std::size_t left = 0;
  for (const ModelPlan& model : plan.models) {
    for (const PlannedCell& planned : model.cells) {
      bool some = false;
      for (std::int64_t session = 0; session < sessions_of(plan) && !some; ++session)
        some = remaining_work(planned, prompt_of(planned, plan.suite), log.content(), wanted_studies(plan.options), session).has_value();
      left += some ? 1 : 0;
    }
  }
  return left;
}

/// What could not be written any more (a full disk) is said, with how to go on; what was measured before is in samples.jsonl.
int end_unwritable(const record::Failure& failure, const RunLog& log, Display& display) {
  display.error(failure.message);
  display.error(fmt::format("the run ends here; when there is room again, finish it with: qbench run --resume {}", log.folder().path().string()));
  return kExitModelFailed;
}

}  // namespace

int run_models(const RunRequest& request, const DeviceFactory& devices, const RunOutput& output) {
  const InterruptGuard interrupts(InterruptGuard::Role::kParent);
  Display display(request.display, output.live);
  RunPlan plan;
  RunLog log = begin(request, plan, devices, display);
  display.line(fmt::format("results in {}", log.folder().path().string()));
  bool complete = false;
  std::vector<std::filesystem::path> written;
  const auto failure = run_guarded([&] {
    complete = run_all(plan, log, display, output);
    if (complete) log.finish();
    written = log.write_reports();
  });
  if (failure) return end_unwritable(*failure, log, display);
  display.hide_progress();
  output.result(report::end_table(log.rows(), {.width = request.display.width, .color = request.display.color}));
  if (const std::string quality = report::task_result_lines(log.content(), request.display.width); !quality.empty()) output.result(quality);
  for (const auto& record : report::latest_breakdowns(log.content().breakdowns))
    output.result(fmt::format("\n{}, {}: where time goes\n\n{}", record.cell.model, record.cell.prompt_id, report::breakdown_tables(record)));
  for (const auto& record : report::latest_ablations(log.content().ablations))
    output.result(fmt::format("\n{}, {}: what each optimisation is worth\n\n{}", record.cell.model, record.cell.prompt_id, report::ablation_tables(record)));
  for (const auto& path : {log.folder().run_json(), log.folder().samples()}) output.result(path.string() + "\n");
  for (const auto& path : written) output.result(path.string() + "\n");
  if (!complete) {
    const std::size_t left = count_cells_left(plan, log);
    std::int64_t unjudged = 0;
    for (const ModelPlan& model : plan.models) unjudged += plan.options.scoring.score ? count_unjudged(scores_left(plan, model, log)) : 0;
    display.error(fmt::format("interrupted with {} to do{}; finish this run with: qbench run --resume {}", plural(left, "cell"),
                              unjudged == 0 ? std::string() : fmt::format(" and {} to judge", plural(unjudged, "answer")),
                              log.folder().path().string()));
    return 128 + InterruptGuard::signal();
  }
  return log.has_failed_rows() ? kExitModelFailed : kExitFine;
}

}  // namespace qbench::run
