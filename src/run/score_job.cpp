#include "run/score_job.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "record/judged_answers.h"
#include "run/progress_so_far.h"

namespace qbench::run {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// The answers that an earlier process wrote; nothing where a turn is missing or its row was not measured.
std::optional<WrittenAnswer> written_before(const PlannedCell& planned, const record::SampleFileContent& content) {
  std::vector<Answer> turns;
  for (const record::CellKey& key : row_keys(planned)) {
    const record::SampleRecord* sample = text_sample(content, key);
    if (sample == nullptr || sample->sequences.empty()) return std::nullopt;
    turns.push_back(answer_of(*sample));
  }
  return written_answer(std::move(turns));
}

/// The last attempt at each answer whose tests said something.
std::vector<record::TaskRecord> judged_attempts(const record::CellKey& key, const record::SampleFileContent& content) {
  std::vector<record::TaskRecord> own;
  for (const record::TaskRecord& task : content.tasks)
    if (task.cell == key) own.push_back(task);
  std::vector<record::TaskRecord> attempts;
  for (const record::JudgedAnswer& answer : record::judged_answers(own))
    if (answer.judged()) attempts.push_back(answer.last());
  return attempts;
}

std::vector<std::string> found_sources(const record::CellKey& key, const record::SampleFileContent& content) {
  std::vector<std::string> sources;
  for (const record::QualityRecord& quality : content.qualities)
    if (quality.cell == key) sources.push_back(quality.source);
  return sources;
}

std::int64_t unsettled(const ScoreCell& cell, const ScoreOptions& options) {
  if (!cell.cell.prompt.task) return 0;
  std::int64_t left = 0;
  for (std::int64_t sample = 0; sample < options.n_samples; ++sample) {
    const record::TaskRecord* last = cell.attempt_of(sample);
    left += last == nullptr || !is_settled(*last, options) ? 1 : 0;
  }
  return left;
}

ordered_json cell_json(const ScoreCell& cell) {
  ordered_json object{{"cell", to_json(cell.cell)}, {"sources", cell.sources}, {"attempts", ordered_json::array()}};
  if (cell.unstaged) object["unstaged"] = to_json(*cell.unstaged);
  if (cell.written_by) object["written_by"] = *cell.written_by;
  if (cell.written) {
    object["written"] = ordered_json::array();
    for (const Answer& turn : cell.written->turns) object["written"].push_back(to_json(turn));
  }
  for (const record::TaskRecord& task : cell.attempts) object["attempts"].push_back(record::to_json_line(task));
  return object;
}

ScoreCell cell_from_json(const json& object) {
  ScoreCell cell;
  cell.cell = job_cell_from_json(object.at("cell"));
  object.at("sources").get_to(cell.sources);
  if (object.contains("unstaged")) cell.unstaged = prompt_from_json(object.at("unstaged"));
  if (object.contains("written_by")) cell.written_by = object.at("written_by").get<std::size_t>();
  if (object.contains("written")) {
    std::vector<Answer> turns;
    for (const json& turn : object.at("written")) turns.push_back(answer_from_json(turn));
    cell.written = written_answer(std::move(turns));
  }
  for (const json& line : object.at("attempts")) {
    record::Line record = record::parse_json_line(line.get<std::string>(), "job");
    auto* task = std::get_if<record::TaskRecord>(&record);
    if (task == nullptr) throw Error(ErrorCode::kFormat, "an attempt that is no task", "job");
    cell.attempts.push_back(std::move(*task));
  }
  return cell;
}

}  // namespace

WrittenAnswer written_answer(std::vector<Answer> turns) {
  WrittenAnswer written;
  for (const Answer& turn : turns) {
    written.prompt_tokens = turn.cost.prompt_tokens;
    written.answer_tokens += turn.cost.answer_tokens;
    written.generation_s += turn.cost.generation_s;
    if (turn.cost.thinking_tokens) written.thinking_tokens = written.thinking_tokens.value_or(0) + *turn.cost.thinking_tokens;
    written.thinking_end = turn.cost.thinking_end;
  }
  written.turns = std::move(turns);
  return written;
}

const record::TaskRecord* ScoreCell::attempt_of(std::int64_t sample) const {
  const auto found = std::find_if(attempts.begin(), attempts.end(), [&](const record::TaskRecord& task) { return task.sample == sample; });
  return found == attempts.end() ? nullptr : &*found;
}

bool is_settled(const record::TaskRecord& last, const ScoreOptions& options) {
  return last.status == record::TaskStatus::kPass || last.status == record::TaskStatus::kHarnessError ||
         last.iteration >= options.max_iterations;
}

ScoreJob remaining_scores(const ModelPlan& model, const workload::Suite& suite, const ScoreOptions& options,
                          const record::SampleFileContent& content, const std::vector<JobCell>& cells,
                          std::span<const std::string_view> sources) {
  ScoreJob job{options, {}};
  for (const PlannedCell& planned : model.cells) {
    if (planned.cell.pass != workload::Pass::kText) continue;
    ScoreCell cell;
    cell.cell.pass = planned.cell.pass;
    cell.cell.prompt = prompt_of(planned, suite);
    if (planned.staged) cell.unstaged = suite.prompts[planned.cell.prompt_index];
    cell.cell.settings = planned.cell.settings;
    cell.cell.key = row_keys(planned).back();
    const auto running = std::find_if(cells.begin(), cells.end(), [&](const JobCell& one) { return one.key == planned.key; });
    if (running != cells.end()) {
      cell.written_by = static_cast<std::size_t>(running - cells.begin());
    } else {
      cell.written = written_before(planned, content);
      if (!cell.written) continue;
    }
    cell.attempts = judged_attempts(cell.cell.key, content);
    cell.sources = found_sources(cell.cell.key, content);
    const bool all_found = std::all_of(sources.begin(), sources.end(), [&](std::string_view source) {
      return std::find(cell.sources.begin(), cell.sources.end(), source) != cell.sources.end();
    });
    if (!all_found || unsettled(cell, options) > 0) job.cells.push_back(std::move(cell));
  }
  return job;
}

std::int64_t count_unjudged(const ScoreJob& job) {
  std::int64_t left = 0;
  for (const ScoreCell& cell : job.cells) left += unsettled(cell, job.options);
  return left;
}

ordered_json to_json(const ScoreJob& job) {
  ordered_json cells = ordered_json::array();
  for (const ScoreCell& cell : job.cells) cells.push_back(cell_json(cell));
  return {{"options", to_json(job.options)}, {"cells", cells}};
}

ScoreJob score_job_from_json(const json& object) {
  ScoreJob job;
  job.options = score_options_from_json(object.at("options"), "job");
  for (const json& cell : object.at("cells")) job.cells.push_back(cell_from_json(cell));
  return job;
}

}  // namespace qbench::run
