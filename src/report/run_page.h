#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "record/records.h"
#include "record/sample_file.h"

namespace qbench::report {

/// One metric of one key over the nights of a history.
struct HistorySeries {
  std::string label;   ///< what is measured: model, prompt, device
  std::string metric;  ///< name in the catalogue
  std::string unit;
  std::vector<std::pair<std::string, double>> points;  ///< (start of the run, value), oldest first
  std::vector<std::size_t> changes;                    ///< indices into points at which the level changes
};

/// report.html: one file that works offline. Tables of all rows and of every metric, charts, what the models wrote, machine. Every text out of the
/// records is escaped: prompts, outputs, names and messages cannot act on the page.
std::string run_page(const record::RunRecord& run, const record::SampleFileContent& content, const std::vector<HistorySeries>& history = {});

/// What the page's script draws. `cells`: the latest record of each row, in the order of the table.
nlohmann::ordered_json run_page_data(const std::vector<record::CellRecord>& cells, const record::SampleFileContent& content,
                                     const std::vector<HistorySeries>& history);

}  // namespace qbench::report
