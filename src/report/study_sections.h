#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "record/sample_file.h"
#include "record/study_records.h"

/// Where time goes (--breakdown) and what each optimisation is worth (--ablate), in words, tables and CSV.
namespace qbench::report {

/// The last record of each cell, in the order in which the cells first appear.
std::vector<record::BreakdownRecord> latest_breakdowns(const std::vector<record::BreakdownRecord>& records);
std::vector<record::AblationRecord> latest_ablations(const std::vector<record::AblationRecord>& records);

/// One cell's tables, each with a line of what it shows: prefill and decode as they run, then taken apart. Markdown that reads as text.
std::string breakdown_tables(const record::BreakdownRecord& record);
/// One table: each path left out against the baseline measured between the repetitions.
std::string ablation_tables(const record::AblationRecord& record);

/// "## Where time goes" and "## What each optimisation is worth" of one model (by label); empty where nothing was measured.
std::string study_sections(const record::SampleFileContent& content, std::string_view model_label);

/// One row per step, the unattributed rest and the total of each phase; times are sums over the passes, so that they add up exactly.
std::string breakdown_csv(const std::vector<record::BreakdownRecord>& records);
/// One row per path and phase.
std::string ablation_csv(const std::vector<record::AblationRecord>& records);

}  // namespace qbench::report
