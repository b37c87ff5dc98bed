#pragma once

#include <filesystem>
#include <vector>

#include "record/records.h"
#include "report/run_page.h"

namespace qbench::report {

/// What report.html draws of a history: of each series that one of the run's models has, the metrics that gates judge, the latest 200 nights
/// with their change points; the series of speed passes first, the most important metrics first, at most 400 in all. Errors of History.
std::vector<HistorySeries> read_history_series(const std::filesystem::path& history, const record::RunRecord& run,
                                               const std::vector<record::CellRecord>& cells);

}  // namespace qbench::report
