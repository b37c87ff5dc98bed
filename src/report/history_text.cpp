#include "report/history_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "compare/sentences.h"
#include "history/utc.h"
#include "record/metric_catalog.h"
#include "report/sparkline.h"
#include "report/terminal_table.h"
#include "report/text.h"
#include "stats/summary.h"

namespace qbench::report {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kShownNights = 20;

std::string left(std::string_view text, std::size_t width) {
  const std::string fitted = fit_width(one_line(text), width);
  return fitted + std::string(width - display_width(fitted), ' ');
}

std::string unit_of(const std::string& metric) {
  const auto id = record::metric_from_name(metric);
  return id ? std::string(record::info_of(*id).unit) : "bytes";
}

std::string change_percent(double before, double after) {
  return before == 0 ? std::string("-") : fmt::format("{:+.1f} %", 100 * (after / before - 1));
}

bool is_change(const HistoryTrend& trend, const history::Point& point) {
  return std::any_of(trend.changes.begin(), trend.changes.end(),
                     [&](const auto& c) { return c.run_id == point.run_id && c.started_s == point.started_s; });
}

ordered_json series_json(const history::SeriesInfo& series) {
  ordered_json key = ordered_json::object();
  for (const auto& [name, value] : series.key.facts) key[name] = value;
  return {
      {"id", series.id}, {"label", series.label}, {"nights", series.nights}, {"first_utc", series.first_utc}, {"last_utc", series.last_utc},
      {"key", key}};
}

ordered_json change_json(const history::Change& c) {
  return {{"series", c.series_id}, {"label", c.label},    {"metric", c.metric},
          {"run_id", c.run_id},    {"commit", c.git_sha}, {"started_utc", history::format_utc(c.started_s)},
          {"before", c.before},    {"after", c.after},    {"p", c.p}};
}

/// Of a step without any noise a t test's p is 0 in a double, which no finite number of nights proves.
std::string p_text(double p) { return p < 1e-16 ? "p < 1e-16" : fmt::format("p = {:.1g}", p); }

std::string dump(const ordered_json& document) { return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string history_list_terminal(const HistoryList& list, std::size_t width) {
  std::string out = fmt::format("{} nights, {} series\n", list.night_count, list.series.size());
  if (!list.nights.empty()) out += "\n" + left("Began", 21) + left("Run", width - 46) + " " + left("Commit", 13) + "  Series\n";
  for (const auto& night : list.nights) {
    out += left(night.started_utc, 21) + left(night.run_id, width - 46) + " " + left(night.git_sha.substr(0, 12), 13) +
           fmt::format("{:>8}\n", night.series);
  }
  if (!list.series.empty()) out += "\n" + left("Id", 14) + left("Series", width - 45) + "  Nights  Last\n";
  for (const auto& series : list.series) {
    out += left(series.id, 14) + left(series.label, width - 45) + fmt::format("{:>8}  ", series.nights) + series.last_utc + "\n";
  }
  return out;
}

std::string history_list_json(const HistoryList& list) {
  ordered_json nights = ordered_json::array(), series = ordered_json::array();
  for (const auto& n : list.nights) {
    nights.push_back(
        {{"run_id", n.run_id}, {"started_utc", n.started_utc}, {"commit", n.git_sha}, {"source", n.source}, {"series", n.series}});
  }
  for (const auto& s : list.series) series.push_back(series_json(s));
  return dump({{"night_count", list.night_count}, {"nights", nights}, {"series", series}});
}

std::string history_trend_terminal(const HistoryTrend& trend, std::size_t width) {
  std::vector<double> values;
  for (const auto& point : trend.points) {
    if (point.state != compare::NightState::kExcluded) values.push_back(point.value);
  }
  const std::string unit = unit_of(trend.metric);
  std::string out = fit_width(fmt::format("{} {} {}", trend.series.id, one_line(trend.series.label), trend.metric), width) + "\n";
  if (values.empty()) return out + "  no values\n";
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  out += "  " + sparkline(std::vector<std::optional<double>>(values.begin(), values.end()), width - 2) + "\n";
  out += fmt::format("  {} nights, lowest {}, median {}, highest {}\n", values.size(), compare::value_text(*low, unit),
                     compare::value_text(*stats::median(values), unit), compare::value_text(*high, unit));
  const std::size_t first = trend.points.size() - std::min(trend.points.size(), kShownNights);
  for (std::size_t i = first; i < trend.points.size(); ++i) {
    const auto& point = trend.points[i];
    const std::string state = point.state == compare::NightState::kAccepted ? "" : std::string(name_of(point.state));
    out += "  " + left(history::format_utc(point.started_s), 21) + left(point.git_sha.substr(0, 12), 13) +
           fmt::format("{:>16}", compare::value_text(point.value, unit)) + (is_change(trend, point) ? "  change point" : "") +
           (state.empty() ? "" : "  " + state) + "\n";
  }
  for (const auto& change : trend.changes) {
    out += fit_width(
               fmt::format("  change at {}: {} to {} ({})", history::format_utc(change.started_s), compare::value_text(change.before, unit),
                           compare::value_text(change.after, unit), change_percent(change.before, change.after)),
               width) +
           "\n";
  }
  return out;
}

std::string history_trend_json(const std::vector<HistoryTrend>& trends) {
  ordered_json all = ordered_json::array();
  for (const HistoryTrend& trend : trends) {
    ordered_json points = ordered_json::array(), changes = ordered_json::array();
    for (const auto& p : trend.points) {
      points.push_back({{"run_id", p.run_id},
                        {"commit", p.git_sha},
                        {"started_utc", history::format_utc(p.started_s)},
                        {"value", p.value},
                        {"state", name_of(p.state)}});
    }
    for (const auto& c : trend.changes) changes.push_back(change_json(c));
    all.push_back({{"series", series_json(trend.series)}, {"metric", trend.metric}, {"points", points}, {"changes", changes}});
  }
  return dump(all);
}

std::string history_changes_terminal(const std::vector<history::Change>& changes, std::size_t width) {
  if (changes.empty()) return "no change points\n";
  std::string out;
  for (const auto& change : changes) {
    const std::string unit = unit_of(change.metric);
    out += fit_width(fmt::format("{} {} {}", history::format_utc(change.started_s), one_line(change.label), change.metric), width) + "\n";
    out += fit_width(fmt::format("    {} to {} ({}), {}, {} {}", compare::value_text(change.before, unit),
                                 compare::value_text(change.after, unit), change_percent(change.before, change.after), p_text(change.p),
                                 one_line(change.run_id), change.git_sha.substr(0, 12)),
                     width) +
           "\n";
  }
  return out;
}

std::string history_changes_json(const std::vector<history::Change>& changes) {
  ordered_json all = ordered_json::array();
  for (const auto& change : changes) all.push_back(change_json(change));
  return dump(all);
}

}  // namespace qbench::report
