#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "record/sample_file.h"
#include "run/job.h"
#include "run/plan.h"

namespace qbench::run {

/// What the run asks of each speed cell beside its repetitions, in the first session.
struct WantedStudies {
  bool breakdown = false, ablation = false;
};

/// Turns a planned cell into the work of one session, less what `content` (an interrupted run's samples) has already. Nothing when the session has
/// nothing to do: its row is measured, with a fixed number every repetition is there, and so are its studies; the text pass belongs to the first session; a cell that
/// failed in an earlier session is not tried again.
std::optional<JobCell> remaining_work(const PlannedCell& planned, const workload::Prompt& prompt, const record::SampleFileContent& content,
                                      const WantedStudies& studies = {}, std::int64_t session = 0);

/// Takes out of memory what the cells that run (again) will replace: failed repetitions, and answers whose row was never written.
/// The file keeps everything.
void forget_replaced_samples(const std::vector<JobCell>& cells, record::SampleFileContent& content);

/// The last repetition of the text pass that worked for this row, which was measured; nullptr without one.
const record::SampleRecord* text_sample(const record::SampleFileContent& content, const record::CellKey& key);
AnswerCost cost_of(const record::SampleRecord& sample);
/// The answers of all its sequences, and what the first one took.
Answer answer_of(const record::SampleRecord& sample);

/// The same cell up to what the machine decided: model, suite, prompt, turn and pass.
bool same_row(const record::CellKey& a, const record::CellKey& b);

/// The last record of each row, in the order in which the rows first appear. A row that failed before its model was found or opened has
/// another context than the same row later, so this goes by same_row.
std::vector<record::CellRecord> latest_rows(const std::vector<record::CellRecord>& cells);

/// Measured repetitions of the cell, at most.
std::int64_t most_repetitions(const JobCell& cell);

/// Tokens that the cell's requests bring at most: the scale of the progress line.
std::int64_t planned_tokens(const JobCell& cell);

}  // namespace qbench::run
