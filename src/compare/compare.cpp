#include "compare/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <set>

#include "compare/paired_tasks.h"
#include "compare/pairing.h"
#include "compare/sentences.h"
#include "compare/session_rule.h"
#include "compare/task_pool.h"

namespace qbench::compare {
namespace {

using record::MetricId;
using record::ResultRow;

/// What holds for all metrics of a pair before any number is looked at.
struct PairState {
  bool cpu = false;
  bool throttled = false;
  std::vector<std::string> machine, work;  ///< differences
  bool same_output = false;
};

std::optional<double> value_in(const ResultRow& row, const std::string& metric) {
  const auto id = record::metric_from_name(metric);
  return id ? row.metric(*id).value : fact_number(row, metric);
}

std::vector<double> sessions_in(const ResultRow& row, const std::string& metric) {
  std::vector<double> values;
  if (const auto id = record::metric_from_name(metric)) {
    for (const auto& session : row.metric(*id).sessions) {
      if (session) values.push_back(*session);
    }
  }
  if (values.empty()) {
    if (const auto value = value_in(row, metric)) values.push_back(*value);
  }
  return values;
}

PairState state_of(const ResultRow& base, const ResultRow& fresh) {
  PairState state;
  const std::string device = device_class(fresh);
  state.cpu = device == "cpu";
  state.throttled = base.status == record::Status::kThrottled || fresh.status == record::Status::kThrottled;
  state.machine = machine_differences(base, fresh);
  state.work = differences(base, fresh, work_columns());
  for (std::string& line : differences(base, fresh, load_columns())) state.work.push_back(std::move(line));
  for (const MetricId id : {MetricId::kPromptTokens, MetricId::kOutputTokens}) {
    if (fresh.pass != record::Pass::kSpeed) continue;
    const auto &before = base.metric(id).value, &now = fresh.metric(id).value;
    if (before && now && *before != *now) {
      state.work.push_back(fmt::format("{}: {} against {}", record::info_of(id).name, *before, *now));
    }
  }
  state.same_output = !fresh.fact("output_digest").empty() && base.fact("output_digest") == fresh.fact("output_digest") &&
                      base.fact("output_digests") == "1" && fresh.fact("output_digests") == "1";
  return state;
}

/// The verdict that needs no numbers, if there is one.
std::optional<RuleResult> judged_before_numbers(const PairState& state) {
  if (!state.work.empty()) return RuleResult{Verdict::kUnclear, Reason::kUnlikeWork};
  if (!state.machine.empty()) return RuleResult{Verdict::kUnclear, Reason::kUnlikeMachines};
  if (state.throttled) return RuleResult{Verdict::kUnclear, Reason::kThrottled};
  return std::nullopt;
}

std::string all_differences(const PairState& state) { return fmt::format("{}", fmt::join(state.work.empty() ? state.machine : state.work, "; ")); }

Judgement judge_metric(const ResultRow& base, const ResultRow& fresh, const MetricRule& rule, const PairState& state, const Rules& rules) {
  Judgement judgement;
  describe_metric(judgement, rule.metric);
  judgement.base = value_in(base, rule.metric);
  judgement.fresh = value_in(fresh, rule.metric);
  judgement.base_sessions = sessions_in(base, rule.metric);
  judgement.new_sessions = sessions_in(fresh, rule.metric);
  RuleResult result{Verdict::kMissing, Reason::kNoValue};
  std::string detail;
  if (judgement.base && judgement.fresh) {
    judgement.delta = delta_of(rule, state.cpu, *judgement.base);
    if (*judgement.base != 0) judgement.ratio = *judgement.fresh / *judgement.base;
    if (is_of_tasks(rule.metric) && state.same_output) {
      result = {Verdict::kSame, Reason::kSameOutput};
    } else if (const auto early = judged_before_numbers(state)) {
      result = *early;
      detail = all_differences(state);
    } else if (rule.metric == "success_ratio" && !base.tasks.empty() && !fresh.tasks.empty()) {
      const PairedTasks tasks = pair_tasks(base, fresh);
      result = judge_tasks(tasks.lost, tasks.gained, rules.task_p);
      if (tasks.common == 0) result = {Verdict::kUnclear, Reason::kUnlikeWork};
      detail = describe(tasks);
    } else if (judgement.unit == "bytes") {
      result = judge_counted(*judgement.base, *judgement.fresh, judgement.better, *judgement.delta);
    } else {
      result = judge_sessions(judgement.base_sessions, judgement.new_sessions, judgement.better, *judgement.delta);
    }
  }
  judgement.verdict = result.verdict;
  judgement.reason = result.reason;
  judgement.sentence = sentence_of(judgement, detail);
  return judgement;
}

/// The row's digest is that of its first repetition; with several kinds it says nothing about the others.
bool varies(const ResultRow& row) { return !row.fact("output_digests").empty() && row.fact("output_digests") != "1"; }

Judgement judge_output(const ResultRow& base, const ResultRow& fresh, const PairState& state, const Rules& rules) {
  Judgement judgement;
  judgement.metric = "output_digest";
  judgement.base_text = base.fact("output_digest");
  judgement.new_text = fresh.fact("output_digest");
  std::string detail;
  if (judgement.base_text.empty() || judgement.new_text.empty()) {
    judgement.verdict = Verdict::kMissing;
    judgement.reason = Reason::kNoValue;
  } else if (varies(base) || varies(fresh)) {
    judgement.verdict = Verdict::kUnclear;
    judgement.reason = Reason::kDiffers;
    judgement.sentence = fmt::format("the output ids vary from repetition to repetition: {} kinds in BASE, {} in NEW",
                                     base.fact("output_digests"), fresh.fact("output_digests"));
    return judgement;
  } else if (judgement.base_text == judgement.new_text) {
    judgement.verdict = Verdict::kSame;
    judgement.reason = Reason::kEqual;
  } else if (!state.work.empty() || !state.machine.empty()) {
    judgement.verdict = Verdict::kUnclear;
    judgement.reason = state.work.empty() ? Reason::kUnlikeMachines : Reason::kUnlikeWork;
    detail = all_differences(state);
  } else {
    judgement.verdict = rules.output_change;
    judgement.reason = Reason::kDiffers;
  }
  judgement.sentence = sentence_of(judgement, detail);
  return judgement;
}

std::vector<Judgement> judge_pair(const ResultRow& base, const ResultRow& fresh, const Rules& rules, bool shown_only) {
  PairState state = state_of(base, fresh);
  if (shown_only) state.work.insert(state.work.begin(), "requests of the text pass are sampled and end where the model ends");
  std::vector<Judgement> judgements;
  if (fresh.pass == record::Pass::kSpeed) judgements.push_back(judge_output(base, fresh, state, rules));
  for (const MetricRule& rule : in_display_order(rules)) {
    const bool judged = fresh.pass == record::Pass::kSpeed || is_of_tasks(rule.metric);
    const bool shown = shown_only && value_in(base, rule.metric) && value_in(fresh, rule.metric);
    if (judged || shown) judgements.push_back(judge_metric(base, fresh, rule, state, rules));
  }
  return judgements;
}

Judgement missing_row(const CellOutcome& cell) {
  Judgement judgement;
  judgement.metric = "row";
  const bool failed = cell.new_state == RowState::kFailed || cell.new_state == RowState::kSkipped || cell.base_state == RowState::kFailed ||
                      cell.base_state == RowState::kSkipped;
  judgement.reason = failed ? Reason::kFailed : Reason::kNoPartner;
  judgement.sentence = fmt::format("BASE: {}; NEW: {}{}", name_of(cell.base_state), name_of(cell.new_state),
                                   cell.failure.empty() ? "" : " (" + cell.failure + ")");
  return judgement;
}

RowState state_of_row(const ResultRow* row) {
  if (row == nullptr) return RowState::kAbsent;
  switch (row->status) {
    case record::Status::kOk:
      return RowState::kMeasured;
    case record::Status::kThrottled:
      return RowState::kThrottled;
    case record::Status::kFailed:
      return RowState::kFailed;
    case record::Status::kSkipped:
      return RowState::kSkipped;
  }
  return RowState::kAbsent;
}

bool measured(const ResultRow* row) { return row != nullptr && record::is_measured(row->status); }

std::string settings_text(const ResultRow& row) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (const auto batch = row.fact("batch"); !batch.empty() && batch != "1") add("batch " + std::string(batch));
  if (const auto kv = row.fact("kv_type"); !kv.empty() && kv != "f16" && kv != "bf16") add("kv " + std::string(kv));
  if (const auto policy = row.fact("kv_policy"); !policy.empty() && policy != "full") add(std::string(policy));
  return text;
}

void note_settings(CellOutcome& cell, const ResultRow& base, const ResultRow& fresh) {
  for (const std::string& line : differences(base, fresh, setting_columns())) cell.notes.push_back(line);
  if (base.fact("model") != fresh.fact("model")) {
    cell.notes.push_back(fmt::format("model: {} against {}", base.fact("model"), fresh.fact("model")));
  }
}

/// Hours from "2026-11-21T03:22:00Z" to another such time; nothing where one is none.
std::optional<double> hours_between(const std::string& from, const std::string& to) {
  using namespace std::chrono;
  const auto parse = [](const std::string& text) -> std::optional<sys_seconds> {
    int y = 0, h = 0, min = 0, s = 0;
    unsigned m = 0, d = 0;
    if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d", &y, &m, &d, &h, &min, &s) != 6) return std::nullopt;
    const year_month_day date = year(y) / month(m) / day(d);
    if (!date.ok()) return std::nullopt;
    return sys_days(date) + hours(h) + minutes(min) + seconds(s);
  };
  const auto begin = parse(from), end = parse(to);
  if (!begin || !end) return std::nullopt;
  return static_cast<double>((*end - *begin).count()) / 3600;
}

/// Sessions of one run share what the machine was like then; from some hours on that differs by more than they do.
void note_hours_apart(Comparison& comparison) {
  constexpr double kSameOccasionHours = 2;
  const auto apart = hours_between(comparison.base.started_utc, comparison.fresh.started_utc);
  if (!apart || std::abs(*apart) < kSameOccasionHours) return;
  comparison.notes.push_back(fmt::format(
      "the runs began {:.0f} hours apart: nights differ by more than sessions of one do; `qbench ab` measures two builds in turn, "
      "--gate with --history judges by the nights before",
      std::abs(*apart)));
}

}  // namespace

