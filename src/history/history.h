#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compare/gate_rule.h"
#include "compare/outcome.h"
#include "history/database.h"
#include "history/series_key.h"
#include "record/result_set.h"

/// Nights of results in one SQLite file. A night is one run; a series is one key (history/series_key.h) over the nights; each has values of
/// many metrics. All that a call writes is written in one transaction, which a crash at any moment leaves done or undone, and for which
/// other writers wait.
namespace qbench::history {

struct Added {
  bool already_there = false;
  std::size_t series = 0, values = 0;
};

struct NightInfo {
  std::string run_id, started_utc, git_sha, source;
  std::size_t series = 0;
};

struct SeriesInfo {
  std::int64_t row = 0;
  std::string id, label;
  SeriesKey key;
  std::size_t nights = 0;
  std::string first_utc, last_utc;
};

/// A value of a metric in a night.
struct Point {
  std::string run_id, git_sha;
  std::int64_t started_s = 0;
  double value = 0;
  compare::NightState state = compare::NightState::kAccepted;
};

/// A change point that was found when the night was added that made it visible.
struct Change {
  std::string series_id, label, metric;
  std::string run_id, git_sha;  ///< of the first night after the change
  std::int64_t started_s = 0;
  double before = 0, after = 0, p = 1;
};

/// A night to be kept, from whichever source.
struct NightRow {
  SeriesKey key;
  bool throttled = false;
  std::string output_digest;
  std::vector<std::pair<std::string, double>> values;  ///< metric, value
};
struct NightInput {
  std::string run_id, git_sha, source;
  std::int64_t started_s = 0;
  std::vector<NightRow> rows;
  std::vector<SeriesKey> failed = {};  ///< rows that failed or were skipped: members of the night without values
};

/// Runs less than this apart are of one night: they share its noise. Of the accepted ones the latest counts in baselines, and none confirms
/// or clears a suspect of the same night.
inline constexpr std::int64_t kNightSeconds = 12 * 3600;

/// The name under which a series' baseline of output ids begins (`rebaseline`).
inline constexpr std::string_view kOutputDigest = "output_digest";

/// The measured rows of a run that can be compared, with the value of every metric and of the columns of bytes. Error{kFormat} where the
/// run says neither its id nor when it began.
NightInput night_of(const record::ResultSet& set);

/// The states and values of a file, checked. Error{kFormat} naming the file.
compare::NightState checked_state(const Database& database, std::int64_t state);
double checked_value(const Database& database, double value);

class History {
 public:
  /// Opens an existing history, or makes one. Error{kNotFound} for a missing file that is only read; Error{kFormat} where it is no history,
  /// damaged, or of a later version.
  History(const std::filesystem::path& path, Database::Mode mode);

  /// Keeps a run as an accepted night. The same run once more changes nothing; Error{kFormat} where its values are others than before.
  Added add(const NightInput& night);
  /// Many nights in one transaction; change points are computed once at the end.
  Added add_all(const std::vector<NightInput>& nights);

  /// Judges a run against the nights before it and keeps it (compare --gate). The same run again is judged as it was.
  compare::Comparison judge(const record::ResultSet& set, const compare::Rules& rules);

  std::vector<NightInfo> nights(std::size_t latest) const;
  std::size_t night_count() const;
  /// All series whose id begins with or whose label holds `filter`; all for "".
  std::vector<SeriesInfo> series(std::string_view filter) const;
  std::vector<std::string> metrics(const SeriesInfo& series) const;
  /// Oldest first; the latest `latest`, 0: all.
  std::vector<Point> trend(const SeriesInfo& series, std::string_view metric, std::size_t latest) const;
  /// Newest first.
  std::vector<Change> changes(std::string_view series_filter, std::string_view metric) const;

  /// Baselines of the series that the run has begin with that night: what was rejected since is accepted, and its output ids are the ones to
  /// be equal to. `metric` empty: of all; kOutputDigest: of the output ids. Returns
  /// how many series and metrics that were. Error{kUsage}: no such run.
  std::size_t rebaseline(std::string_view run_id, std::string_view metric);
  /// Takes a night out. Error{kUsage}: no such run.
  void remove(std::string_view run_id);

 private:
  void migrate(Database::Mode mode);
  std::optional<std::int64_t> find_night(std::string_view run_id) const;
  /// The night's row, made if it is not there; sets `is_new`.
  std::int64_t keep_night(const NightInput& night, bool& is_new);
  std::size_t keep_values(const NightInput& night, std::int64_t night_row);
  std::int64_t series_row(const SeriesKey& key);
  std::int64_t metric_row(std::string_view metric);
  compare::Judgement judge_value(std::int64_t series, std::int64_t night, const NightInput& input, const NightRow& row,
                                 const std::string& metric, const compare::Rules& rules);
  compare::Judgement judge_output(std::int64_t series, std::int64_t night, const NightInput& input, const NightRow& row,
                                  const compare::Rules& rules) const;
  void note_absent(compare::Comparison& comparison, const NightInput& input, std::int64_t night) const;
  std::optional<double> clock_ratio(std::int64_t series, std::int64_t night, const NightInput& input, const NightRow& row) const;
  void update_change_points(std::int64_t series, std::int64_t metric, std::optional<std::int64_t> only_since);
  void update_change_points(const NightInput& night);

  Database database_;
};

}  // namespace qbench::history
