#include "run/model_runner.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>

#include "base/clock.h"
#include "base/error.h"
#include "measure/cell_summary.h"
#include "measure/task_metrics.h"
#include "record/record_json.h"
#include "run/guard.h"
#include "run/interrupt.h"
#include "run/messages.h"
#include "run/progress_so_far.h"
#include "run/scoring.h"

namespace qbench::run {
namespace {

constexpr int kPollMs = 200;
constexpr std::int64_t kGraceNs = 5'000'000'000;  // a worker that is told to stop finishes its step first; a load cannot be stopped
constexpr int kMostDeathsInARow = 2;

/// Of two sessions' rules the one after which less is known.
std::string weaker_stop_rule(const std::string& a, const std::string& b) {
  constexpr std::string_view kWeakestFirst[] = {"max_time", "max_reps", "fixed", "ci"};
  for (const std::string_view rule : kWeakestFirst) {
    if (a == rule || b == rule) return std::string(rule);
  }
  return a.empty() ? b : a;
}

}  // namespace

bool ModelRunner::run(std::vector<JobCell> cells) {
  context_.log->forget_replaced(cells);
  start_ns_ = now_ns();
  int deaths = 0;
  while (!cells.empty() || score_job(cells) != nullptr) {
    death_.reset();
    const Outcome outcome = run_worker_process(cells);
    settle_scores();
    if (outcome.interrupted) {
      if (outcome.current)
        end_rows(cells[*outcome.current],
                 {std::string(name_of(ErrorCode::kInterrupted)), "the run was interrupted before all repetitions were done"});
      return false;
    }
    if (outcome.done && !outcome.load_failed) return true;
    const record::Failure failure =
        outcome.load_failed ? load_->failure : death_.value_or(record::Failure{"crash", "the worker process ended before it was done"});
    end_studies(outcome, failure);
    if (!outcome.load_failed && !outcome.current && outcome.finished == cells.size()) {  // it died while it scored
      end_scores(failure);
      return true;
    }
    if (outcome.load_failed || (!outcome.current && outcome.finished == 0)) {
      if (cells.empty()) end_scores(failure);
      fail_cells(cells, failure);
      return true;
    }
    deaths = outcome.finished > 0 ? 1 : deaths + 1;
    if (outcome.current) end_rows(cells[*outcome.current], failure);
    cells.erase(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(outcome.finished + (outcome.current ? 1 : 0)));
    if (outcome.timed_out) {
      fail_cells(cells, failure);
      return true;
    }
    if (deaths >= kMostDeathsInARow) {
      fail_cells(cells, {failure.code, "not run: two workers in a row died; the last reason was: " + failure.message});
      return true;
    }
    if (!cells.empty())
      context_.display->line(fmt::format("  {}: starting a new worker for the remaining {} cells", model_->label, cells.size()));
  }
  return true;
}

bool ModelRunner::time_is_up() const {
  const std::int64_t limit_s = context_.options->timeout_s;
  return limit_s > 0 && now_ns() - start_ns_ > limit_s * 1'000'000'000;
}

ModelRunner::Outcome ModelRunner::run_worker_process(const std::vector<JobCell>& cells) {
  load_.reset();
  ready_.reset();
  Outcome outcome;
  Job job;
  job.model = model_->ref.value();
  job.device.device = context_.options->device;
  job.device.threads = model_->engine.threads;
  job.device.isa = context_.options->isa;
  job.engine = model_->engine;
  job.context = model_->context;
  job.stream = context_.options->stream;
  job.breakdown = context_.options->breakdown && context_.session == 0;
  if (context_.session == 0) job.ablate = context_.options->ablate;
  job.cells = cells;
  job.score = score_job(cells);
  cell_tokens_ = 0;
  std::int64_t tokens = 0;
  for (const JobCell& cell : cells) tokens += planned_tokens(cell);
  context_.display->model_begins(*model_, tokens);
  std::optional<WorkerProcess> worker;
  death_ = run_guarded([&] { worker.emplace(std::vector<std::string>{"worker"}, to_json(job)); });
  if (death_) return outcome;

  std::int64_t told_ns = 0;
  int signals_seen = 0;
  const auto on_message = [&](std::string_view line) { handle(cells, line, outcome); };
  const auto on_stderr = [&](std::string_view line) { context_.display->worker_says(line); };
  while (worker->pump(kPollMs, on_message, on_stderr)) {
    if (InterruptGuard::count() > signals_seen) {
      signals_seen = InterruptGuard::count();
      worker->send_signal(told_ns == 0 ? SIGTERM : SIGKILL);
      if (told_ns == 0) told_ns = now_ns();
    }
    if (told_ns != 0 && now_ns() - told_ns > kGraceNs) worker->send_signal(SIGKILL);
    if (told_ns == 0 && time_is_up()) {
      outcome.timed_out = true;
      worker->send_signal(SIGKILL);  // whoever hangs may not hear anything else
    }
  }
  const ProcessEnd end = worker->wait();
  context_.display->hide_progress();
  outcome.interrupted = outcome.interrupted || told_ns != 0;
  if (outcome.timed_out && !outcome.done) {
    death_ = record::Failure{"timeout",
                             fmt::format("the model took longer than --timeout {} s; its worker was ended", context_.options->timeout_s)};
    return outcome;
  }
  if (!outcome.done && !outcome.interrupted) death_ = record::Failure{end.signal == SIGKILL ? "killed" : "crash", describe(end)};
  return outcome;
}

void ModelRunner::handle(const std::vector<JobCell>& cells, std::string_view line, Outcome& outcome) {
  Message message = parse_message(line);
  if (const auto* start = std::get_if<CellStart>(&message)) {
    if (start->cell >= cells.size()) throw Error(ErrorCode::kFormat, "cell out of range", "worker's message");
    outcome.current = start->cell;
  } else if (const auto* progress = std::get_if<Progress>(&message)) {
    if (progress->cell == kScoringCell) return;
    if (progress->cell >= cells.size()) throw Error(ErrorCode::kFormat, "cell out of range", "worker's message");
    record::CellKey key = cells[progress->cell].key;
    key.turn = progress->turn;
    context_.display->progress(*model_, key, most_repetitions(cells[progress->cell]), *progress);
  } else if (const auto* text = std::get_if<StreamedText>(&message)) {
    context_.display->hide_progress();
    if (context_.show_text) context_.show_text(text->text);
  } else if (const auto* ready = std::get_if<ModelReady>(&message)) {
    ready_ = *ready;
    context_.display->model_ready(*model_, *ready, load_.value());
  } else if (const auto* done = std::get_if<WorkerDone>(&message)) {
    outcome.done = !done->interrupted;
    outcome.interrupted = done->interrupted;
  } else if (auto* load = std::get_if<record::LoadRecord>(&message)) {
    load_ = std::move(*load);
    load_->session = context_.session;
    outcome.load_failed = load_->status == record::Status::kFailed;
    if (!outcome.load_failed) context_.log->set_model(load_->model);
    context_.log->add(*load_);
  } else if (auto* sample = std::get_if<record::SampleRecord>(&message)) {
    on_sample(cells, std::move(*sample), outcome);
  } else if (const auto* task = std::get_if<record::TaskRecord>(&message)) {
    on_task(*task);
  } else if (const auto* quality = std::get_if<record::QualityRecord>(&message)) {
    context_.log->add(*quality);
  } else if (const auto* breakdown = std::get_if<record::BreakdownRecord>(&message)) {
    context_.log->add(*breakdown);
    outcome.owes_breakdown = false;
    say_failures(breakdown->cell, study_failures(*breakdown));
  } else if (const auto* ablation = std::get_if<record::AblationRecord>(&message)) {
    context_.log->add(*ablation);
    outcome.owes_ablation = false;
    say_failures(ablation->cell, study_failures(*ablation));
  } else if (auto* row = std::get_if<record::CellRecord>(&message)) {
    on_row(std::move(*row), cells, outcome);
  }
}

std::shared_ptr<const ScoreJob> ModelRunner::score_job(const std::vector<JobCell>& cells) const {
  if (!context_.score) return nullptr;
  const ScoreOptions& options = context_.options->scoring;
  auto job = std::make_shared<ScoreJob>(remaining_scores(*model_, context_.plan->suite, options, context_.log->content(), cells, scoring_sources(options)));
  return job->cells.empty() ? nullptr : job;
}

void ModelRunner::on_task(const record::TaskRecord& task) {
  context_.log->add(task);
  const std::string attempt = (task.sample > 0 ? fmt::format(", answer {}", task.sample + 1) : "") + (task.iteration > 1 ? fmt::format(", attempt {}", task.iteration) : "");
  const std::string why = task.status == record::TaskStatus::kPass || task.detail.empty() ? "" : ": " + task.detail;
  context_.display->line(fmt::format("  {}{}: {}{}", task.task_id, attempt, name_of(task.status), why));
}

void ModelRunner::settle_scores() {
  if (!context_.score) return;
  for (const PlannedCell& planned : model_->cells) {
    if (planned.cell.pass != workload::Pass::kText) continue;
    const record::CellKey key = row_keys(planned).back();
    const std::vector<record::CellRecord> rows = context_.log->rows();
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const record::CellRecord& one) { return one.cell == key; });
    if (row == rows.end()) continue;
    record::CellRecord scored = *row;
    if (context_.plan->suite.prompts[planned.cell.prompt_index].task) scored.judging.pass_ks = context_.options->scoring.k;
    measure::add_task_metrics(scored, context_.log->content().tasks, context_.log->content().qualities);
    if (record::to_json_line(scored) != record::to_json_line(*row)) context_.log->add(scored);
  }
}

