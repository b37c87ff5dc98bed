#pragma once

#include <string>

#include "report/comparison_text.h"

namespace qbench::report {

/// Comparisons or a gate as one page that works offline, in the frame of report.html: a table of all judgements that sorts and filters, worst
/// first, the ratios as a chart, alerts. What neither side has is left out.
std::string comparison_page(const ComparisonReport& report);

}  // namespace qbench::report
