#include "recommend/measured.h"

#include "recommend/evidence.h"

namespace qbench::recommend {
namespace {

using record::MetricId;

void replace(std::optional<double>& into, const std::optional<double>& value) {
  if (value) into = value;
}

/// Share of the row's judged answers that passed.
std::optional<double> success_of(const record::ResultRow& row) {
  double passed = 0, judged = 0;
  for (const record::TaskResult& task : row.tasks) {
    if (task.status == record::TaskStatus::kHarnessError) continue;
    ++judged;
    passed += task.status == record::TaskStatus::kPass ? 1 : 0;
  }
  if (judged == 0) return row.metric(MetricId::kSuccessRatio).value;
  return passed / judged;
}

}  // namespace

MeasuredResults::MeasuredResults(const std::vector<record::ResultSet>& results) {
  for (const record::ResultSet& set : results) {
    for (const record::ResultRow& row : set.rows) {
      if (!record::is_measured(row.status)) continue;
      Measured& one = by_request_[{candidate_of(row).key(), std::string(row.fact("prompt_fingerprint"))}];
      const bool text = row.pass == record::Pass::kText;
      const auto ttft = row.metric(MetricId::kTtftMs).value, rate = row.metric(MetricId::kDecodeTokPerS).value;
      if (!text || !one.ttft_ms) replace(one.ttft_ms, ttft);
      if (!text || !one.decode_tok_per_s) replace(one.decode_tok_per_s, rate);
      if (text) {
        replace(one.output_tokens, row.metric(MetricId::kOutputTokens).value);
        replace(one.e2e_ms, row.metric(MetricId::kE2eMs).value);
        replace(one.quality_score, row.metric(MetricId::kQualityScore).value);
      }
      replace(one.success_ratio, success_of(row));
    }
  }
}

const Measured* MeasuredResults::find(const std::string& candidate_key, const std::string& prompt_digest) const {
  const auto at = by_request_.find({candidate_key, prompt_digest});
  return at == by_request_.end() ? nullptr : &at->second;
}

}  // namespace qbench::recommend
