#include "recommend/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "recommend/complexity.h"
#include "stats/rank_correlation.h"

namespace qbench::recommend {
namespace {

using record::MetricId;
using record::ResultRow;

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string machine_of(const ResultRow& row) {
  const std::string_view gpus = row.fact("gpus"), cpu = row.fact("cpu_model");
  if (row.fact("device_effective") == "cuda") return std::string(gpus);
  return std::string(cpu);
}

}  // namespace

Candidate candidate_of(const ResultRow& row) {
  Candidate one;
  one.model = row.fact("model");
  one.device = row.fact("device_effective");
  one.machine = machine_of(row);
  one.precision = row.fact("precision");
  one.kv_type = row.fact("kv_type");
  if (const auto batch = number(row.fact("batch"))) one.batch = static_cast<std::int64_t>(*batch);
  return one;
}

namespace {

/// The row's session values, or its own where it has no sessions.
std::vector<std::optional<double>> values(const ResultRow& row, MetricId id) {
  const record::MetricResult& metric = row.metric(id);
  if (!metric.sessions.empty()) return metric.sessions;
  return {metric.value};
}

void add_speed(Candidate& into, const ResultRow& row) {
  const auto tokens = row.metric(MetricId::kPromptTokens).value;
  const auto ttft = values(row, MetricId::kTtftMs), itl = values(row, MetricId::kItlMeanMs);
  if (!tokens || *tokens <= 0) return;
  for (std::size_t s = 0; s < std::min(ttft.size(), itl.size()); ++s) {
    if (ttft[s] && itl[s]) into.speed.push_back({*tokens, *ttft[s], *itl[s]});
  }
}

std::optional<double> complexity_of(const ResultRow& row, const PromptTexts& texts) {
  const auto text = texts.find(std::string(row.fact("prompt_fingerprint")));
  if (text == texts.end()) return std::nullopt;
  return assess_complexity(text->second).score;
}

void add_tasks(Candidate& into, const ResultRow& row, const std::optional<double>& complexity) {
  for (const record::TaskResult& result : row.tasks) {
    if (result.status == record::TaskStatus::kHarnessError) continue;
    auto at = std::find_if(into.tasks.begin(), into.tasks.end(), [&](const TaskPoint& task) { return task.task_id == result.task_id; });
    if (at == into.tasks.end()) {
      into.tasks.push_back({result.task_id, 0, 0, complexity});
      at = std::prev(into.tasks.end());
    }
    ++at->judged;
    at->passed += result.status == record::TaskStatus::kPass ? 1 : 0;
  }
}

void raise(std::optional<double>& most, const std::optional<double>& value) {
  if (value && (!most || *value > *most)) most = value;
}

void add_row(Candidate& into, const ResultRow& row, const PromptTexts& texts) {
  if (row.status != record::Status::kOk && row.status != record::Status::kThrottled) {
    ++into.failed_rows;
    return;
  }
  const std::optional<double> complexity = complexity_of(row, texts);
  if (row.status == record::Status::kOk) add_speed(into, row);
  if (const auto tokens = row.metric(MetricId::kPromptTokens).value)
    into.prompt_tokens[std::string(row.fact("prompt_fingerprint"))] = *tokens;
  if (row.pass == record::Pass::kText) {
    if (const auto tokens = row.metric(MetricId::kOutputTokens).value) into.outputs.push_back({*tokens, complexity});
    if (const auto score = row.metric(MetricId::kQualityScore).value) into.quality.push_back(*score);
  }
  add_tasks(into, row, complexity);
  raise(into.memory_bytes, row.metric(into.device == "cuda" ? MetricId::kGpuUsedBytes : MetricId::kPeakBytes).value);
  raise(into.context, number(row.fact("context")));
}

}  // namespace

std::string Candidate::key() const { return fmt::format("{}|{}|{}|{}|{}|{}", model, device, machine, precision, kv_type, batch); }

std::string Candidate::name() const {
  std::string text = model + " on " + device;
  if (!machine.empty()) text += " (" + machine + ")";
  if (!precision.empty()) text += ", " + precision;
  return text;
}

Evidence gather_evidence(const std::vector<record::ResultSet>& results, const PromptTexts& texts) {
  Evidence evidence;
  for (const record::ResultSet& set : results) {
    for (const ResultRow& row : set.rows) {
      ++evidence.rows;
      Candidate one = candidate_of(row);
      if (one.batch != 1 || row.status == record::Status::kSkipped) {
        ++evidence.skipped_rows;
        continue;
      }
      auto at =
          std::find_if(evidence.candidates.begin(), evidence.candidates.end(), [&](const Candidate& c) { return c.key() == one.key(); });
      if (at == evidence.candidates.end()) at = evidence.candidates.insert(at, std::move(one));
      add_row(*at, row, texts);
    }
  }
  return evidence;
}

ComplexityCheck check_complexity(const Evidence& evidence) {
  struct Sum {
    double complexity = 0, failed = 0, judged = 0;
  };
  std::map<std::string, Sum> tasks;
  for (const Candidate& candidate : evidence.candidates) {
    for (const TaskPoint& task : candidate.tasks) {
      if (!task.complexity || task.judged == 0) continue;
      Sum& sum = tasks[task.task_id];
      sum.complexity = *task.complexity;
      sum.failed += static_cast<double>(task.judged - task.passed);
      sum.judged += static_cast<double>(task.judged);
    }
  }
  std::vector<double> complexity, failures;
  for (const auto& [id, sum] : tasks) {
    complexity.push_back(sum.complexity);
    failures.push_back(sum.failed / sum.judged);
  }
  return {stats::rank_correlation(complexity, failures), static_cast<std::int64_t>(tasks.size())};
}

}  // namespace qbench::recommend
