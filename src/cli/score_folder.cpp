#include "cli/score_folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/output.h"
#include "measure/task_metrics.h"
#include "quality/judge/in_order.h"
#include "quality/judge/judge.h"
#include "quality/rating/rating_record.h"
#include "record/judged_answers.h"
#include "record/sample_file.h"
#include "report/quality_matrix.h"
#include "report/render.h"
#include "run/output_text.h"
#include "run/progress_so_far.h"
#include "run/run_folder.h"
#include "run/score_job.h"
#include "workload/suite.h"

namespace qbench::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using record::SampleRecord;

/// The answer to a prompt's last turn, as one session of the run wrote it.
struct SavedAnswer {
  const SampleRecord* sample = nullptr;
  const workload::Prompt* prompt = nullptr;  ///< of the suite; nullptr: the suite is not at hand
  std::optional<record::TaskRecord> judged;  ///< by the run itself
  std::vector<const SampleRecord*> turns = {};  ///< all of the prompt, or its stages; the last one is `sample`
  const std::string& written() const { return *sample->sequences.front().text; }
  std::string text() const { return run::text_to_judge(written(), sample->sequences.front().thinking_end); }
};

/// What was found out about it.
struct Found {
  std::optional<quality::Verdict> verdict;
  double judge_s = 0;
  quality::Rating rating;
};

bool has_text(const SampleRecord& sample) {
  return sample.cell.pass == record::Pass::kText && sample.phase == record::Phase::kTimed && sample.status == record::Status::kOk &&
         !sample.sequences.empty() && sample.sequences.front().text.has_value();
}

bool same_prompt(const SampleRecord& a, const SampleRecord& b) {
  record::CellKey key = a.cell;
  key.turn = b.cell.turn;
  return key == b.cell && a.session == b.session;
}

/// Of each prompt and session the last turn's last repetition.
std::vector<SavedAnswer> saved_answers(const record::SampleFileContent& content) {
  std::vector<SavedAnswer> answers;
  for (const SampleRecord& sample : content.samples) {
    if (!has_text(sample)) continue;
    const auto found =
        std::find_if(answers.begin(), answers.end(), [&](const SavedAnswer& one) { return same_prompt(*one.sample, sample); });
    if (found == answers.end()) {
      answers.push_back({&sample, nullptr, std::nullopt, {&sample}});
    } else if (sample.cell.turn >= found->sample->cell.turn) {
      if (sample.cell.turn == found->sample->cell.turn) found->turns.pop_back();
      found->turns.push_back(&sample);
      found->sample = &sample;
    }
  }
  return answers;
}

/// The run's suites, as far as their names find them.
std::map<std::string, workload::Suite> suites_of(const std::vector<SavedAnswer>& answers, const std::optional<std::string>& named) {
  const std::vector<std::string> known = workload::list_suites();
  std::map<std::string, workload::Suite> suites;
  for (const SavedAnswer& answer : answers) {
    const std::string& name = answer.sample->cell.suite;
    if (suites.count(name) > 0) continue;
    if (named) {
      suites[name] = workload::find_suite(*named);
    } else if (std::find(known.begin(), known.end(), name) != known.end()) {
      suites[name] = workload::find_suite(name);
    } else {
      log_warning(fmt::format("there is no suite '{}' here: its answers are rated and not judged; --suite names it", name));
      suites[name] = {};
    }
  }
  return suites;
}

/// A suite that was named must have the prompts of the run; where it lacks some, they are said.
void find_prompts(std::vector<SavedAnswer>& answers, const std::map<std::string, workload::Suite>& suites,
                  const std::optional<std::string>& named) {
  std::set<std::string> missing;
  for (SavedAnswer& answer : answers) {
    const record::CellKey& cell = answer.sample->cell;
    for (const workload::Prompt& prompt : suites.at(cell.suite).prompts) {
      if (prompt.id == cell.prompt_id) answer.prompt = &prompt;
    }
    if (answer.prompt == nullptr && !suites.at(cell.suite).prompts.empty()) missing.insert(cell.prompt_id);
  }
  if (missing.empty()) return;
  const std::string names = fmt::format("{}", fmt::join(missing, ", "));
  const bool any = std::any_of(answers.begin(), answers.end(), [](const SavedAnswer& answer) { return answer.prompt != nullptr; });
  if (named && !any)
    throw Error(ErrorCode::kUsage,
                fmt::format("--suite {}: it has none of the run's prompts ({}); name the suite that the run answered", *named, names),
                "score");
  log_warning(fmt::format("the suite has no prompt {}: answers to it are rated and not judged", names));
}

