#pragma once

#include <filesystem>
#include <vector>

#include "record/records.h"
#include "record/sample_file.h"
#include "run/job.h"
#include "run/run_folder.h"

namespace qbench::run {

/// A run's results while they come in: each record goes to samples.jsonl at once and is kept for the reports.
class RunLog {
 public:
  /// `content`: what an interrupted run has left. Error{kIo} when the folder cannot be written.
  RunLog(RunFolder folder, record::RunRecord run, record::SampleFileContent content);

  void add(const record::LoadRecord& load);
  void add(const record::SampleRecord& sample);
  void add(const record::CellRecord& cell);
  void add(const record::TaskRecord& task);
  void add(const record::QualityRecord& quality);
  void add(const record::BreakdownRecord& breakdown);
  void add(const record::AblationRecord& ablation);
  /// Replaces the facts of the model with this label.
  void set_model(const record::ModelFacts& facts);
  void forget_replaced(const std::vector<JobCell>& cells);

  /// Rows as they stand now, last record of each.
  std::vector<record::CellRecord> rows() const;
  /// Rows of cells, and of studies of theirs; answers that could not be judged.
  bool has_failed_rows() const;
  /// Writes run.json, summary.csv and the markdown files; returns the paths of the latter two kinds.
  std::vector<std::filesystem::path> write_reports() const;
  void finish();  ///< sets the finish time

  const record::RunRecord& run() const { return run_; }
  const record::SampleFileContent& content() const { return content_; }
  const RunFolder& folder() const { return folder_; }

 private:
  RunFolder folder_;
  record::RunRecord run_;
  record::SampleFileContent content_;
  record::SampleFile file_;
};

}  // namespace qbench::run
