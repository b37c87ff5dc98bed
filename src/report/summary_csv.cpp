#include "report/summary_csv.h"

#include "record/columns.h"
#include "record/csv.h"

namespace qbench::report {

std::string summary_csv(const record::RunRecord& run, const std::vector<record::CellRecord>& cells) {
  const auto columns = record::summary_columns();
  std::vector<std::string> fields;
  for (const record::Column& column : columns) fields.push_back(column.name);
  std::string out = record::csv_line(fields);
  for (const record::CellRecord& cell : cells) {
    fields.clear();
    for (const record::Column& column : columns) fields.push_back(record::cell_text(column, run, cell));
    out += record::csv_line(fields);
  }
  return out;
}

}  // namespace qbench::report
