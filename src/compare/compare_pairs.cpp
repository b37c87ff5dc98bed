#include "compare/compare_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "compare/compare.h"
#include "compare/pair_rule.h"
#include "compare/pairing.h"
#include "compare/sentences.h"
#include "stats/summary.h"

namespace qbench::compare {
namespace {

using record::MetricId;
using record::ResultRow;

/// The rows of one cell, pair by pair. Pointers into the result sets.
struct CellRuns {
  std::string key;
  std::vector<RowPair> pairs;       ///< measured on both sides, not throttled
  std::size_t throttled = 0;        ///< left out
  RowPair first;                    ///< as it first appeared; a side may be missing or not measured
  bool complete = true;             ///< every pair of processes has measured both rows
};

std::string key_text(const ResultRow& row) {
  std::string text;
  for (const auto& [column, value] : row.key()) text += value + '\n';
  return text;
}

bool is_measured(const ResultRow* row) { return row != nullptr && record::is_measured(row->status); }
bool is_throttled(const ResultRow& row) { return row.status == record::Status::kThrottled; }

std::vector<CellRuns> cells_of(std::span<const RunPair> runs) {
  std::vector<CellRuns> cells;
  for (const RunPair& run : runs) {
    for (const RowPair& pair : pair_rows(run.base, run.candidate)) {
      const ResultRow& row = pair.fresh != nullptr ? *pair.fresh : *pair.base;
      if (!is_comparable(row)) continue;
      const std::string key = key_text(row);
      auto cell = std::find_if(cells.begin(), cells.end(), [&](const CellRuns& one) { return one.key == key; });
      if (cell == cells.end()) cell = cells.insert(cells.end(), CellRuns{key, {}, 0, pair, true});
      if (!is_measured(pair.base) || !is_measured(pair.fresh)) {
        cell->complete = false;
        cell->first = pair;
      } else if (is_throttled(*pair.base) || is_throttled(*pair.fresh)) {
        ++cell->throttled;
      } else {
        cell->pairs.push_back(pair);
      }
    }
  }
  return cells;
}

std::optional<double> value_in(const ResultRow& row, const std::string& metric) {
  const auto id = record::metric_from_name(metric);
  return id ? row.metric(*id).value : fact_number(row, metric);
}

/// The first way in which the two builds did not do the same work; empty where they did.
std::string work_difference(const RowPair& pair) {
  const auto lines = differences(*pair.base, *pair.fresh, work_columns());
  if (!lines.empty()) return lines.front();
  for (const MetricId id : {MetricId::kPromptTokens, MetricId::kOutputTokens}) {
    const auto &base = pair.base->metric(id).value, &fresh = pair.fresh->metric(id).value;
    if (base && fresh && *base != *fresh) return fmt::format("{}: {} against {}", record::info_of(id).name, *base, *fresh);
  }
  return {};
}

Judgement judge_output(const CellRuns& cell, const std::string& unlike, const Rules& rules) {
  std::set<std::string> base, fresh;
  for (const RowPair& pair : cell.pairs) {
    base.emplace(pair.base->fact("output_digest"));
    fresh.emplace(pair.fresh->fact("output_digest"));
  }
  Judgement judgement;
  judgement.metric = "output_digest";
  judgement.base_text = *base.begin();
  judgement.new_text = *fresh.begin();
  std::string detail = unlike;
  if (base.contains("") || fresh.contains("")) {
    judgement.base_text.clear();
    judgement.new_text.clear();
  } else if (!unlike.empty()) {
    judgement.verdict = Verdict::kUnclear;
    judgement.reason = Reason::kUnlikeWork;
  } else if (base.size() > 1 || fresh.size() > 1) {
    judgement.verdict = Verdict::kUnclear;
    judgement.reason = Reason::kDiffers;
    judgement.sentence = fmt::format("the output ids vary from process to process: {} kinds of BASE, {} of CANDIDATE", base.size(), fresh.size());
    return judgement;
  } else if (base == fresh) {
    judgement.verdict = Verdict::kSame;
    judgement.reason = Reason::kEqual;
  } else {
    judgement.verdict = rules.output_change;
    judgement.reason = Reason::kDiffers;
  }
  judgement.sentence = sentence_of(judgement, detail);
  return judgement;
}

Judgement judge_metric(const CellRuns& cell, const MetricRule& rule, bool cpu, const std::string& unlike) {
  Judgement judgement;
  describe_metric(judgement, rule.metric);
  for (const RowPair& pair : cell.pairs) {
    const auto base = value_in(*pair.base, rule.metric), fresh = value_in(*pair.fresh, rule.metric);
    if (base) judgement.base = base;
    if (fresh) judgement.fresh = fresh;
    if (!base || !fresh) continue;
    judgement.base_sessions.push_back(*base);
    judgement.new_sessions.push_back(*fresh);
  }
  if (!judgement.base_sessions.empty()) {
    judgement.base = stats::median(judgement.base_sessions);
    judgement.fresh = stats::median(judgement.new_sessions);
    judgement.delta = delta_of(rule, cpu, *judgement.base);
    const PairResult pairs = judge_pairs(judgement.base_sessions, judgement.new_sessions, judgement.better, *judgement.delta);
    judgement.ratio = pairs.ratio;
    if (pairs.interval) {
      judgement.ratio_low = pairs.interval->low;
      judgement.ratio_high = pairs.interval->high;
    }
    judgement.verdict = unlike.empty() ? pairs.result.verdict : Verdict::kUnclear;
    judgement.reason = unlike.empty() ? pairs.result.reason : Reason::kUnlikeWork;
  }
  judgement.sentence = sentence_of(judgement, unlike);
  return judgement;
}

/// A cell that a process has not measured, or only at lowered clocks.
Judgement without_pairs(const CellRuns& cell, const CellOutcome& outcome) {
  Judgement judgement;
  judgement.metric = "row";
  if (cell.complete) {
    judgement.verdict = Verdict::kUnclear;
    judgement.reason = Reason::kThrottled;
    judgement.sentence = sentence_of(judgement, "");
    return judgement;
  }
  const bool absent = cell.first.base == nullptr || cell.first.fresh == nullptr;
  judgement.reason = absent ? Reason::kNoPartner : Reason::kFailed;
  judgement.sentence = fmt::format("BASE: {}; CANDIDATE: {}{}", name_of(outcome.base_state), name_of(outcome.new_state),
                                   outcome.failure.empty() ? "" : " (" + outcome.failure + ")");
  return judgement;
}

CellOutcome judge_cell(const CellRuns& cell, const Rules& rules) {
  CellOutcome outcome = describe_cell(cell.first.base, cell.first.fresh);
  if (!cell.complete || cell.pairs.empty()) {
    outcome.judgements.push_back(without_pairs(cell, outcome));
    return outcome;
  }
  if (cell.throttled > 0) outcome.notes.push_back(fmt::format("pairs left out because clocks were lowered: {}", cell.throttled));
  const std::string unlike = work_difference(cell.pairs.front());
  outcome.judgements.push_back(judge_output(cell, unlike, rules));
  for (const MetricRule& rule : in_display_order(rules)) {
    if (!rule.gated) continue;
    Judgement judgement = judge_metric(cell, rule, outcome.device == "cpu", unlike);
    if (judgement.base || judgement.fresh) outcome.judgements.push_back(std::move(judgement));
  }
  return outcome;
}

}  // namespace

Comparison compare_run_pairs(std::span<const RunPair> pairs, const Rules& rules) {
  Comparison comparison;
  comparison.is_paired = true;
  if (pairs.empty()) return comparison;
  comparison.base = source_of(pairs.front().base);
  comparison.fresh = source_of(pairs.front().candidate);
  for (const CellRuns& cell : cells_of(pairs)) comparison.cells.push_back(judge_cell(cell, rules));
  return comparison;
}

}  // namespace qbench::compare