void find_verdicts(std::vector<SavedAnswer>& answers, const record::SampleFileContent& content) {
  for (const record::TaskRecord& task : content.tasks) {
    if (task.sample != 0 || task.iteration != 1 || task.status == record::TaskStatus::kHarnessError) continue;
    for (SavedAnswer& answer : answers) {
      if (task.cell == answer.sample->cell && task.session == answer.sample->session) answer.judged = task;
    }
  }
}

quality::Verdict verdict_of(const record::TaskRecord& task) {
  quality::Verdict verdict;
  verdict.status = task.status;
  verdict.seconds = task.seconds.value_or(0);
  verdict.detail = task.detail;
  verdict.cases_passed = task.cases_passed.value_or(0);
  verdict.cases_total = task.cases_total.value_or(0);
  verdict.judged_inside = task.judge == "inside";
  return verdict;
}

Found score_one(const SavedAnswer& answer, quality::Judge& judge, const quality::Rater& rater, const sandbox::Sandbox& sandbox) {
  Found found;
  if (answer.judged) {
    found.verdict = verdict_of(*answer.judged);
  } else if (answer.prompt != nullptr && answer.prompt->task) {
    const std::int64_t start = now_ns();
    found.verdict = quality::judge_task(judge, sandbox, *answer.prompt->task, answer.text());
    found.judge_s = s_from_ns(static_cast<double>(now_ns() - start));
  }
  workload::Prompt unknown;
  unknown.id = answer.sample->cell.prompt_id;
  found.rating = quality::rate_prompt_answer(rater, answer.prompt != nullptr ? *answer.prompt : unknown, answer.text(),
                                             found.verdict ? &*found.verdict : nullptr);
  return found;
}

record::TaskRecord task_record(const SavedAnswer& answer, const Found& found, const sandbox::Sandbox& sandbox) {
  record::TaskRecord task;
  task.cell = answer.sample->cell;
  task.session = answer.sample->session;
  task.task_id = answer.prompt->task->id;
  task.status = found.verdict->status;
  task.seconds = found.verdict->seconds;
  task.detail = found.verdict->detail;
  task.sandbox_level = std::string(sandbox::name_of(sandbox.level()));
  task.judge = found.verdict->judged_inside ? "inside" : "outside";
  task.cases_passed = found.verdict->cases_passed;
  task.cases_total = found.verdict->cases_total;
  std::vector<run::Answer> turns;
  for (const SampleRecord* turn : answer.turns) turns.push_back(run::answer_of(*turn));
  const run::WrittenAnswer written = run::written_answer(std::move(turns));
  task.prompt_tokens = written.prompt_tokens;
  task.answer_tokens = written.answer_tokens;
  task.thinking_tokens = written.thinking_tokens;
  task.generation_s = written.generation_s;
  task.judge_s = found.judge_s;
  if (!found.verdict->behaviour.empty()) task.behaviour = found.verdict->behaviour;
  task.answer_digest = sha256_hex(answer.written());
  return task;
}

ordered_json row_json(const SavedAnswer& answer, const Found& found, const record::QualityRecord& quality) {
  const record::CellKey& cell = answer.sample->cell;
  ordered_json row{{"model", cell.model}, {"suite", cell.suite}, {"prompt_id", cell.prompt_id}, {"session", answer.sample->session}};
  if (found.verdict) {
    row["task_id"] = answer.judged ? answer.judged->task_id : answer.prompt->task->id;
    row["status"] = name_of(found.verdict->status);
    row["seconds"] = found.verdict->seconds;
    row["detail"] = found.verdict->detail;
  }
  for (const record::QualityWord& word : quality.words) row[word.name] = word.text;
  for (const record::QualityValue& value : quality.values)
    row[value.name] = {{"value", value.value ? ordered_json(*value.value) : ordered_json(nullptr)}, {"evidence", value.evidence}};
  row["strengths"] = quality.strengths;
  row["limitations"] = quality.limitations;
  row["tools"] = ordered_json::array();
  for (const record::QualityTool& tool : quality.tools)
    row["tools"].push_back({{"name", tool.name}, {"version", tool.version}, {"problem", tool.problem}});
  return row;
}

