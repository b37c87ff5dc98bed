#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "compare/compare.h"
#include "compare/night_series.h"
#include "compare/sentences.h"
#include "compare/task_pool.h"
#include "history/history.h"
#include "stats/summary.h"

/// The gate: a night against the nights before it.
namespace qbench::history {
namespace {

using compare::NightState;
using compare::Reason;
using compare::Verdict;

struct Stored {
  std::int64_t started_s, night;
  compare::Night value;
  std::int64_t decided_by = -1;  ///< the later night that accepted or rejected it, -1: none after the one that is judged
};

struct Before {
  std::vector<Stored> nights;      ///< oldest first; at most as many as hold `window` accepted ones
  bool has_fresh_suspect = false;  ///< a run of the night that is judged is a suspect
};

/// The nights before (time, night) that a baseline can be made of: of the runs of one night the latest accepted one, and none of the night
/// that is judged. What `night` itself or a later one has decided is undecided again.
Before nights_before(const Database& database, std::int64_t series, std::int64_t metric, std::int64_t started_s, std::int64_t night,
                     std::size_t window) {
  Statement select(
      database,
      "SELECT started_s, night, value, state, (SELECT id FROM night WHERE id = decided_by AND (started_s, id) >= (?3, ?4)) FROM "
      "value WHERE series = ?1 AND metric = ?2 AND (started_s, night) "
      "< (?3, ?4) AND "
      "(started_s, night) >= (SELECT ifnull(max(started_s), -1), ifnull(max(night), -1) FROM baseline_start WHERE series = ?1 "
      "AND metric = ?2) "
      "ORDER BY started_s DESC, night DESC");
  select.bind(1, series).bind(2, metric).bind(3, started_s).bind(4, night);
  Before before;
  std::size_t accepted = 0;
  std::int64_t last_counted_s = started_s;
  while (accepted < window && select.step()) {
    Stored stored{
        select.integer(0), select.integer(1), {checked_value(database, select.number(2)), checked_state(database, select.integer(3))}};
    if (!select.is_null(4)) {
      stored.decided_by = select.integer(4);
      stored.value.state = NightState::kSuspect;
    }
    if (started_s - stored.started_s < kNightSeconds) {
      before.has_fresh_suspect = before.has_fresh_suspect || stored.value.state == NightState::kSuspect;
      continue;
    }
    if (stored.value.state == NightState::kAccepted) {
      if (last_counted_s - stored.started_s < kNightSeconds) continue;
      last_counted_s = stored.started_s;
      ++accepted;
    }
    before.nights.push_back(stored);
  }
  std::reverse(before.nights.begin(), before.nights.end());
  return before;
}

bool is_decided(const Database& database, std::int64_t series, std::int64_t metric, std::int64_t started_s, std::int64_t night) {
  Statement find(database,
                 "SELECT 1 FROM value WHERE series = ? AND metric = ? AND started_s = ? AND night = ? AND decided_by IS NOT NULL");
  return find.bind(1, series).bind(2, metric).bind(3, started_s).bind(4, night).step();
}

void set_state(const Database& database, std::int64_t series, std::int64_t metric, std::int64_t started_s, std::int64_t night,
               NightState state, std::optional<std::int64_t> decided_by) {
  Statement(database, "UPDATE value SET state = ?, decided_by = ? WHERE series = ? AND metric = ? AND started_s = ? AND night = ?")
      .bind(1, static_cast<std::int64_t>(state))
      .bind(2, decided_by)
      .bind(3, series)
      .bind(4, metric)
      .bind(5, started_s)
      .bind(6, night)
      .run();
}

std::optional<double> value_of(const NightRow& row, std::string_view metric) {
  for (const auto& [name, value] : row.values) {
    if (name == metric) return value;
  }
  return std::nullopt;
}

bool is_cpu(const NightRow& row) { return row.key.fact("device_effective") == "cpu"; }

}  // namespace

compare::Comparison History::judge(const record::ResultSet& set, const compare::Rules& rules) {
  const NightInput input = night_of(set);
  compare::Comparison comparison;
  comparison.is_gate = true;
  comparison.base.path = database_.path().string();
  comparison.fresh = compare::source_of(set);
  Transaction transaction(database_);
  bool is_new = false;
  const std::int64_t night = keep_night(input, is_new);
  if (is_new) keep_values(input, night);
  std::size_t kept = 0;
  for (const record::ResultRow& row : set.rows) {
    if (!compare::is_comparable(row)) continue;
    compare::CellOutcome cell = compare::describe_cell(nullptr, &row);
    if (!record::is_measured(row.status)) {
      compare::Judgement failed;
      failed.metric = "row";
      failed.reason = Reason::kFailed;
      failed.sentence = cell.failure;
      cell.judgements.push_back(std::move(failed));
    } else {
      const NightRow& values = input.rows.at(kept++);
      const std::int64_t series = series_row(values.key);
      Statement known(database_, "SELECT 1 FROM member WHERE series = ? AND (started_s, night) < (?, ?) LIMIT 1");
      if (known.bind(1, series).bind(2, input.started_s).bind(3, night).step()) cell.base_state = compare::RowState::kMeasured;
      if (row.pass == record::Pass::kSpeed) cell.judgements.push_back(judge_output(series, night, input, values, rules));
      for (const compare::MetricRule& rule : compare::in_display_order(rules)) {
        const auto id = record::metric_from_name(rule.metric);
        const bool of_tasks = id && record::info_of(*id).scope == record::MetricScope::kCellTasks;
        if (!rule.gated || (row.pass != record::Pass::kSpeed && !of_tasks)) continue;
        cell.judgements.push_back(judge_value(series, night, input, values, rule.metric, rules));
      }
    }
    comparison.cells.push_back(std::move(cell));
  }
  compare::pool_tasks(comparison, rules);
  note_absent(comparison, input, night);
  if (compare::is_nothing_judged(comparison))
    comparison.notes.emplace_back("nothing was judged: no measured row has a metric that the gate file gates");
  if (is_new) update_change_points(input);
  transaction.commit();
  return comparison;
}

compare::Judgement History::judge_value(std::int64_t series, std::int64_t night, const NightInput& input, const NightRow& row,
                                        const std::string& metric, const compare::Rules& rules) {
  compare::Judgement judgement;
  compare::describe_metric(judgement, metric);
  judgement.fresh = value_of(row, metric);
  const std::int64_t metric_id = metric_row(metric);
  const auto [stored, has_fresh_suspect] = nights_before(database_, series, metric_id, input.started_s, night, rules.window);
  std::vector<compare::Night> nights;
  for (const Stored& one : stored) {
    nights.push_back(one.value);
    if (one.value.state == NightState::kAccepted) judgement.base_sessions.push_back(one.value.value);
  }
  if (!judgement.fresh) {  // news only where earlier nights had one
    judgement.base = stats::median(judgement.base_sessions);
    judgement.sentence = compare::sentence_of(judgement);
    return judgement;
  }
  judgement.new_sessions = {*judgement.fresh};
  compare::GateQuestion question;
  question.better = judgement.better;
  question.throttled = row.throttled;
  question.after_suspect = has_fresh_suspect;
  if (judgement.unit == "ms" || judgement.unit == "tok/s") question.clock_ratio = clock_ratio(series, night, input, row);
  compare::Night fresh{*judgement.fresh};
  const compare::JudgedNight judged = compare::judge_next(nights, fresh, question, rules, *rules.find(metric), is_cpu(row));
  // What a later night has decided stays decided, of the suspect before this night and of this night itself.
  if (judged.decided < nights.size() && (stored[judged.decided].decided_by == -1 || stored[judged.decided].decided_by == night)) {
    set_state(database_, series, metric_id, stored[judged.decided].started_s, stored[judged.decided].night, nights[judged.decided].state,
              night);
  }
  if (!is_decided(database_, series, metric_id, input.started_s, night)) {
    set_state(database_, series, metric_id, input.started_s, night, fresh.state, std::nullopt);
  }
  judgement.verdict = judged.answer.result.verdict;
  judgement.reason = judged.answer.result.reason;
  judgement.band = judged.answer.band;
  if (judged.answer.baseline) {
    judgement.base = judged.answer.baseline->median;
    if (judgement.base != 0.0) judgement.ratio = *judgement.fresh / *judgement.base;
  }
  judgement.sentence = compare::sentence_of(judgement);
  return judgement;
}

/// Against the first output ids of the series, or since its rebaseline: other ones are never accepted by waiting, so all accepted nights
/// have these.
compare::Judgement History::judge_output(std::int64_t series, std::int64_t night, const NightInput& input, const NightRow& row,
                                         const compare::Rules& rules) const {
  compare::Judgement judgement;
  judgement.metric = kOutputDigest;
  judgement.new_text = row.output_digest;
  Statement before(
      database_,
      "SELECT output_digest FROM member WHERE series = ?1 AND (started_s, night) < (?2, ?3) AND output_digest != '' AND "
      "(started_s, night) >= (SELECT ifnull(max(b.started_s), -1), ifnull(max(b.night), -1) FROM baseline_start b JOIN metric m "
      "ON m.id = b.metric WHERE b.series = ?1 AND m.name = ?4) ORDER BY started_s, night LIMIT 1");
  if (before.bind(1, series).bind(2, input.started_s).bind(3, night).bind(4, kOutputDigest).step()) judgement.base_text = before.text(0);
  if (!judgement.base_text.empty() && !judgement.new_text.empty()) {
    const bool same = judgement.base_text == judgement.new_text;
    judgement.verdict = same ? Verdict::kSame : rules.output_change;
    judgement.reason = same ? Reason::kEqual : Reason::kDiffers;
  } else if (!judgement.new_text.empty()) {
    judgement.verdict = Verdict::kUnclear;
    judgement.reason = Reason::kNoBaseline;
  }
  judgement.sentence = judgement.reason == Reason::kNoBaseline ? "no earlier night has output ids" : compare::sentence_of(judgement);
  if (judgement.reason == Reason::kDiffers) judgement.sentence += "; said until a rebaseline accepts them";
  return judgement;
}

std::optional<double> History::clock_ratio(std::int64_t series, std::int64_t night, const NightInput& input, const NightRow& row) const {
  const auto clock = value_of(row, "gpu_sm_clock_mhz");
  if (!clock || *clock <= 0) return std::nullopt;
  Statement find(database_, "SELECT id FROM metric WHERE name = 'gpu_sm_clock_mhz'");
  if (!find.step()) return std::nullopt;
  std::vector<double> clocks;
  for (const Stored& one : nights_before(database_, series, find.integer(0), input.started_s, night, 20).nights) {
    clocks.push_back(one.value.value);
  }
  const auto usual = stats::median(clocks);
  if (!usual) return std::nullopt;
  return *usual / *clock;
}

}  // namespace qbench::history
