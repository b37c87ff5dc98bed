#pragma once

#include <string>
#include <vector>

#include "recommend/evidence.h"
#include "record/result_set.h"

/// Results made by hand for the tests of recommend.
namespace qbench::test {

inline record::ResultRow row(const std::string& model, const std::string& prompt, record::Pass pass, double prompt_tokens, double ttft_ms,
                             double itl_ms) {
  record::ResultRow out;
  out.pass = pass;
  out.facts = {{"model", model},
               {"suite", "own"},
               {"prompt_id", prompt},
               {"batch", "1"},
               {"context", "4096"},
               {"kv_type", "f16"},
               {"device_effective", "cpu"},
               {"precision", "bf16"},
               {"cpu_model", "Some CPU"},
               {"weights", "file"},
               {"prompt_fingerprint", "digest-" + prompt}};
  out.metric(record::MetricId::kPromptTokens).value = prompt_tokens;
  out.metric(record::MetricId::kTtftMs) = {ttft_ms, {ttft_ms}};
  out.metric(record::MetricId::kItlMeanMs) = {itl_ms, {itl_ms}};
  out.metric(record::MetricId::kDecodeTokPerS).value = 1000 / itl_ms;
  out.metric(record::MetricId::kPeakBytes).value = 2e9;
  return out;
}

/// A text row that wrote `tokens` and whose task passed or not.
inline record::ResultRow judged_row(const std::string& model, const std::string& prompt, double tokens, double ttft_ms, double itl_ms,
                                    bool passed) {
  record::ResultRow out = row(model, prompt, record::Pass::kText, 100, ttft_ms, itl_ms);
  out.metric(record::MetricId::kOutputTokens).value = tokens;
  out.metric(record::MetricId::kE2eMs).value = ttft_ms + (tokens - 1) * itl_ms;
  record::TaskResult task;
  task.task_id = prompt;
  task.status = passed ? record::TaskStatus::kPass : record::TaskStatus::kWrong;
  out.tasks.push_back(task);
  return out;
}

inline record::ResultSet set_of(std::vector<record::ResultRow> rows) {
  record::ResultSet set;
  set.rows = std::move(rows);
  return set;
}

/// `tasks` judged tasks of which the first `passed` pass.
inline void add_model(record::ResultSet& set, const std::string& model, double itl_ms, int tasks, int passed) {
  for (int i = 0; i < tasks; ++i)
    set.rows.push_back(judged_row(model, "task" + std::to_string(i), 200 + 2 * i, 100, itl_ms * (1 + 0.001 * i), i < passed));
}

}  // namespace qbench::test
