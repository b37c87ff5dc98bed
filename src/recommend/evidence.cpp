#include "recommend/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json.h"
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

bool on_gpu(const ResultRow& row) {
  const std::string_view device = row.fact("device_effective");
  return device == "cuda" || device.starts_with("cuda:");
}

/// The row's sampling parameters; null where it has none.
nlohmann::json sampling_parameters(const ResultRow& row) {
  const std::string text(row.fact("sampling"));
  if (text.empty() || find_json_problem(text)) return nullptr;
  nlohmann::json sampling = parse_json(text, "sampling");
  return sampling.is_object() ? sampling : nlohmann::json(nullptr);
}

std::string thinking_of(const ResultRow& row) {
  const nlohmann::json sampling = sampling_parameters(row);
  std::string options;
  const auto add = [&](const std::string& option) { options += (options.empty() ? "" : " ") + option; };
  if (const auto asked = sampling.find("enable_thinking"); asked != sampling.end() && asked->is_boolean())
    add(asked->get<bool>() ? "--thinking" : "--no-thinking");
  if (const auto most = sampling.find("max_thinking_tokens"); most != sampling.end() && most->is_number())
    add("--max-thinking-tokens " + dump_json(*most));
  if (const auto limit = sampling.find("thinking_timeout_s"); limit != sampling.end() && limit->is_number())
    add("--thinking-timeout " + dump_json(*limit));
  return options;
}

std::string machine_of(const ResultRow& row) {
  if (!on_gpu(row)) return std::string(row.fact("cpu_model"));
  const std::string_view gpu = row.fact("device_description");
  return std::string(gpu.empty() ? row.fact("gpus") : gpu);
}

}  // namespace

Candidate candidate_of(const ResultRow& row) {
  Candidate one;
  one.model = row.fact("model");
  one.device = on_gpu(row) ? "cuda" : row.fact("device_effective");
  one.machine = machine_of(row);
  one.precision = row.fact("precision");
  if (one.precision.empty()) one.precision = row.fact("precision_requested");  // the row of a model that could not be opened
  one.kv_type = row.fact("kv_type");
  one.kv_policy = row.fact("kv_policy");
  if (one.kv_policy == "full") one.kv_policy.clear();  // as in rows of before there were others
  if (!on_gpu(row)) one.threads = row.fact("threads");
  if (const auto batch = number(row.fact("batch"))) one.batch = static_cast<std::int64_t>(*batch);
  if (!is_of_any_thinking(row)) one.thinking = thinking_of(row);
  return one;
}

bool is_of_any_thinking(const ResultRow& row) {
  return row.pass == record::Pass::kSpeed || (!record::is_measured(row.status) && row.fact("sampling").empty());
}

