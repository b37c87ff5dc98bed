#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/continuation.h"
#include "engine/session.h"
#include "formats/tokenizer_source.h"
#include "text/prompt_format.h"
#include "text/tokenizer.h"
#include "workload/suite.h"

/// Response relevance: does the answer belong to its prompt rather than to another one?
///
/// The answer's likelihood is taken under its own prompt and under 20 others, each written with the model's template. All candidates are
/// compared on the same answer tokens, so log p(answer | prompt) is ranked as it is: no length enters.
///   score = 10 (n - rank) / (n - 1) of n prompts; 10: the true prompt makes the answer likeliest; 0: every other one does so more. Chance
///   is 5.
/// Prompts with equal likelihood share their ranks' mean.
namespace qbench::quality {

struct RelevanceOptions {
  std::int64_t others = 20;              ///< prompts that the true one is ranked among; fewer where the pool has fewer
  std::uint64_t seed = 1;                ///< of the choice
  std::int64_t max_answer_tokens = 128;  ///< the answer's first tokens are scored: cost is (others + 1) (prompt + these) tokens
};

struct Relevance {
  double score = 0.0;        ///< 0 to 10
  double rank = 0.0;         ///< of the true prompt, from 1
  std::int64_t prompts = 0;  ///< ranked, the true one included
  std::int64_t answer_tokens = 0;
  double log_p = 0.0;  ///< nats: of those answer tokens under the true prompt
  double best_other_log_p = 0.0;
  std::string best_other;  ///< id of the other prompt that makes the answer likeliest
  engine::ContinuationCost cost;
};

/// One prompt as it is sent.
struct RelevanceCandidate {
  std::string id;
  std::vector<std::int32_t> ids;
};

/// 10 (n - rank) / (n - 1); `log_p` of n >= 2 prompts, the true one first. Its rank goes to `rank`.
double relevance_score(std::span<const double> log_p, double& rank);

/// Ranks `truth` among `others` for the answer's first `max_answer_tokens`, or as many as the session's context leaves behind the truth;
/// others that do not fit together with them are left out. Nothing when the answer has no tokens, the truth does not fit or no other prompt
/// is left.
std::optional<Relevance> measure_relevance(engine::Session& session, const RelevanceCandidate& truth,
                                           std::span<const RelevanceCandidate> others, std::span<const std::int32_t> answer_ids,
                                           std::int64_t max_answer_tokens);

/// `count` prompts of the pool, drawn from seed and truth's digest, in the pool's order: none with the truth's first turn, none of its
/// group (another wording of the same request), none twice.
std::vector<const workload::Prompt*> choose_others(const workload::Prompt& truth, std::span<const workload::Prompt> pool,
                                                   std::int64_t count, std::uint64_t seed);

/// All prompts of the suites below data_dir()/prompts; none where there is no such folder.
std::vector<workload::Prompt> shipped_prompts();

/// Relevance of one model's answers. Tokenizer and source must outlive it.
class RelevanceScorer {
 public:
  /// `pool`: the suite's prompts and shipped_prompts(), in any order. Error{kTemplate}, {kFormat}: those of PromptFormatter.
  RelevanceScorer(const text::Tokenizer& tokenizer, text::PromptStyle style, const formats::TokenizerSource& source,
                  std::vector<workload::Prompt> pool, const RelevanceOptions& options = {});

  /// `prompt_ids` as they were sent for `prompt` (of a later turn with the conversation before it), `answer_ids` as they were generated, a
  /// final EOS included. Others are sent with their first turn in place of the prompt's, under its system message and enable_thinking.
  /// Nothing as above. Overwrites the session's cache of sequence 0; a session that was opened for the prompt and its answer is large
  /// enough. Error{kTemplate} when the template refuses such a message.
  std::optional<Relevance> score(engine::Session& session, const workload::Prompt& prompt, std::optional<bool> enable_thinking,
                                 std::span<const std::int32_t> prompt_ids, std::span<const std::int32_t> answer_ids) const;

 private:
  const text::Tokenizer* tokenizer_;
  text::PromptFormatter formatter_;
  std::vector<workload::Prompt> pool_;
  RelevanceOptions options_;
};

}  // namespace qbench::quality
