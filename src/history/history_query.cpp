#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "history/history.h"
#include "history/utc.h"
#include "stats/change_points.h"

/// What is read out of a history, and the change points that are kept beside it.
namespace qbench::history {
namespace {

constexpr std::int64_t kExcluded = static_cast<std::int64_t>(compare::NightState::kExcluded);

struct Value {
  std::int64_t started_s, night;
  double value;
};

/// The latest values that count, oldest first.
std::vector<Value> latest_values(const Database& database, std::int64_t series, std::int64_t metric, std::int64_t limit) {
  Statement select(database,
                   "SELECT started_s, night, value FROM value WHERE series = ? AND metric = ? AND state != ? ORDER BY started_s DESC, "
                   "night DESC LIMIT ?");
  select.bind(1, series).bind(2, metric).bind(3, kExcluded).bind(4, limit);
  std::vector<Value> values;
  while (select.step()) values.push_back({select.integer(0), select.integer(1), checked_value(database, select.number(2))});
  std::reverse(values.begin(), values.end());
  return values;
}

bool matches(const SeriesInfo& series, std::string_view filter) {
  return filter.empty() || series.id.starts_with(filter) || series.label.find(filter) != std::string::npos;
}

}  // namespace

compare::NightState checked_state(const Database& database, std::int64_t state) {
  if (state < 0 || state > kExcluded)
    throw Error(ErrorCode::kFormat, "is damaged: a value has a state that there is none of", database.path().string());
  return static_cast<compare::NightState>(state);
}

double checked_value(const Database& database, double value) {
  if (!std::isfinite(value)) throw Error(ErrorCode::kFormat, "is damaged: a value is no finite number", database.path().string());
  return value;
}

std::vector<NightInfo> History::nights(std::size_t latest) const {
  Statement select(database_,
                   "SELECT run_id, started_s, git_sha, source, (SELECT count(*) FROM member WHERE night = night.id) FROM night ORDER BY "
                   "started_s DESC, id "
                   "DESC LIMIT ?");
  select.bind(1, latest == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(latest));
  std::vector<NightInfo> nights;
  while (select.step()) {
    nights.push_back(
        {select.text(0), format_utc(select.integer(1)), select.text(2), select.text(3), static_cast<std::size_t>(select.integer(4))});
  }
  std::reverse(nights.begin(), nights.end());
  return nights;
}

std::size_t History::night_count() const {
  Statement count(database_, "SELECT count(*) FROM night");
  count.step();
  return static_cast<std::size_t>(count.integer(0));
}

std::vector<SeriesInfo> History::series(std::string_view filter) const {
  Statement select(database_,
                   "SELECT s.id, s.key, s.digest, s.label, count(*), min(m.started_s), max(m.started_s) FROM series s JOIN member m ON "
                   "m.series = s.id WHERE EXISTS(SELECT 1 FROM value v WHERE v.series = s.id) GROUP "
                   "BY s.id ORDER BY s.label, s.id");
  std::vector<SeriesInfo> all;
  while (select.step()) {
    SeriesInfo series;
    series.row = select.integer(0);
    series.key = parse_key(select.text(1));
    series.id = select.text(2);
    series.label = select.text(3);
    series.nights = static_cast<std::size_t>(select.integer(4));
    series.first_utc = format_utc(select.integer(5));
    series.last_utc = format_utc(select.integer(6));
    if (matches(series, filter)) all.push_back(std::move(series));
  }
  return all;
}

std::vector<std::string> History::metrics(const SeriesInfo& series) const {
  // Steps from one metric to the next in the table's order instead of reading all values.
  std::vector<std::string> names;
  Statement each(database_,
                 "SELECT name FROM metric WHERE EXISTS(SELECT 1 FROM value WHERE series = ? AND metric = metric.id) ORDER BY id");
  each.bind(1, series.row);
  while (each.step()) names.push_back(each.text(0));
  return names;
}

std::vector<Point> History::trend(const SeriesInfo& series, std::string_view metric, std::size_t latest) const {
  Statement select(database_,
                   "SELECT n.run_id, n.git_sha, v.started_s, v.value, v.state FROM value v JOIN night n ON n.id = v.night WHERE v.series = "
                   "? AND v.metric = "
                   "(SELECT id FROM metric WHERE name = ?) ORDER BY v.started_s DESC, v.night DESC LIMIT ?");
  select.bind(1, series.row).bind(2, metric).bind(3, latest == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(latest));
  std::vector<Point> points;
  while (select.step()) {
    points.push_back({select.text(0), select.text(1), select.integer(2), checked_value(database_, select.number(3)),
                      checked_state(database_, select.integer(4))});
  }
  std::reverse(points.begin(), points.end());
  return points;
}

std::vector<Change> History::changes(std::string_view series_filter, std::string_view metric) const {
  Statement select(database_,
                   "SELECT s.digest, s.label, m.name, n.run_id, n.git_sha, c.started_s, c.before, c.after, c.p FROM change_point c JOIN "
                   "series s ON s.id = "
                   "c.series JOIN metric m ON m.id = c.metric JOIN night n ON n.id = c.night ORDER BY c.started_s DESC, s.label, m.id");
  std::vector<Change> changes;
  while (select.step()) {
    Change change{select.text(0),    select.text(1),   select.text(2),   select.text(3),  select.text(4),
                  select.integer(5), select.number(6), select.number(7), select.number(8)};
    SeriesInfo series;
    series.id = change.series_id;
    series.label = change.label;
    if (matches(series, series_filter) && (metric.empty() || metric == change.metric)) changes.push_back(std::move(change));
  }
  return changes;
}

void History::update_change_points(const NightInput& night) {
  for (const NightRow& row : night.rows) {
    const std::int64_t series = series_row(row.key);
    Statement later(database_, "SELECT 1 FROM member WHERE series = ? AND started_s > ? LIMIT 1");
    const bool is_latest = !later.bind(1, series).bind(2, night.started_s).step();
    for (const auto& [metric, value] : row.values) {
      update_change_points(series, metric_row(metric), is_latest ? std::optional(night.started_s) : std::nullopt);
    }
  }
}

void History::update_change_points(std::int64_t series, std::int64_t metric, std::optional<std::int64_t> only_since) {
  const stats::ChangePointRule rule;
  // A night that is added at the end is looked at with the five windows before it. Change points older than three windows stay as they were
  // found, and the stretch begins at the latest of them.
  const auto window = static_cast<std::int64_t>(rule.window);
  std::vector<Value> values = latest_values(database_, series, metric, only_since ? 5 * window : -1);
  std::size_t frozen = 0;
  std::int64_t after_s = -1, after_night = -1;  // the latest change point that stays
  if (only_since && values.size() == static_cast<std::size_t>(5 * window)) {
    const Value& edge = values[values.size() - 3 * rule.window];
    Statement kept(database_,
                   "SELECT started_s, night FROM change_point WHERE series = ? AND metric = ? AND (started_s, night) < (?, ?) ORDER BY "
                   "started_s DESC, night "
                   "DESC LIMIT 1");
    if (kept.bind(1, series).bind(2, metric).bind(3, edge.started_s).bind(4, edge.night).step()) {
      after_s = kept.integer(0);
      after_night = kept.integer(1);
      values.erase(values.begin(), std::find_if(values.begin(), values.end(), [&](const Value& v) {
                     return std::pair(v.started_s, v.night) >= std::pair(after_s, after_night);
                   }));
    }
    const auto first = std::find_if(values.begin(), values.end(), [&](const Value& v) {
      return std::pair(v.started_s, v.night) >= std::pair(edge.started_s, edge.night);
    });
    frozen = static_cast<std::size_t>(first - values.begin());
  }
  std::vector<double> series_values;
  for (const Value& value : values) series_values.push_back(value.value);
  const std::int64_t from_s = frozen > 0 ? values[frozen].started_s : -1, from_night = frozen > 0 ? values[frozen].night : -1;
  Statement(database_, "DELETE FROM change_point WHERE series = ? AND metric = ? AND (started_s, night) >= (?, ?)")
      .bind(1, series)
      .bind(2, metric)
      .bind(3, from_s)
      .bind(4, from_night)
      .run();
  Statement insert(database_, "INSERT INTO change_point(series, metric, started_s, night, before, after, p) VALUES(?, ?, ?, ?, ?, ?, ?)");
  for (const stats::ChangePoint& point : stats::find_change_points(series_values, rule)) {
    if (point.index < frozen) continue;
    const Value& first = values[point.index];
    insert.bind(1, series)
        .bind(2, metric)
        .bind(3, first.started_s)
        .bind(4, first.night)
        .bind(5, point.before)
        .bind(6, point.after)
        .bind(7, point.p)
        .run();
  }
}

}  // namespace qbench::history
