#include "report/terminal_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/plural.h"
#include "base/units.h"
#include "report/row_choice.h"
#include "report/sparkline.h"
#include "report/text.h"

namespace qbench::report {
namespace {

using record::CellRecord;
using record::MetricInfo;
using Samples = std::vector<const record::SampleRecord*>;

constexpr std::size_t kValueWidth = 12, kUnitWidth = 9;

std::string value_for_people(const MetricInfo& info, const std::optional<double>& value) {
  if (info.unit == "bytes" && value && *value >= 1000.0 && *value < 1e18) return format_bytes(static_cast<std::uint64_t>(*value));
  return metric_text(value);
}

std::size_t widest_name() {
  std::size_t width = 0;
  for (const MetricInfo& info : record::metric_catalog()) width = std::max(width, info.name.size());
  return width;
}

std::string metric_line(const MetricInfo& info, const CellRecord& cell, const Samples& timed, std::size_t name_width, std::size_t width) {
  const std::string value = value_for_people(info, row_value(cell, info.id));
  std::string line = fmt::format("  {:<{}} ", info.name, name_width);
  line.append(kValueWidth - std::min(kValueWidth, display_width(value)), ' ');
  line += value + fmt::format(" {:<{}}", info.unit == "bytes" || info.unit == "1" ? "" : info.unit, kUnitWidth);
  std::vector<std::optional<double>> values;
  for (const record::SampleRecord* sample : timed) values.push_back(sample->metrics[info.id]);
  const std::size_t used = display_width(line) + 1;
  if (values.size() > 1 && used + 4 < width) line += " " + sparkline(values, std::min<std::size_t>(width - used, 24));
  while (line.ends_with(' ')) line.pop_back();
  return line + "\n";
}

}  // namespace

std::string terminal_report(const record::RunRecord& run, const record::SampleFileContent& content, const TerminalOptions& options) {
  const std::vector<CellRecord> cells = record::latest_cells(content.cells);
  const std::size_t width = std::max<std::size_t>(options.width, 60);
  Samples samples;
  for (const record::SampleRecord& sample : content.samples) samples.push_back(&sample);
  const auto heading = [&](const std::string& text) {
    const std::string line = fit_width(text, width);
    return options.color ? "\x1b[1m" + line + "\x1b[0m\n" : line + "\n";
  };
  const auto one_line = [](const std::string& text) {
    std::string line = printable(text);
    std::replace_if(line.begin(), line.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
    return line;
  };
  std::string out = heading(one_line(run.run_id) + ", started " + one_line(run.started_utc)) + "\n" + end_table(cells, options);
  const std::size_t name_width = widest_name();
  for (const CellRecord& cell : cells) {
    if (!record::is_measured(cell.status)) continue;
    const Samples timed = timed_samples(cell, samples);
    out += "\n" + heading(one_line(fmt::format("{}: {}/{}, pass={}{}; {} repetitions, {}", cell.cell.model, cell.cell.suite,
                                               prompt_name(cell.cell), name_of(cell.cell.pass), row_difference(cell, cells), cell.n_samples,
                                               plural(cell.n_sessions, "session"))));
    for (const MetricInfo& info : record::metric_catalog()) {
      if (row_value(cell, info.id)) out += metric_line(info, cell, timed, name_width, width);
    }
  }
  return out;
}

}  // namespace qbench::report
