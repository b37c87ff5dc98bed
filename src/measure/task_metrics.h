#pragma once

#include <span>

#include "record/records.h"

namespace qbench::measure {

/// Puts what the scoring pass found out about the cell's answers into its row: the metrics of scope cell_tasks, the sandbox level and the judge.
/// Tasks and qualities of other cells are ignored; where there are none of this cell the row stays as it is. judging.pass_ks is the caller's.
/// Of several sessions' answers a metric is the median of their values.
void add_task_metrics(record::CellRecord& cell, std::span<const record::TaskRecord> tasks, std::span<const record::QualityRecord> qualities);

}  // namespace qbench::measure
