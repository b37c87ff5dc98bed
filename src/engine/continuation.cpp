#include "engine/continuation.h"

#include <algorithm>

#include "base/error.h"
#include "engine/log_softmax.h"

namespace qbench::engine {

ContinuationScore ContinuationScorer::score(std::span<const std::int32_t> prompt_ids, std::span<const std::int32_t> answer_ids) {
  if (prompt_ids.empty()) throw Error(ErrorCode::kUsage, "the prompt has no tokens; nothing predicts the answer", "log likelihood");
  if (answer_ids.empty()) throw Error(ErrorCode::kUsage, "the answer has no tokens; there is nothing to score", "log likelihood");
  session_->check_ids(prompt_ids);
  session_->check_ids(answer_ids);
  std::vector<std::int32_t> fed(prompt_ids.begin(), prompt_ids.end());
  fed.insert(fed.end(), answer_ids.begin(), answer_ids.end() - 1);
  const auto total = static_cast<std::int64_t>(fed.size());
  if (total > session_->context()) {
    throw Error(ErrorCode::kContext,
                std::to_string(prompt_ids.size()) + " tokens of the prompt and " + std::to_string(answer_ids.size()) +
                    " of the answer do not fit the context of " + std::to_string(session_->context()),
                "log likelihood");
  }
  const std::int64_t first_row = static_cast<std::int64_t>(prompt_ids.size()) - 1;
  const auto shared = std::mismatch(held_.begin(), held_.end(), fed.begin(), fed.end()).first - held_.begin();
  std::int64_t first = session_->keeps_all_positions() ? std::min<std::int64_t>(shared, first_row) : 0;
  held_.clear();  // until the steps below have run the cache is of no use to anyone
  ++cost_.passes;
  cost_.tokens_reused += first;
  cost_.tokens_fed += total - first;
  ContinuationScore score;
  score.token_log_p.reserve(answer_ids.size());
  const auto take = [&](std::int64_t row, std::span<const float> logits) {
    require_finite(logits, row, "log likelihood");
    score.token_log_p.push_back(log_softmax_at(logits, answer_ids[static_cast<std::size_t>(row - first_row)]));
    score.sum_log_p += score.token_log_p.back();
  };
  while (first < total) first = session_->score_step(fed, first, session_->chunk(), first_row, take);
  held_ = std::move(fed);
  return score;
}

ContinuationScore score_continuation(Session& session, std::span<const std::int32_t> prompt_ids, std::span<const std::int32_t> answer_ids) {
  return ContinuationScorer(session).score(prompt_ids, answer_ids);
}

}  // namespace qbench::engine
