#pragma once

#include <filesystem>
#include <vector>

#include "record/records.h"
#include "record/sample_file.h"

namespace qbench::report {

/// Writes summary.csv, breakdown.csv and ablation.csv where there are such records, and one markdown file per model into `folder`, each atomically, and returns the paths, summary.csv first. Models that
/// have the same file name get -2, -3, ... Error{kIo}.
std::vector<std::filesystem::path> write_reports(const std::filesystem::path& folder, const record::RunRecord& run,
                                                 const record::SampleFileContent& content);

/// Reads run.json and samples.jsonl of a result folder and renders them again. Errors of the readers; a truncated last line is a warning.
std::vector<std::filesystem::path> render_folder(const std::filesystem::path& folder);

}  // namespace qbench::report
