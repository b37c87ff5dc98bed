#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "record/judged_answers.h"
#include "report/junit.h"
#include "report/junit_names.h"
#include "report/row_choice.h"

namespace qbench::report {
namespace {

using record::CellRecord;
using record::MetricInfo;
using Cells = std::vector<const CellRecord*>;

/// Seconds that all repetitions of the row took, warm-up included.
std::optional<double> seconds_of(const CellRecord& cell, const record::SampleFileContent& content) {
  std::optional<double> seconds;
  for (const record::SampleRecord& sample : content.samples) {
    const auto& ms = sample.metrics[record::MetricId::kE2eMs];
    if (ms && sample.cell == cell.cell) seconds = seconds.value_or(0) + *ms / 1000;
  }
  return seconds;
}

/// `codegen/fizzbuzz speed`, and what tells the row from others of the model and prompt.
std::string row_text(const CellRecord& cell, const std::vector<CellRecord>& cells) {
  return fmt::format("{}/{} {}{}", cell.cell.suite, prompt_name(cell.cell), name_of(cell.cell.pass), row_difference(cell, cells));
}

bool loading_failed(const record::Failure& failure, const std::string& model, const record::SampleFileContent& content) {
  return std::any_of(content.loads.begin(), content.loads.end(), [&](const record::LoadRecord& load) {
    return load.model.label == model && load.status == record::Status::kFailed && load.failure == failure;
  });
}

JunitCase status_case(const CellRecord& cell, const std::string& row, const record::SampleFileContent& content) {
  JunitCase one;
  one.classname = junit_class(cell.cell.device, cell.cell.model);
  one.name = "status[" + row + "]";
  one.seconds = seconds_of(cell, content);
  one.text = fmt::format("status {}\nrepetitions {}, failed {}, warm-up {}, discarded {}, sessions {}\n", name_of(cell.status), cell.n_samples, cell.n_failed,
                         cell.n_warmup, cell.n_discarded, cell.n_sessions);
  if (cell.disturbances && !cell.disturbances->empty()) one.text += "disturbed: " + *cell.disturbances + "\n";
  one.message = cell.failure.code.empty() ? cell.failure.message : cell.failure.code + ": " + cell.failure.message;
  switch (cell.status) {
    case record::Status::kOk:
      break;
    case record::Status::kFailed:
      one.result = CaseResult::kError;
      one.type = loading_failed(cell.failure, cell.cell.model, content) && cell.failure.code != "memory" ? "ModelLoadFailed" : error_type(cell.failure.code);
      break;
    case record::Status::kSkipped:
      one.result = CaseResult::kSkipped;
      one.type = "skipped";
      break;
    case record::Status::kThrottled:
      one.result = CaseResult::kSkipped;
      one.type = "throttled";
      if (one.message.empty()) one.message = "too many samples were taken while power or heat lowered the clocks";
      break;
  }
  return one;
}

JunitCase metric_case(const CellRecord& cell, const MetricInfo& info, const std::string& row) {
  JunitCase one;
  one.classname = junit_class(cell.cell.device, cell.cell.model);
  one.name = fmt::format("{}[{}]", info.name, row);
  one.text = fmt::format("value {} {} ({})\n", record::format_value(row_value(cell, info.id)), info.unit, better_text(info.better));
  if (cell.sessions.size() > 1) {
    one.text += "sessions";
    for (const record::MetricValues& session : cell.sessions) one.text += " " + (session[info.id] ? record::format_value(session[info.id]) : "-");
    one.text += "\n";
  }
  one.text += "baseline none\nband none\nverdict not judged: a run alone has nothing to compare with\n";
  return one;
}

std::string all_metrics(const CellRecord& cell, const std::string& row) {
  std::string text = row + "\n";
  for (const MetricInfo& info : record::metric_catalog()) {
    for (const record::Statistic statistic : info.statistics) {
      const std::string value = record::format_value(cell.metrics.at(info.id, statistic));
      if (!value.empty()) text += fmt::format("  {} {} {}\n", record::column_name(info.id, statistic), value, info.unit);
    }
  }
  return text;
}

void add_load_failures(JunitSuite& suite, const record::SampleFileContent& content, const std::string& device) {
  for (const record::LoadRecord& load : content.loads) {
    if (load.model.label != suite.name || load.status != record::Status::kFailed) continue;
    suite.cases.push_back({junit_class(load.device, load.model.label), "load", std::nullopt, CaseResult::kError,
                           load.failure.code == "memory" ? "OutOfMemory" : "ModelLoadFailed", load.failure.code + ": " + load.failure.message, ""});
    return;
  }
  // Planned, and nothing is there: the run was killed before, or is still on the way.
  suite.cases.push_back({junit_class(device, suite.name), "load", std::nullopt, CaseResult::kError, "NotRun", "planned, but the run ended before this model had a row", ""});
}

/// A case for each task: whether all its answers passed. A task that is not passed is a result of the run, told apart from rows that broke by its
/// type; whoever does not want it to fail a job filters TaskFailed or gates on success_ratio instead.
JunitCase task_case(const std::vector<const record::JudgedAnswer*>& answers) {
  const record::TaskRecord& first = answers.front()->first();
  JunitCase one;
  one.classname = junit_class(first.cell.device, first.cell.model);
  if (one.classname.starts_with("perf.")) one.classname.replace(0, 4, "quality");
  one.name = fmt::format("task[{}/{} {}]", first.cell.suite, first.cell.prompt_id, first.task_id);
  one.seconds = 0;
  for (const record::JudgedAnswer* answer : answers) {
    for (const record::TaskRecord* attempt : answer->attempts) {
      *one.seconds += attempt->generation_s.value_or(0) + attempt->judge_s.value_or(0);
      one.text += fmt::format("answer {} attempt {}: {}{}\n", attempt->sample + 1, attempt->iteration, name_of(attempt->status), attempt->detail.empty() ? "" : ": " + attempt->detail);
    }
    if (answer->passed() || one.result == CaseResult::kError) continue;
    one.result = answer->judged() ? CaseResult::kFailure : CaseResult::kError;
    one.type = answer->judged() ? "TaskFailed" : "HarnessError";
    one.message = fmt::format("{}: {}", name_of(answer->last().status), answer->last().detail);
  }
  one.text += fmt::format("sandbox_level {}\n", first.sandbox_level.value_or("unknown"));
  return one;
}

void add_task_cases(JunitSuite& suite, const record::SampleFileContent& content, const std::string& model) {
  std::vector<std::vector<const record::JudgedAnswer*>> by_task;
  const std::vector<record::JudgedAnswer> answers = record::judged_answers(content.tasks);
  for (const record::JudgedAnswer& answer : answers) {
    if (answer.first().cell.model != model) continue;
    const auto known = std::find_if(by_task.begin(), by_task.end(), [&](const auto& group) {
      return group.front()->first().cell == answer.first().cell && group.front()->first().task_id == answer.first().task_id;
    });
    if (known == by_task.end()) by_task.push_back({&answer});
    else known->push_back(&answer);
  }
  for (const auto& group : by_task) suite.cases.push_back(task_case(group));
}

}  // namespace

std::string run_junit(const record::RunRecord& run, const record::SampleFileContent& content) {
  const std::vector<CellRecord> cells = record::latest_cells(content.cells);
  std::vector<JunitSuite> suites;
  for (const std::string& label : model_labels(run, content)) {
    JunitSuite suite{label, run.machine.host_hash, run.started_utc, {}, {}, {}};
    Cells own;
    for (const CellRecord& cell : cells) {
      if (cell.cell.model == label) own.push_back(&cell);
    }
    suite.properties = shared_facts(run, own);
    if (own.empty()) add_load_failures(suite, content, cells.empty() ? std::string("none") : cells.front().cell.device);
    for (const CellRecord* cell : own) {
      const std::string row = row_text(*cell, cells);
      suite.cases.push_back(status_case(*cell, row, content));
      suite.system_out += all_metrics(*cell, row);
      if (!record::is_measured(cell->status)) continue;
      for (const MetricInfo& info : record::metric_catalog()) {
        if (info.by_session && row_value(*cell, info.id)) suite.cases.push_back(metric_case(*cell, info, row));
      }
    }
    add_task_cases(suite, content, label);
    suites.push_back(std::move(suite));
  }
  return junit_xml("qbench " + run.run_id, suites);
}

}  // namespace qbench::report
