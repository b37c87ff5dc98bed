#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "record/records.h"
#include "record/sample_file.h"

namespace qbench::report {

/// `<Model>__<yyyymmdd_hhmmss>.md`: every byte of the name outside [A-Za-z0-9._+-] becomes '_', a leading '.' too, at most 120 bytes of
/// name. `stamp`: compact_utc of the run's start.
std::string report_file_name(std::string_view model_name, std::string_view stamp);

/// The markdown report of one model (by label): machine, settings, loading, results, and per prompt what was sent, what came back, metrics
/// and the breakdown by phase. Outputs cannot break out of their code blocks.
std::string model_markdown(const record::RunRecord& run, const record::SampleFileContent& content, std::string_view model_label);

}  // namespace qbench::report
