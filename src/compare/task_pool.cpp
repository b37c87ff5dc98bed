#include "compare/task_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "compare/find_or_add.h"
#include "compare/sentences.h"
#include "stats/exact_tests.h"

namespace qbench::compare {
namespace {

constexpr std::size_t kMostNames = 8;

/// A metric over the rows of a group.
struct Pool {
  std::vector<std::string> lost, gained;  ///< prompts
  std::size_t rows = 0, confirmed = 0;    ///< compared; lost for the second night
  std::size_t left_out = 0;
  double base = 0, fresh = 0;  ///< sums
};

/// Whether two values of a row can be held against each other.
bool can_be_paired(const Judgement& judgement) {
  switch (judgement.reason) {
    case Reason::kUnlikeWork:
    case Reason::kUnlikeMachines:
    case Reason::kThrottled:
    case Reason::kNoBaseline:
    case Reason::kShortBaseline:
      return false;
    default:
      return judgement.base && judgement.fresh;
  }
}

void add(Pool& pool, const Judgement& judgement, const std::string& prompt) {
  if (!can_be_paired(judgement)) {
    pool.left_out += judgement.base || judgement.fresh ? 1 : 0;
    return;
  }
  ++pool.rows;
  pool.base += *judgement.base;
  pool.fresh += *judgement.fresh;
  const double rise = (*judgement.fresh - *judgement.base) * (judgement.better == record::Better::kLower ? -1 : 1);
  if (rise > 0) pool.gained.push_back(prompt);
  if (rise >= 0) return;
  pool.lost.push_back(prompt);
  pool.confirmed += judgement.reason == Reason::kConfirmedExcess ? 1 : 0;
}

std::string names(const std::vector<std::string>& prompts) {
  std::string text;
  for (std::size_t i = 0; i < std::min(prompts.size(), kMostNames); ++i) text += (i == 0 ? "" : ", ") + prompts[i];
  if (prompts.size() > kMostNames) text += fmt::format(" and {} more", prompts.size() - kMostNames);
  return text;
}

Verdict verdict_of(const Pool& pool, const MetricRule& rule, const Rules& rules, bool is_gate) {
  const auto lost = static_cast<std::int64_t>(pool.lost.size()), gained = static_cast<std::int64_t>(pool.gained.size());
  const auto differs = [&](std::int64_t worse, std::int64_t better) { return stats::sign_test_p(worse, better) < rules.task_p; };
  if (lost == 0 && gained == 0) return Verdict::kSame;
  if (!differs(lost, gained)) return Verdict::kUnclear;
  const bool tells = rule.metric == "success_ratio" || std::abs(pool.fresh - pool.base) > rule.delta * std::abs(pool.base);
  if (!tells) return Verdict::kSame;
  if (lost < gained) return Verdict::kBetter;
  return !is_gate || differs(static_cast<std::int64_t>(pool.confirmed), gained) ? Verdict::kWorse : Verdict::kSuspect;
}

Judgement judge(const Pool& pool, const MetricRule& rule, const Rules& rules, bool is_gate) {
  Judgement judgement;
  describe_metric(judgement, rule.metric);
  judgement.reason = Reason::kNoValue;
  const std::string left_out =
      pool.left_out > 0 ? fmt::format("; {} rows left out: a side has no value, no baseline, other work or another machine", pool.left_out)
                        : "";
  if (pool.rows == 0) {
    judgement.sentence = "no row can be compared" + left_out;
    return judgement;
  }
  judgement.base = pool.base / static_cast<double>(pool.rows);
  judgement.fresh = pool.fresh / static_cast<double>(pool.rows);
  if (*judgement.base != 0) judgement.ratio = *judgement.fresh / *judgement.base;
  judgement.verdict = verdict_of(pool, rule, rules, is_gate);
  judgement.reason = Reason::kPairedTasks;
  const bool passes = rule.metric == "success_ratio";
  judgement.sentence =
      fmt::format("{} of {} {}, {} {}, p = {:.2g} ({}){}", pool.lost.size(), pool.rows, passes ? "tasks lost" : "answers worse",
                  pool.gained.size(), passes ? "gained" : "better",
                  stats::sign_test_p(static_cast<std::int64_t>(pool.lost.size()), static_cast<std::int64_t>(pool.gained.size())),
                  passes ? "exact McNemar" : "sign test", left_out);
  if (!pool.lost.empty()) judgement.sentence += fmt::format("; {}: {}", passes ? "lost" : "worse", names(pool.lost));
  if (passes && !pool.gained.empty()) judgement.sentence += "; gained: " + names(pool.gained);
  return judgement;
}

/// The cell of all rows of a group; takes their judgements of answers away.
CellOutcome pooled(std::vector<CellOutcome*>& cells, const Rules& rules, bool is_gate) {
  CellOutcome all = *cells.front();
  all.prompt = fmt::format("{} ({} prompts)", suite_of(all), cells.size());
  all.notes.clear();
  all.judgements.clear();
  all.measured_s.reset();
  for (const MetricRule& rule : in_display_order(rules)) {
    if (!is_of_tasks(rule.metric)) continue;
    Pool pool;
    for (CellOutcome* cell : cells) {
      const auto found =
          std::find_if(cell->judgements.begin(), cell->judgements.end(), [&](const Judgement& one) { return one.metric == rule.metric; });
      if (found == cell->judgements.end()) continue;
      add(pool, *found, cell->prompt.substr(cell->prompt.rfind('/') + 1));
      cell->judgements.erase(found);
    }
    if (pool.rows + pool.left_out > 0) all.judgements.push_back(judge(pool, rule, rules, is_gate));
  }
  return all;
}

}  // namespace

bool is_of_tasks(const std::string& metric) {
  const auto id = record::metric_from_name(metric);
  return id && record::info_of(*id).scope == record::MetricScope::kCellTasks;
}

std::string suite_of(const CellOutcome& cell) { return cell.prompt.substr(0, cell.prompt.rfind('/')); }

std::string group_of(const CellOutcome& cell) {
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", cell.model, cell.precision, suite_of(cell), cell.device, cell.pass, cell.settings);
}

void pool_tasks(Comparison& comparison, const Rules& rules) {
  using Group = std::pair<std::string, std::vector<CellOutcome*>>;
  std::vector<Group> groups;
  for (CellOutcome& cell : comparison.cells) {
    if (cell.judgements.empty() || cell.judgements.front().metric == "row" || cell.pass != "text") continue;
    const auto same_name = [](const Group& a, const Group& b) { return a.first == b.first; };
    groups[find_or_add(groups, {group_of(cell), {}}, same_name)].second.push_back(&cell);
  }
  std::vector<CellOutcome> all;
  for (auto& [name, cells] : groups) {
    if (cells.size() < 2) continue;
    CellOutcome one = pooled(cells, rules, comparison.is_gate);
    if (!one.judgements.empty()) all.push_back(std::move(one));
  }
  std::erase_if(comparison.cells, [](const CellOutcome& cell) { return cell.judgements.empty(); });
  comparison.cells.insert(comparison.cells.begin(), std::make_move_iterator(all.begin()), std::make_move_iterator(all.end()));
}

}  // namespace qbench::compare
