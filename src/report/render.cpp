#include "report/render.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "base/log.h"
#include "base/text_file.h"
#include "report/junit.h"
#include "report/model_report.h"
#include "report/row_choice.h"
#include "report/run_page.h"
#include "report/study_sections.h"
#include "report/summary_csv.h"
#include "report/task_totals.h"

namespace qbench::report {
namespace {

/// `20261121_032200` of "2026-11-21T03:22:00Z"; where the start is not known, the stamp that the run's id begins with.
std::string stamp_of(const record::RunRecord& run) {
  std::string digits;
  for (const char c : run.started_utc.substr(0, 19)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  if (digits.size() == 14) return digits.substr(0, 8) + "_" + digits.substr(8);
  return run.run_id.substr(0, 15);
}

using Paths = std::vector<std::filesystem::path>;

void write(Paths& paths, const std::filesystem::path& path, const std::string& text) {
  write_text_file_atomic(path, text);
  paths.push_back(path);
}

void write_tables(Paths& paths, const std::filesystem::path& folder, const record::RunRecord& run, const record::SampleFileContent& content) {
  write(paths, folder / "summary.csv", summary_csv(run, record::latest_cells(content.cells)));
  if (!content.tasks.empty()) write(paths, folder / "quality.csv", tasks_csv(task_totals(content)));
  if (!content.breakdowns.empty()) write(paths, folder / "breakdown.csv", breakdown_csv(latest_breakdowns(content.breakdowns)));
  if (!content.ablations.empty()) write(paths, folder / "ablation.csv", ablation_csv(latest_ablations(content.ablations)));
}

void write_markdown(Paths& paths, const std::filesystem::path& folder, const record::RunRecord& run, const record::SampleFileContent& content) {
  std::set<std::string> taken;
  for (const std::string& label : model_labels(run, content)) {
    const std::string name = std::filesystem::path(label).filename().string();
    std::string file = report_file_name(name, stamp_of(run));
    // Compared without case: some file systems do not tell the two apart.
    for (int i = 2; !taken.insert(ascii_lower(file)).second; ++i)
      file = report_file_name(name.substr(0, 110) + "-" + std::to_string(i), stamp_of(run));
    write(paths, folder / file, model_markdown(run, content, label));
  }
}

}  // namespace

Paths write_reports(const std::filesystem::path& folder, const record::RunRecord& run, const record::SampleFileContent& content,
                    const RenderOptions& options) {
  Paths paths;
  const auto asked_for = [&options](Format format) { return options.formats.count(format) > 0; };
  if (asked_for(Format::kCsv)) write_tables(paths, folder, run, content);
  if (asked_for(Format::kMarkdown)) write_markdown(paths, folder, run, content);
  if (asked_for(Format::kJunit)) write(paths, folder / "junit.xml", run_junit(run, content));
  if (asked_for(Format::kHtml)) write(paths, folder / "report.html", run_page(run, content, options.history));
  return paths;
}

StoredRun read_run_folder(const std::filesystem::path& folder) {
  StoredRun stored{record::read_run_json(folder / "run.json"), record::read_sample_file(folder / "samples.jsonl")};
  if (stored.content.truncated_tail) {
    log_warning((folder / "samples.jsonl").string() + ": the last line was cut off when the run was killed; it is left out");
  }
  return stored;
}

Paths render_folder(const std::filesystem::path& folder) {
  const StoredRun stored = read_run_folder(folder);
  return write_reports(folder, stored.run, stored.content);
}

}  // namespace qbench::report
