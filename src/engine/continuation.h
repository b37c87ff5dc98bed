#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/session.h"

namespace qbench::engine {

/// What a model gives an answer to a prompt.
struct ContinuationScore {
  double sum_log_p = 0.0;           ///< nats: log p(answer | prompt), the sum of the entries below
  std::vector<double> token_log_p;  ///< (answer) nats: of each token after the prompt and the tokens before it
  double mean_log_p() const { return sum_log_p / static_cast<double>(token_log_p.size()); }  ///< nats per answer token
};

/// What scoring took.
struct ContinuationCost {
  std::int64_t passes = 0;         ///< continuations scored
  std::int64_t tokens_fed = 0;     ///< that went through the model
  std::int64_t tokens_reused = 0;  ///< whose keys and values were still in the cache, from the continuation before
};

/// log p(answer | prompt) by teacher forcing, one continuation after the other. The keys and values that a continuation shares with the one
/// before (the same ids from position 0 on) are not computed again, unless the cache does not keep all positions. Uses sequence 0 of the
/// session, which nobody else may feed meanwhile. Deterministic: the same calls in the same order give the same numbers.
class ContinuationScorer {
 public:
  explicit ContinuationScorer(Session& session) : session_(&session) {}

  /// Error{kUsage} when prompt or answer is empty or an id is outside the vocabulary; {kContext} when they do not fit the session's context
  /// together (the last token of the answer takes no position); {kDevice} when a logit is no finite number.
  ContinuationScore score(std::span<const std::int32_t> prompt_ids, std::span<const std::int32_t> answer_ids);

  const ContinuationCost& cost() const { return cost_; }

 private:
  Session* session_;
  std::vector<std::int32_t> held_;  // ids whose keys and values are in the cache, from position 0 on
  ContinuationCost cost_;
};

/// A ContinuationScorer for one continuation.
ContinuationScore score_continuation(Session& session, std::span<const std::int32_t> prompt_ids, std::span<const std::int32_t> answer_ids);

}  // namespace qbench::engine
