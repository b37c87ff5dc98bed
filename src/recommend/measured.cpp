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
    const bool text = row.pass == record::Pass::kText;
    Measured& one = (text ? text_pass_ : speed_pass_)[{candidate_of(row).key(), std::string(row.fact("prompt_fingerprint"))}];
    replace(one.ttft_ms, row.metric(MetricId::kTtftMs).value);
    replace(one.decode_tok_per_s, row.metric(MetricId::kDecodeTokPerS).value);
    if (text) {
      replace(one.output_tokens, row.metric(MetricId::kOutputTokens).value);
      replace(one.e2e_ms, row.metric(MetricId::kE2eMs).value);
      replace(one.quality_score, row.metric(MetricId::kQualityScore).value);
      replace(one.success_ratio, success_of(row));
    }
  }
}

std::optional<Measured> MeasuredResults::find(const std::string& candidate_key, const std::string& prompt_digest) const {
  const auto text = text_pass_.find({candidate_key, prompt_digest});
  const auto speed = speed_pass_.find({Candidate::key_without_thinking(candidate_key), prompt_digest});
  if (text == text_pass_.end() && speed == speed_pass_.end()) return std::nullopt;
  Measured one = text == text_pass_.end() ? Measured{} : text->second;
  if (speed == speed_pass_.end()) return one;
  replace(one.ttft_ms, speed->second.ttft_ms);
  replace(one.decode_tok_per_s, speed->second.decode_tok_per_s);
  return one;
}

}  // namespace qbench::recommend
