#include "report/render.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/text_file.h"
#include "report/junit.h"
#include "report/model_report.h"
#include "report/row_choice.h"
#include "report/run_page.h"
#include "report/study_sections.h"
#include "report/summary_csv.h"

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

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

std::vector<std::filesystem::path> write_reports(const std::filesystem::path& folder, const record::RunRecord& run,
                                                 const record::SampleFileContent& content) {
  std::vector<std::filesystem::path> paths{folder / "summary.csv"};
  write_text_file_atomic(paths.front(), summary_csv(run, record::latest_cells(content.cells)));
  if (!content.breakdowns.empty()) {
    paths.push_back(folder / "breakdown.csv");
    write_text_file_atomic(paths.back(), breakdown_csv(latest_breakdowns(content.breakdowns)));
  }
  if (!content.ablations.empty()) {
    paths.push_back(folder / "ablation.csv");
    write_text_file_atomic(paths.back(), ablation_csv(latest_ablations(content.ablations)));
  }
  std::set<std::string> taken;
  for (const std::string& label : model_labels(run, content)) {
    const std::string name = std::filesystem::path(label).filename().string();
    std::string file = report_file_name(name, stamp_of(run));
    // Compared without case: some file systems do not tell the two apart.
    for (int i = 2; !taken.insert(lower(file)).second; ++i)
      file = report_file_name(name.substr(0, 110) + "-" + std::to_string(i), stamp_of(run));
    paths.push_back(folder / file);
    write_text_file_atomic(paths.back(), model_markdown(run, content, label));
  }
  paths.push_back(folder / "junit.xml");
  write_text_file_atomic(paths.back(), run_junit(run, content));
  paths.push_back(folder / "report.html");
  write_text_file_atomic(paths.back(), run_page(run, content));
  return paths;
}

std::vector<std::filesystem::path> render_folder(const std::filesystem::path& folder) {
  const record::RunRecord run = record::read_run_json(folder / "run.json");
  const record::SampleFileContent content = record::read_sample_file(folder / "samples.jsonl");
  if (content.truncated_tail) {
    log_warning((folder / "samples.jsonl").string() + ": the last line was cut off when the run was killed; it is left out");
  }
  return write_reports(folder, run, content);
}

}  // namespace qbench::report
