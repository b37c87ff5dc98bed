#pragma once

#include <string>

#include "compare/outcome.h"
#include "compare/rules.h"

namespace qbench::compare {

bool is_of_tasks(const std::string& metric);    ///< "success_ratio", "quality_score", ...: of answers
std::string suite_of(const CellOutcome& cell);  ///< "python-tasks" of the prompt "python-tasks/ttl-cache"
std::string group_of(const CellOutcome& cell);  ///< equal for the rows of a suite: model, precision, suite, device, pass, settings

/// A task is a row of its own, and one answer that turned out otherwise proves nothing: what was said of `success_ratio`, `quality_score`
/// and other metrics of answers row by row is replaced by one cell for all rows of a model, suite, pass and setting, where there are two
/// and more. Rows pair before and now; rows that differ are counted as lost or gained, and the sign test of the two (for tasks passed or
/// failed exact McNemar) is worse or better below rules.task_p, where the means differ by more than the rule's delta too (of tasks passed,
/// by anything). Of a gate, worse needs as many rows in excess for the second night, and is a suspect until then. Rows of other work, other
/// machines or without a baseline are left out and counted.
void pool_tasks(Comparison& comparison, const Rules& rules);

}  // namespace qbench::compare