namespace {

/// The row's session values, or its own where it has no sessions.
std::vector<std::optional<double>> values(const ResultRow& row, MetricId id) {
  const record::MetricResult& metric = row.metric(id);
  if (!metric.sessions.empty()) return metric.sessions;
  return {metric.value};
}

void add_speed(Candidate& into, const ResultRow& row, std::int64_t set) {
  constexpr std::int64_t kMostSessions = 1'000'000;  // of one run
  const auto tokens = row.metric(MetricId::kPromptTokens).value;
  const auto ttft = values(row, MetricId::kTtftMs), itl = values(row, MetricId::kItlMeanMs);
  if (!tokens || *tokens <= 0 || row.fact("prefix_cache") == "on") return;
  for (std::size_t s = 0; s < std::min(ttft.size(), itl.size()); ++s) {
    if (ttft[s] && itl[s]) into.speed.push_back({*tokens, *ttft[s], *itl[s], set * kMostSessions + static_cast<std::int64_t>(s)});
  }
}

std::optional<double> complexity_of(const ResultRow& row, const PromptTexts& texts) {
  const auto text = texts.find(std::string(row.fact("prompt_fingerprint")));
  if (text == texts.end()) return std::nullopt;
  return assess_complexity(text->second).score;
}

void add_tasks(Candidate& into, const ResultRow& row, const std::optional<double>& complexity) {
  const JudgedAnswers answers = judged_answers(row);
  if (answers.judged == 0) return;
  const std::string name = fmt::format("{}/{}", row.fact("suite"), row.fact("prompt_id"));
  auto at = std::find_if(into.tasks.begin(), into.tasks.end(), [&](const TaskPoint& task) { return task.task == name; });
  if (at == into.tasks.end()) at = into.tasks.insert(at, {name, 0, 0, complexity});
  at->judged += answers.judged;
  at->passed += answers.passed;
}

void raise(std::optional<double>& most, const std::optional<double>& value) {
  if (value && (!most || *value > *most)) most = value;
}

/// The sampling parameters without the seed: what another answer to the same prompt would share.
std::string sampling_of(const ResultRow& row) {
  nlohmann::json sampling = sampling_parameters(row);
  if (sampling.is_null()) return std::string(row.fact("sampling"));
  sampling.erase("seed");
  return dump_json(sampling);
}

void add_text(Candidate& into, const ResultRow& row, const std::optional<double>& complexity) {
  if (const auto tokens = row.metric(MetricId::kOutputTokens).value)
    into.outputs.push_back({*tokens, number(row.fact("gen_tokens")), complexity});
  if (const auto score = row.metric(MetricId::kQualityScore).value) into.quality.push_back(*score);
  const auto rate = row.metric(MetricId::kE2eTokPerS).value;
  if (rate && *rate > 0) into.whole_tok_per_s.push_back(*rate);
  into.samplings.insert(sampling_of(row));
}

std::optional<double> memory_of(const ResultRow& row) {
  if (!on_gpu(row)) return row.metric(MetricId::kPeakBytes).value;
  const auto used = row.metric(MetricId::kGpuUsedBytes).value;
  return used ? used : number(row.fact("peak_allocated_bytes"));
}

void add_row(Candidate& into, const ResultRow& row, const PromptTexts& texts, std::int64_t set) {
  if (!record::is_measured(row.status)) {
    ++into.failed_rows;
    into.failure = row.failure.message;
    return;
  }
  const std::optional<double> complexity = complexity_of(row, texts);
  if (row.status == record::Status::kOk) add_speed(into, row, set);
  if (const auto tokens = row.metric(MetricId::kPromptTokens).value)
    into.prompt_tokens[std::string(row.fact("prompt_fingerprint"))] = *tokens;
  if (row.pass == record::Pass::kText) add_text(into, row, complexity);
  add_tasks(into, row, complexity);
  raise(into.memory_bytes, memory_of(row));
  raise(into.context, number(row.fact("context")));
  if (const std::string_view weights = row.fact("model_fingerprint"); !weights.empty()) into.weights.emplace(weights);
  if (const auto limit = number(row.fact("context_trained")); limit && *limit >= 1) into.context_limit = limit;
}

/// Adds the row to its candidate, of any thinking to all that differ in nothing else; to a new one where there is none.
void add_to_candidates(std::vector<Candidate>& candidates, const ResultRow& row, const PromptTexts& texts, std::int64_t set) {
  Candidate own = candidate_of(row);
  const std::string key = own.key();
  bool is_known = false;
  for (Candidate& one : candidates) {
    if ((is_of_any_thinking(row) ? Candidate::key_without_thinking(one.key()) : one.key()) != key) continue;
    add_row(one, row, texts, set);
    is_known = true;
  }
  if (!is_known) add_row(candidates.emplace_back(std::move(own)), row, texts, set);
}

/// Says what candidates of one name differ in.
void tell_apart(std::vector<Candidate>& candidates) {
  struct Fact {
    const char* format;
    std::string Candidate::*member;
    const char* unset;
    bool always = false;  ///< said wherever it is set
  };
  constexpr Fact kFacts[] = {{", kv {}", &Candidate::kv_type, "unknown"},
                             {", kv {}", &Candidate::kv_policy, "full"},
                             {", {} threads", &Candidate::threads, "unknown"},
                             {", {}", &Candidate::thinking, "default thinking", true}};
  std::vector<std::string> distinctions(candidates.size());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    for (const Fact& fact : kFacts) {
      const std::string& value = candidates[i].*fact.member;
      const bool differs = std::any_of(candidates.begin(), candidates.end(), [&](const Candidate& other) {
        return other.name() == candidates[i].name() && other.*fact.member != candidates[i].*fact.member;
      });
      if (differs || (fact.always && !value.empty()))
        distinctions[i] += fmt::format(fmt::runtime(fact.format), value.empty() ? fact.unset : value);
    }
  }
  for (std::size_t i = 0; i < candidates.size(); ++i) candidates[i].distinction = distinctions[i];
}

}  // namespace