void write_row(const SavedAnswer& answer, const Found& found, const record::QualityRecord& quality, bool json) {
  if (json) {
    write_output(row_json(answer, found, quality).dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
    return;
  }
  const std::string_view status = found.verdict ? name_of(found.verdict->status) : "not judged";
  write_output(report::rated_answer_terminal(quality, status, terminal_columns(STDOUT_FILENO, 60, 80)));
}

/// The rows of the answers again, with what was found out.
void update_cells(record::SampleFileContent& content, const std::vector<SavedAnswer>& answers, record::SampleFile& file) {
  for (record::CellRecord cell : record::latest_cells(content.cells)) {
    const bool scored =
        std::any_of(answers.begin(), answers.end(), [&](const SavedAnswer& answer) { return answer.sample->cell == cell.cell; });
    if (!scored) continue;
    if (cell.judging.pass_ks.empty()) cell.judging.pass_ks = {1};
    measure::add_task_metrics(cell, content.tasks, content.qualities);
    file.append(cell);
    content.cells.push_back(std::move(cell));
  }
}

void write_summary(const report::StoredRun& stored, const std::vector<Found>& found, bool json, const std::vector<fs::path>& paths) {
  const std::vector<report::ModelQuality> models = report::model_qualities(stored.content);
  if (json) {
    ordered_json summary{{"summary", true},
                         {"answers", found.size()},
                         {"models", ordered_json::array()},
                         {"selection", report::selection_rationale(models)}};
    for (const report::ModelQuality& model : models) {
      const auto number = [](const std::optional<double>& value) { return value ? ordered_json(*value) : ordered_json(nullptr); };
      summary["models"].push_back({{"model", model.label},
                                   {"rated", model.rated},
                                   {"quality_score", number(model.score)},
                                   {"stars", number(model.stars)},
                                   {"judged", model.judged},
                                   {"passed", model.passed},
                                   {"decode_tok_per_s", number(model.decode_tok_per_s)},
                                   {"readiness", model.readiness},
                                   {"best_use_case", model.use_case}});
    }
    write_output(summary.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
    return;
  }
  write_output("\n" + report::quality_terminal(models, terminal_columns(STDOUT_FILENO, 60, 80)) + "\n");
  write_output(fmt::format("{} report files are written again in {}\n", paths.size(), paths.front().parent_path().string()));
}

void check_folder(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) throw Error(ErrorCode::kUsage, "no such folder: " + folder.string(), "score");
  if (!fs::exists(folder / "run.json", ignored))
    throw Error(ErrorCode::kUsage, folder.string() + " has no run.json: it is not a run's folder", "score");
}

}  // namespace

int score_folder(const fs::path& folder, const sandbox::Sandbox& sandbox, const FolderScoring& settings) {
  check_folder(folder);
  const run::RunFolder locked = run::RunFolder::reopen(folder);
  report::StoredRun stored = report::read_run_folder(folder);
  const record::SampleFileContent original = stored.content;  // answers point into it while records are added
  std::vector<SavedAnswer> answers = saved_answers(original);
  if (answers.empty())
    throw Error(ErrorCode::kConfig, "the run has no text: only `qbench run --pass text` or `both` saves what models write",
                folder.string());
  const std::map<std::string, workload::Suite> suites = suites_of(answers, settings.suite);
  find_prompts(answers, suites, settings.suite);
  find_verdicts(answers, original);
  quality::Judge judge(sandbox, {});
  const quality::Rater rater(sandbox);
  record::SampleFile file(locked.samples());
  std::vector<Found> found(answers.size());
  bool harness_failed = false;
  quality::in_order(
      answers.size(), settings.jobs, [&](std::size_t i) { found[i] = score_one(answers[i], judge, rater, sandbox); },
      [&](std::size_t i) {
        record::QualityRecord quality = quality::rating_record(found[i].rating);
        quality.cell = answers[i].sample->cell;
        quality.session = answers[i].sample->session;
        if (found[i].verdict && !answers[i].judged) {
          stored.content.tasks.push_back(task_record(answers[i], found[i], sandbox));
          file.append(stored.content.tasks.back());
        }
        file.append(quality);
        const bool tool_failed = !found[i].rating.stars && !found[i].rating.tools.empty();  // without a tool it is no case for rating
        harness_failed =
            harness_failed || tool_failed || (found[i].verdict && found[i].verdict->status == record::TaskStatus::kHarnessError);
        write_row(answers[i], found[i], quality, settings.json);
        stored.content.qualities.push_back(std::move(quality));
      });
  update_cells(stored.content, answers, file);
  write_summary(stored, found, settings.json, report::write_reports(folder, stored.run, stored.content));
  return harness_failed ? kExitModelFailed : kExitFine;
}

}  // namespace qbench::cli
