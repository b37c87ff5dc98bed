#include "measure/task_metrics.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "record/judged_answers.h"
#include "stats/agreement.h"
#include "stats/pass_at_k.h"
#include "stats/summary.h"

namespace qbench::measure {
namespace {

using record::JudgedAnswer;
using record::MetricId;
using record::MetricValues;
using record::Statistic;

stats::Consistency self_consistency(const std::vector<const JudgedAnswer*>& answers) {
  stats::Consistency consistency;
  for (const record::TaskVotes& votes : record::votes_by_task(answers)) consistency.add(votes.behaviours, votes.passed);
  return consistency;
}

/// The answers of one session.
MetricValues values_of(const std::vector<const JudgedAnswer*>& answers, const record::CellRecord& cell) {
  MetricValues values;
  std::int64_t judged = 0, passed = 0, at_once = 0, iterations = 0;
  double seconds = 0;
  bool timed = true;
  for (const JudgedAnswer* answer : answers) {
    if (!answer->judged()) continue;
    ++judged;
    passed += answer->passed() ? 1 : 0;
    at_once += answer->passed_at_once() ? 1 : 0;
    iterations += answer->iterations();
    for (const record::TaskRecord* attempt : answer->attempts) {
      timed = timed && attempt->generation_s && attempt->judge_s;
      seconds += attempt->generation_s.value_or(0) + attempt->judge_s.value_or(0);
    }
  }
  values[MetricId::kTasksJudged] = static_cast<double>(judged);
  values[MetricId::kHarnessErrors] = static_cast<double>(static_cast<std::int64_t>(answers.size()) - judged);
  if (judged == 0) return values;
  const auto n = static_cast<double>(judged);
  values[MetricId::kSuccessRatio] = static_cast<double>(passed) / n;
  values[MetricId::kFirstAttemptSuccessRatio] = static_cast<double>(at_once) / n;
  values[MetricId::kMeanIterations] = static_cast<double>(iterations) / n;
  values[MetricId::kPassAt1Ratio] = stats::pass_at_k(stats::TaskCount{judged, at_once}, 1);
  if (!cell.judging.pass_ks.empty() && cell.judging.pass_ks.back() > 0)
    values[MetricId::kPassAtKRatio] = stats::pass_at_k(stats::TaskCount{judged, at_once}, cell.judging.pass_ks.back());
  values[MetricId::kThinkingEfficiency] = stats::per_thousand(passed, record::thinking_tokens(answers));
  values[MetricId::kSelfConsistencyRatio] = self_consistency(answers).ratio();
  if (timed && seconds > 0) values[MetricId::kTasksPerHour] = 3600.0 * n / seconds;
  return values;
}

/// Means of the named values over a session's answers; of equal source, sample and iteration the last record counts.
void add_qualities(std::span<const record::QualityRecord> qualities, const record::CellKey& key, std::map<std::int64_t, MetricValues>& sessions) {
  std::map<std::tuple<std::int64_t, std::string, std::int64_t, std::int64_t>, const record::QualityRecord*> latest;
  for (const record::QualityRecord& one : qualities)
    if (one.cell == key) latest[{one.session, one.source, one.sample, one.iteration}] = &one;
  std::map<std::pair<std::int64_t, MetricId>, std::vector<double>> found;
  for (const auto& [ignored, one] : latest) {
    if (one->status != record::Status::kOk) continue;
    for (const record::QualityValue& value : one->values) {
      const auto id = record::metric_from_name(value.name);
      if (id && value.value && record::info_of(*id).scope == record::MetricScope::kCellTasks) found[{one->session, *id}].push_back(*value.value);
    }
  }
  for (const auto& [where, values] : found) sessions[where.first][where.second] = stats::summarize(values).mean;
}

/// The word that all attempts have; "mixed" where they differ.
std::optional<std::string> common_word(const std::vector<JudgedAnswer>& answers, std::optional<std::string> record::TaskRecord::* member) {
  std::set<std::string> words;
  for (const JudgedAnswer& answer : answers)
    for (const record::TaskRecord* attempt : answer.attempts)
      if (attempt->*member) words.insert(*(attempt->*member));
  if (words.empty()) return std::nullopt;
  return words.size() == 1 ? *words.begin() : std::string("mixed");
}

}  // namespace

void add_task_metrics(record::CellRecord& cell, std::span<const record::TaskRecord> tasks, std::span<const record::QualityRecord> qualities) {
  std::vector<record::TaskRecord> own;
  for (const record::TaskRecord& task : tasks)
    if (task.cell == cell.cell) own.push_back(task);
  const std::vector<JudgedAnswer> answers = record::judged_answers(own);
  std::map<std::int64_t, std::vector<const JudgedAnswer*>> by_session;
  for (const JudgedAnswer& answer : answers) by_session[answer.first().session].push_back(&answer);
  std::map<std::int64_t, MetricValues> sessions;
  for (const auto& [session, some] : by_session) sessions[session] = values_of(some, cell);
  add_qualities(qualities, cell.cell, sessions);
  if (sessions.empty()) return;
  cell.judging.sandbox_level = common_word(answers, &record::TaskRecord::sandbox_level);
  cell.judging.judge = common_word(answers, &record::TaskRecord::judge);
  for (const record::MetricInfo& info : record::metric_catalog()) {
    if (info.scope != record::MetricScope::kCellTasks) continue;
    std::vector<double> values;
    for (const auto& [session, one] : sessions)
      if (one[info.id]) values.push_back(*one[info.id]);
    if (values.empty()) continue;
    cell.metrics.set(info.id, Statistic::kNone, stats::median(values));
    if (!info.by_session) continue;
    if (cell.sessions.size() < sessions.size()) continue;  // not measured here: nothing to stand beside
    std::size_t i = 0;
    for (const auto& [session, one] : sessions) cell.sessions[i++][info.id] = one[info.id];
  }
}

}  // namespace qbench::measure
