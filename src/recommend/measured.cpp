#include "recommend/measured.h"

#include "recommend/evidence.h"

namespace qbench::recommend {
namespace {

using record::MetricId;

void replace(std::optional<double>& into, const std::optional<double>& value) {
  if (value) into = value;
}

std::optional<double> success_of(const record::ResultRow& row) {
  const JudgedAnswers answers = judged_answers(row);
  if (answers.judged == 0) return std::nullopt;
  return static_cast<double>(answers.passed) / static_cast<double>(answers.judged);
}

}  // namespace

MeasuredResults::MeasuredResults(const record::ResultSet& result) {
  for (const record::ResultRow& row : result.rows) {
    if (!record::is_measured(row.status) || !is_of_single_requests(row)) continue;
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

const Measured* MeasuredResults::find(const std::string& candidate_key, const std::string& prompt_digest) const {
  const auto at = by_request_.find({candidate_key, prompt_digest});
  return at == by_request_.end() ? nullptr : &at->second;
}

}  // namespace qbench::recommend