void ModelRunner::end_scores(const record::Failure& failure) {
  const auto job = score_job({});
  if (!job) return;
  for (const ScoreCell& cell : job->cells) {
    for (std::int64_t sample = 0; cell.cell.prompt.task && sample < job->options.n_samples; ++sample) {
      if (cell.attempt_of(sample) != nullptr) continue;
      record::TaskRecord task;
      task.cell = cell.cell.key;
      task.task_id = cell.cell.prompt.task->id;
      task.sample = sample;
      task.status = record::TaskStatus::kHarnessError;
      task.detail = "the scoring pass ended: " + failure.message;
      context_.log->add(task);
    }
  }
  context_.display->error(fmt::format("{}: the scoring pass ended: {}", model_->label, failure.message));
  settle_scores();
}

void ModelRunner::on_sample(const std::vector<JobCell>& cells, record::SampleRecord sample, const Outcome& outcome) {
  sample.session = context_.session;
  context_.log->add(sample);
  const JobCell& cell = cells[outcome.current.value()];
  const std::int64_t tokens = most_tokens(cell, sample.cell.turn);
  cell_tokens_ += tokens;
  context_.display->request_done(tokens);
}

/// The row of all sessions so far, of one that the worker has sent or that stands for it.
record::CellRecord ModelRunner::complete(record::CellRecord row) const {
  row.session = context_.session;
  for (const record::CellRecord& earlier : context_.log->content().cells) {
    if (!(earlier.cell == row.cell) || earlier.session >= row.session) continue;
    row.settings.stop_rule = weaker_stop_rule(row.settings.stop_rule, earlier.settings.stop_rule);
  }
  return measure::summarize_cell(std::move(row), context_.log->content().samples, context_.log->content().loads);
}

