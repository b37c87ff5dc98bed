#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "record/sample_file.h"
#include "run/job.h"
#include "run/plan.h"

namespace qbench::run {

/// What the run asks of each speed cell beside its repetitions.
struct WantedStudies {
  bool breakdown = false, ablation = false;
};

/// Turns a planned cell into work, less what `content` (an interrupted run's samples) has already. Nothing when the cell is complete: every
/// repetition is there, its row is ok, and so are its studies.
std::optional<JobCell> remaining_work(const PlannedCell& planned, const workload::Prompt& prompt, const record::SampleFileContent& content,
                                      const WantedStudies& studies = {});

/// Takes out of memory what the cells that run (again) will replace: failed repetitions, and answers whose row was never written.
/// The file keeps everything.
void forget_replaced_samples(const std::vector<JobCell>& cells, record::SampleFileContent& content);

/// The same cell up to what the machine decided: model, suite, prompt, turn and pass.
bool same_row(const record::CellKey& a, const record::CellKey& b);

/// The last record of each row, in the order in which the rows first appear. A row that failed before its model was found or opened has
/// another context than the same row later, so this goes by same_row.
std::vector<record::CellRecord> latest_rows(const std::vector<record::CellRecord>& cells);

/// Tokens that the cell's requests bring at most: the scale of the progress line.
std::int64_t planned_tokens(const JobCell& cell);

}  // namespace qbench::run
