#pragma once

#include <string>

#include "record/records.h"
#include "record/sample_file.h"
#include "report/terminal_table.h"

namespace qbench::report {

/// A run for a terminal: the table at the end of a run, then every metric of each row with a sparkline over its repetitions. No line is wider
/// than options.width (not below 60); escape sequences only with options.color.
std::string terminal_report(const record::RunRecord& run, const record::SampleFileContent& content, const TerminalOptions& options = {});

}  // namespace qbench::report
