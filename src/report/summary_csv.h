#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "record/records.h"

namespace qbench::report {

/// summary.csv: the header and one row per cell, in the given order, by record::summary_columns().
std::string summary_csv(const record::RunRecord& run, const std::vector<record::CellRecord>& cells);

}  // namespace qbench::report
