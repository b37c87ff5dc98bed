#pragma once

#include <filesystem>
#include <set>
#include <vector>

#include "record/records.h"
#include "record/sample_file.h"
#include "report/run_page.h"

namespace qbench::report {

/// Kinds of files that a run's folder has, beside the records.
enum class Format : std::uint8_t { kMarkdown, kCsv, kJunit, kHtml };

struct RenderOptions {
  std::set<Format> formats{Format::kMarkdown, Format::kCsv, Format::kJunit, Format::kHtml};
  std::vector<HistorySeries> history;  ///< that report.html draws
};

/// Writes summary.csv (breakdown.csv and ablation.csv where there are such records), one markdown file per model, junit.xml and report.html into
/// `folder`, each atomically, and returns the paths in this order. Models that have the same file name get -2, -3, ... Error{kIo}.
std::vector<std::filesystem::path> write_reports(const std::filesystem::path& folder, const record::RunRecord& run,
                                                 const record::SampleFileContent& content, const RenderOptions& options = {});

/// A run's records, read back from its folder.
struct StoredRun {
  record::RunRecord run;
  record::SampleFileContent content;
};
/// Errors of the readers; a truncated last line is a warning.
StoredRun read_run_folder(const std::filesystem::path& folder);

/// Reads a run's folder and renders it again, into itself.
std::vector<std::filesystem::path> render_folder(const std::filesystem::path& folder);

}  // namespace qbench::report
