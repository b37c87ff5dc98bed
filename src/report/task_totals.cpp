#include "report/task_totals.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "record/csv.h"
#include "record/schema.h"

namespace qbench::report {
namespace {

using record::JudgedAnswer;

record::CellKey without_prompt(record::CellKey key) {
  key.prompt_id.clear();
  key.turn = 1;
  return key;
}

std::set<std::int64_t> ks_of(const record::SampleFileContent& content, const record::CellKey& group) {
  std::set<std::int64_t> ks{1};
  for (const record::CellRecord& cell : content.cells)
    if (without_prompt(cell.cell) == group) ks.insert(cell.judging.pass_ks.begin(), cell.judging.pass_ks.end());
  ks.erase(ks.begin(), ks.lower_bound(1));
  return ks;
}

std::string common(const std::set<std::string>& words) {
  return words.empty() ? std::string() : words.size() == 1 ? *words.begin() : "mixed";
}

void add_up(TaskTotals& totals, const record::SampleFileContent& content) {
  std::map<std::string, stats::TaskCount> last, first;  // by task
  std::set<std::string> tasks, levels, judges;
  std::int64_t at_once = 0, iterations = 0;
  double seconds = 0;
  bool timed = true;
  for (const JudgedAnswer& answer : totals.answers) {
    const std::string task = answer.first().cell.prompt_id + "\n" + answer.first().task_id;
    tasks.insert(task);
    ++totals.endings[answer.last().status];
    if (!answer.judged()) {
      ++totals.harness_errors;
      continue;
    }
    ++totals.judged;
    at_once += answer.passed_at_once() ? 1 : 0;
    iterations += answer.iterations();
    ++last[task].samples;
    ++first[task].samples;
    last[task].passed += answer.passed() ? 1 : 0;
    first[task].passed += answer.passed_at_once() ? 1 : 0;
    for (const record::TaskRecord* attempt : answer.attempts) {
      timed = timed && attempt->generation_s && attempt->judge_s;
      seconds += attempt->generation_s.value_or(0) + attempt->judge_s.value_or(0);
      if (attempt->sandbox_level) levels.insert(*attempt->sandbox_level);
      if (attempt->judge) judges.insert(*attempt->judge);
    }
  }
  totals.tasks = static_cast<std::int64_t>(tasks.size());
  totals.sandbox_level = common(levels);
  totals.judge = common(judges);
  if (totals.judged == 0) return;
  const auto counts = [](const std::map<std::string, stats::TaskCount>& by_task) {
    std::vector<stats::TaskCount> all;
    for (const auto& [ignored, count] : by_task) all.push_back(count);
    return all;
  };
  totals.success = stats::pass_at_k(counts(last), 1);
  for (const std::int64_t k : ks_of(content, without_prompt(totals.cell))) totals.pass_at[k] = stats::pass_at_k(counts(first), k);
  const auto n = static_cast<double>(totals.judged);
  totals.first_attempt_ratio = static_cast<double>(at_once) / n;
  totals.mean_iterations = static_cast<double>(iterations) / n;
  if (timed && seconds > 0) totals.tasks_per_hour = 3600.0 * n / seconds;
  std::vector<const JudgedAnswer*> answers;
  std::int64_t passed = 0;
  for (const JudgedAnswer& answer : totals.answers) {
    answers.push_back(&answer);
    passed += answer.judged() && answer.passed() ? 1 : 0;
  }
  totals.thinking_tokens = record::thinking_tokens(answers);
  totals.thinking_efficiency = stats::per_thousand(passed, totals.thinking_tokens);
  for (const record::TaskVotes& votes : record::votes_by_task(answers)) totals.consistency.add(votes.behaviours, votes.passed);
}

}  // namespace

std::vector<TaskTotals> task_totals(const record::SampleFileContent& content) {
  std::vector<TaskTotals> all;
  for (JudgedAnswer& answer : record::judged_answers(content.tasks)) {
    const record::CellKey group = without_prompt(answer.first().cell);
    auto known = std::find_if(all.begin(), all.end(), [&](const TaskTotals& one) { return without_prompt(one.cell) == group; });
    if (known == all.end()) {
      all.push_back({});
      known = all.end() - 1;
      known->cell = answer.first().cell;
    }
    known->answers.push_back(std::move(answer));
  }
  for (TaskTotals& totals : all) add_up(totals, content);
  return all;
}

std::string tasks_csv(const std::vector<TaskTotals>& totals) {
  const auto value = [](const std::optional<double>& number) { return record::format_value(number); };
  std::set<std::int64_t> ks;
  for (const TaskTotals& one : totals)
    for (const auto& [k, ignored] : one.pass_at) ks.insert(k);
  std::vector<std::string> header{"schema_version",
                                  "model",
                                  "suite",
                                  "device",
                                  "precision",
                                  "kv_type",
                                  "kv_policy",
                                  "batch",
                                  "context",
                                  "threads",
                                  "sandbox_level",
                                  "judge",
                                  "tasks",
                                  "tasks_judged",
                                  "harness_errors",
                                  "success_ratio",
                                  "success_ratio_ci_low",
                                  "success_ratio_ci_high",
                                  "first_attempt_success_ratio",
                                  "mean_iterations",
                                  "tasks_per_hour",
                                  "thinking_tokens",
                                  "thinking_efficiency",
                                  "self_consistency_ratio",
                                  "majority_success_ratio"};
  for (const std::int64_t k : ks)
    for (const char* part : {"", "_ci_low", "_ci_high"}) header.push_back(fmt::format("pass_at_{}_ratio{}", k, part));
  std::string out = record::csv_line(header);
  for (const TaskTotals& one : totals) {
    std::vector<std::string> row{std::to_string(record::kSchemaVersion),
                                 one.cell.model,
                                 one.cell.suite,
                                 one.cell.device,
                                 one.cell.precision,
                                 one.cell.kv_type,
                                 kv_policy_text(one.cell),
                                 std::to_string(one.cell.batch),
                                 std::to_string(one.cell.context),
                                 std::to_string(one.cell.threads),
                                 one.sandbox_level,
                                 one.judge,
                                 std::to_string(one.tasks),
                                 std::to_string(one.judged),
                                 std::to_string(one.harness_errors)};
    const auto add = [&](const std::optional<stats::PassAtK>& estimate) {
      row.push_back(value(estimate ? std::optional(estimate->value) : std::nullopt));
      row.push_back(value(estimate ? std::optional(estimate->interval.low) : std::nullopt));
      row.push_back(value(estimate ? std::optional(estimate->interval.high) : std::nullopt));
    };
    add(one.success);
    for (const auto& number : {one.first_attempt_ratio, one.mean_iterations, one.tasks_per_hour}) row.push_back(value(number));
    row.push_back(one.thinking_tokens > 0 ? std::to_string(one.thinking_tokens) : std::string());
    for (const auto& number : {one.thinking_efficiency, one.consistency.ratio(), one.consistency.majority_ratio()})
      row.push_back(value(number));
    for (const std::int64_t k : ks) {
      const auto found = one.pass_at.find(k);
      add(found == one.pass_at.end() ? std::nullopt : found->second);
    }
    out += record::csv_line(row);
  }
  return out;
}

}  // namespace qbench::report