void ModelRunner::on_row(record::CellRecord row, const std::vector<JobCell>& cells, Outcome& outcome) {
  const record::CellRecord whole = complete(std::move(row));
  context_.log->add(whole);
  context_.display->cell_done(whole);
  const JobCell& cell = cells[outcome.current.value()];
  const bool last_row = cell.pass == workload::Pass::kSpeed || whole.cell.turn == static_cast<std::int64_t>(cell.prompt.turns.size());
  if (!last_row) return;
  context_.display->request_done(planned_tokens(cell) - cell_tokens_);  // what the stopping rule saved
  cell_tokens_ = 0;
  ++outcome.finished;
  outcome.current.reset();
  const bool studied = cell.pass == workload::Pass::kSpeed && whole.status == record::Status::kOk;
  outcome.studied = cell.key;
  outcome.owes_breakdown = studied && context_.session == 0 && context_.options->breakdown;
  outcome.owes_ablation = studied && context_.session == 0 && !context_.options->ablate.empty();
}

/// A row without what only the worker knows; what it has said so far is filled in.
record::CellRecord ModelRunner::bare_row(const record::CellKey& key) const {
  record::CellRecord row;
  row.cell = key;
  row.started_utc = iso8601_utc(wall_now_ns());
  row.model = load_ && load_->status == record::Status::kOk ? load_->model : model_->facts;
  if (ready_) {
    row.settings.device_description = ready_->device_description;
    row.settings.instruction_sets = ready_->instruction_sets;
    row.settings.attention_path = ready_->attention_path;
    row.settings.kv_bytes = ready_->kv_bytes;
  }
  return row;
}

