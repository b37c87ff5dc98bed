#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "history/history.h"

/// Histories as terminal text and JSON.
namespace qbench::report {

struct HistoryList {
  std::size_t night_count = 0;
  std::vector<history::NightInfo> nights;  ///< the latest, oldest first
  std::vector<history::SeriesInfo> series;
};
std::string history_list_terminal(const HistoryList& list, std::size_t width);
std::string history_list_json(const HistoryList& list);

struct HistoryTrend {
  history::SeriesInfo series;
  std::string metric;
  std::vector<history::Point> points;    ///< oldest first
  std::vector<history::Change> changes;  ///< of this series and metric
};
/// A line of eighths of blocks over time, then the latest nights, change points marked.
std::string history_trend_terminal(const HistoryTrend& trend, std::size_t width);
std::string history_trend_json(const std::vector<HistoryTrend>& trends);

std::string history_changes_terminal(const std::vector<history::Change>& changes, std::size_t width);
std::string history_changes_json(const std::vector<history::Change>& changes);

}  // namespace qbench::report
