#include "report/history_series.h"

#include <algorithm>
#include <string>

#include "history/history.h"
#include "history/utc.h"
#include "report/row_choice.h"

namespace qbench::report {
namespace {

constexpr std::size_t kMostNights = 200, kMostSeries = 400;

HistorySeries one_series(const history::History& history, const history::SeriesInfo& info, const record::MetricInfo& metric) {
  HistorySeries series{info.label, std::string(metric.name), std::string(metric.unit), {}, {}};
  const std::vector<history::Change> changes = history.changes(info.id, metric.name);
  for (const history::Point& point : history.trend(info, metric.name, kMostNights)) {
    // A night of which too much was throttled is no level of anything.
    if (point.state == compare::NightState::kExcluded) continue;
    const auto starts_here = [&](const history::Change& change) { return change.run_id == point.run_id && change.series_id == info.id; };
    if (std::any_of(changes.begin(), changes.end(), starts_here)) series.changes.push_back(series.points.size());
    series.points.emplace_back(history::format_utc(point.started_s), point.value);
  }
  return series;
}

}  // namespace

std::vector<HistorySeries> read_history_series(const std::filesystem::path& path, const record::RunRecord& run,
                                               const std::vector<record::CellRecord>& cells) {
  const history::History history(path, history::Database::Mode::kRead);
  std::vector<history::SeriesInfo> own;
  for (history::SeriesInfo& info : history.series("")) {
    const std::string_view model = info.key.fact("model");
    const bool known = std::any_of(run.models.begin(), run.models.end(), [&](const auto& facts) { return facts.label == model; }) ||
                       std::any_of(cells.begin(), cells.end(), [&](const auto& cell) { return cell.cell.model == model; });
    if (known) own.push_back(std::move(info));
  }
  std::stable_partition(own.begin(), own.end(), [](const history::SeriesInfo& info) { return info.key.fact("pass") == "speed"; });
  std::vector<HistorySeries> all;
  for (const record::MetricId id : metric_order().ids) {
    const record::MetricInfo& metric = record::info_of(id);
    if (!metric.by_session) continue;
    for (const history::SeriesInfo& info : own) {
      if (all.size() == kMostSeries) return all;
      HistorySeries series = one_series(history, info, metric);
      if (!series.points.empty()) all.push_back(std::move(series));
    }
  }
  return all;
}

}  // namespace qbench::report