std::optional<double> fact_number(const record::ResultRow& row, std::string_view column) {
  const std::string_view text = row.fact(column);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

bool is_comparable(const record::ResultRow& row) {
  if (row.pass == record::Pass::kSpeed || !row.tasks.empty()) return true;
  return std::any_of(record::metric_catalog().begin(), record::metric_catalog().end(), [&](const record::MetricInfo& info) {
    return info.scope == record::MetricScope::kCellTasks && row.metric(info.id).value.has_value();
  });
}

Source source_of(const record::ResultSet& set) { return {set.path.string(), set.run_id, set.started_utc, set.machine}; }

CellOutcome describe_cell(const record::ResultRow* base, const record::ResultRow* fresh) {
  const ResultRow& row = fresh != nullptr ? *fresh : *base;
  CellOutcome cell;
  cell.model = row.fact("model");
  cell.precision = row.fact("precision").empty() ? row.fact("precision_requested") : row.fact("precision");
  cell.prompt = std::string(row.fact("suite")) + "/" + std::string(row.fact("prompt_id"));
  if (const auto turn = row.fact("turn"); !turn.empty() && turn != "1") cell.prompt += " turn " + std::string(turn);
  cell.device = device_class(row);
  cell.pass = name_of(row.pass);
  cell.settings = settings_text(row);
  cell.device_description = row.fact("device_description");
  cell.base_state = state_of_row(base);
  cell.new_state = state_of_row(fresh);
  if (fresh != nullptr && !fresh->failure.code.empty()) cell.failure = fresh->failure.code + ": " + fresh->failure.message;
  if (base != nullptr && fresh != nullptr) note_settings(cell, *base, *fresh);
  const auto repetitions = fact_number(row, "n_samples");
  const auto& e2e_ms = row.metric(MetricId::kE2eMs).value;
  if (fresh != nullptr && repetitions && e2e_ms) cell.measured_s = *repetitions * *e2e_ms / 1000;
  return cell;
}

Comparison compare_results(const record::ResultSet& base, const record::ResultSet& fresh, const Rules& rules) {
  Comparison comparison;
  comparison.base = source_of(base);
  comparison.fresh = source_of(fresh);
  // A table of requests that were sampled (results/published) is still something to look at beside one's own.
  const bool show_text = std::none_of(base.rows.begin(), base.rows.end(), is_comparable);
  std::size_t left_out = 0;
  std::set<std::string> machines;
  for (const RowPair& pair : pair_rows(base, fresh)) {
    const bool shown_only = show_text && pair.base != nullptr && !is_comparable(*pair.base);
    const bool failed = pair.fresh != nullptr && pair.fresh->status == record::Status::kFailed;  // that is news in any pass
    if (!shown_only && !failed && (pair.base == nullptr || !is_comparable(*pair.base)) &&
        (pair.fresh == nullptr || !is_comparable(*pair.fresh))) {
      ++left_out;
      continue;
    }
    CellOutcome cell = describe_cell(pair.base, pair.fresh);
    if (measured(pair.base) && measured(pair.fresh)) {
      cell.judgements = judge_pair(*pair.base, *pair.fresh, rules, shown_only);
      for (std::string& line : machine_differences(*pair.base, *pair.fresh)) machines.insert(std::move(line));
    } else {
      cell.judgements.push_back(missing_row(cell));
    }
    comparison.cells.push_back(std::move(cell));
  }
  pool_tasks(comparison, rules);
  note_hours_apart(comparison);
  for (const std::string& line : machines) comparison.notes.push_back("unlike machines: " + line);
  if (left_out > 0) {
    comparison.notes.push_back(fmt::format("{} rows of the text pass are not compared: only pass=speed is measured alike", left_out));
  }
  return comparison;
}

}  // namespace qbench::compare