bool is_of_single_requests(const ResultRow& row) {
  const std::string_view batch = row.fact("batch");
  return row.status != record::Status::kSkipped && (batch.empty() || batch == "1") && row.fact("stage").empty() &&
         !row.fact("device_effective").ends_with("-emulated");
}

JudgedAnswers judged_answers(const ResultRow& row) {
  JudgedAnswers answers;
  for (const record::TaskResult& result : row.tasks) {
    const record::TaskStatus status = result.first_status.value_or(result.status);
    if (status == record::TaskStatus::kHarnessError) continue;
    ++answers.judged;
    answers.passed += status == record::TaskStatus::kPass ? 1 : 0;
  }
  if (!row.tasks.empty()) return answers;
  const auto judged = row.metric(MetricId::kTasksJudged).value, share = row.metric(MetricId::kFirstAttemptSuccessRatio).value;
  if (judged && share && *judged >= 1 && *judged <= 1e9) {
    answers.judged = static_cast<std::int64_t>(std::llround(*judged));
    answers.passed = std::min(answers.judged, static_cast<std::int64_t>(std::llround(*share * *judged)));
  }
  return answers;
}

std::string Candidate::key() const {
  return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}{}{}", model, device, machine, precision, kv_type, kv_policy, threads, batch,
                     thinking.empty() ? "" : "|", thinking);
}

std::string Candidate::key_without_thinking(std::string_view key) { return std::string(key.substr(0, key.rfind("|--"))); }

std::string Candidate::name() const {
  std::string text = model + " on " + device;
  if (!machine.empty()) text += " (" + machine + ")";
  if (!precision.empty()) text += ", " + precision;
  return text + distinction;
}

std::int64_t Candidate::sessions() const {
  std::set<std::int64_t> seen;
  for (const SpeedPoint& point : speed) seen.insert(point.session);
  return static_cast<std::int64_t>(seen.size());
}

Evidence gather_evidence(const std::vector<record::ResultSet>& results, const PromptTexts& texts) {
  Evidence evidence;
  for (const bool any_thinking : {false, true}) {  // rows of any thinking go to all candidates that the others have made
    for (std::size_t set = 0; set < results.size(); ++set) {
      for (const ResultRow& row : results[set].rows) {
        if (is_of_any_thinking(row) != any_thinking) continue;
        ++evidence.rows;
        if (is_of_single_requests(row)) {
          add_to_candidates(evidence.candidates, row, texts, static_cast<std::int64_t>(set));
        } else {
          ++evidence.skipped_rows;
        }
      }
    }
  }
  tell_apart(evidence.candidates);
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
      Sum& sum = tasks[task.task];
      sum.complexity = *task.complexity;
      sum.failed += static_cast<double>(task.judged - task.passed);
      sum.judged += static_cast<double>(task.judged);
    }
  }
  struct Columns {
    std::vector<double> complexity, failures;
  };
  Columns all;
  std::map<std::string, Columns> by_suite;
  for (const auto& [name, sum] : tasks) {
    for (Columns* columns : {&all, &by_suite[name.substr(0, name.rfind('/'))]}) {
      columns->complexity.push_back(sum.complexity);
      columns->failures.push_back(sum.failed / sum.judged);
    }
  }
  ComplexityCheck check;
  check.tasks = static_cast<std::int64_t>(tasks.size());
  check.correlation = stats::rank_correlation(all.complexity, all.failures);
  if (check.correlation) check.interval = stats::rank_correlation_interval(*check.correlation, tasks.size());
  if (by_suite.size() < 2) return check;
  for (const auto& [suite, columns] : by_suite)
    check.suites.push_back(
        {suite, stats::rank_correlation(columns.complexity, columns.failures), static_cast<std::int64_t>(columns.complexity.size())});
  return check;
}

}  // namespace qbench::recommend
