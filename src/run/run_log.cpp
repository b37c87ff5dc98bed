#include "run/run_log.h"

#include <algorithm>

#include "base/clock.h"
#include "record/record_json.h"
#include "report/render.h"
#include "report/study_sections.h"
#include "run/job.h"
#include "run/progress_so_far.h"

namespace qbench::run {

RunLog::RunLog(RunFolder folder, record::RunRecord run, record::SampleFileContent content)
    : folder_(std::move(folder)), run_(std::move(run)), content_(std::move(content)), file_(folder_.samples()) {}

void RunLog::add(const record::LoadRecord& load) {
  file_.append(load);
  content_.loads.push_back(load);
}

void RunLog::add(const record::SampleRecord& sample) {
  file_.append(sample);
  content_.samples.push_back(sample);
}

void RunLog::add(const record::CellRecord& cell) {
  file_.append(cell);
  content_.cells.push_back(cell);
}

void RunLog::add(const record::TaskRecord& task) {
  file_.append(task);
  content_.tasks.push_back(task);
}

void RunLog::add(const record::QualityRecord& quality) {
  file_.append(quality);
  content_.qualities.push_back(quality);
}

void RunLog::add(const record::BreakdownRecord& breakdown) {
  file_.append(breakdown);
  content_.breakdowns.push_back(breakdown);
}

void RunLog::add(const record::AblationRecord& ablation) {
  file_.append(ablation);
  content_.ablations.push_back(ablation);
}

void RunLog::set_model(const record::ModelFacts& facts) {
  const auto known = std::find_if(run_.models.begin(), run_.models.end(), [&](const auto& model) { return model.label == facts.label; });
  if (known == run_.models.end()) {
    run_.models.push_back(facts);
  } else {
    *known = facts;
  }
}

void RunLog::forget_replaced(const std::vector<JobCell>& cells) { forget_replaced_samples(cells, content_); }

std::vector<record::CellRecord> RunLog::rows() const { return latest_rows(content_.cells); }

bool RunLog::has_failed_rows() const {
  const std::vector<record::CellRecord> now = rows();
  const auto failed = [](const auto& studies) {
    return std::any_of(studies.begin(), studies.end(), [](const auto& record) { return !study_failures(record).empty(); });
  };
  const bool unjudged = std::any_of(now.begin(), now.end(), [](const record::CellRecord& row) {
    return row.metrics.at(record::MetricId::kHarnessErrors, record::Statistic::kNone).value_or(0) > 0;
  });
  return unjudged || std::any_of(now.begin(), now.end(), [](const auto& row) { return row.status == record::Status::kFailed; }) ||
         failed(report::latest_breakdowns(content_.breakdowns)) || failed(report::latest_ablations(content_.ablations));
}

std::vector<std::filesystem::path> RunLog::write_reports() const {
  record::write_run_json(folder_.run_json(), run_);
  record::SampleFileContent settled = content_;
  settled.cells = rows();
  return report::write_reports(folder_.path(), run_, settled);
}

void RunLog::finish() { run_.finished_utc = iso8601_utc(wall_now_ns()); }

}  // namespace qbench::run