/// Rows of a cell that ended before the worker could send them, with what was measured of it.
void ModelRunner::end_rows(const JobCell& cell, const record::Failure& failure) {
  const std::int64_t turns = cell.pass == workload::Pass::kText ? static_cast<std::int64_t>(cell.prompt.turns.size()) : 1;
  for (std::int64_t turn = 1; turn <= turns; ++turn) {
    record::CellKey key = cell.key;
    key.turn = turn;
    const std::vector<record::CellRecord> rows = context_.log->rows();
    const bool stands =
        std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.cell == key && row.session == context_.session && record::is_measured(row.status); });
    if (stands) continue;
    record::CellRecord row = bare_row(key);
    row.status = record::Status::kFailed;
    row.failure = failure;
    const record::CellRecord whole = complete(std::move(row));
    context_.log->add(whole);
    context_.display->cell_done(whole);
  }
}

/// Studies that ended before the worker could send them. The cell's row stands.
void ModelRunner::end_studies(const Outcome& outcome, const record::Failure& failure) {
  const std::string now_utc = iso8601_utc(wall_now_ns());
  if (outcome.owes_breakdown) {
    const record::BreakdownRecord record = record::failed_breakdown(outcome.studied.value(), now_utc, failure);
    context_.log->add(record);
    say_failures(record.cell, study_failures(record));
  }
  if (outcome.owes_ablation) {
    const record::AblationRecord record = record::failed_ablation(outcome.studied.value(), now_utc, failure);
    context_.log->add(record);
    say_failures(record.cell, study_failures(record));
  }
}

void ModelRunner::say_failures(const record::CellKey& key, const std::vector<record::StudyFailure>& failures) const {
  for (const record::StudyFailure& failed : failures) {
    context_.display->error(fmt::format("{}, {}: {} failed: {}", key.model, key.prompt_id, failed.what, failed.failure.message));
  }
}

void ModelRunner::fail_cells(const std::vector<JobCell>& cells, const record::Failure& failure) {
  const bool named = failure.message.starts_with(model_->label + ":");
  if (!cells.empty()) context_.display->error(named ? failure.message : fmt::format("{}: {}", model_->label, failure.message));
  for (const JobCell& cell : cells) {
    const std::int64_t turns = cell.pass == workload::Pass::kText ? static_cast<std::int64_t>(cell.prompt.turns.size()) : 1;
    for (std::int64_t turn = static_cast<std::int64_t>(cell.answers.size()) + 1; turn <= turns; ++turn) {
      record::CellKey key = cell.key;
      key.turn = turn;
      record::CellRecord row = bare_row(key);
      row.status = record::Status::kFailed;
      row.failure = failure;
      context_.log->add(complete(std::move(row)));
    }
  }
}

}  // namespace qbench::run
