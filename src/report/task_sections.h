#pragma once

#include <string>
#include <string_view>

#include "record/sample_file.h"
#include "report/task_totals.h"

/// What the scoring pass found out, for people; empty where nothing was scored.
namespace qbench::report {

/// "## Tasks" of one model: totals with intervals, a line for each task, then what else was found out about each prompt's answer.
std::string tasks_section(const record::SampleFileContent& content, std::string_view model_label);

/// The same as a section of report.html, of all models.
std::string tasks_html(const record::SampleFileContent& content);

/// Lines for the end of a run, in `width` columns (not below 60).
std::string task_result_lines(const record::SampleFileContent& content, std::size_t width = 80);

}  // namespace qbench::report
