#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/continuation.h"
#include "engine/session.h"
#include "quality/prompt/token_map.h"

/// What each part of a prompt does for the answer, measured: the answer is teacher-forced with the part's tokens left out.
///   cost of a span      = log p(answer | prompt) - log p(answer | prompt without the span), in nats
///   deviation           = standard deviation (n - 1) of the costs of n random spans that have the section's length and lie in the user's
///                         text
///   spread              = t * deviation / sqrt(1 - overlap): t is Student's 95 % quantile with n - 1 degrees of freedom, overlap the mean
///                         share of tokens that two of the spans have in common
///   a section is relevant where its cost is above 0 and above the spread
///   context efficiency  = tokens of relevant sections / tokens of the user's text
/// So a section that carries nothing is called relevant in one case of 20: t makes a deviation from few spans a one-sided 95 % bound, and
/// spans that share tokens share noise, which the division takes back (each token's noise independent: E[deviation^2] = variance * (1 -
/// overlap)). Simulated, tests/unit/quality_prompt/attribution_rule_test.cpp: 4 to 8 %, where the bare deviation gives 16 to 37 %.
/// What matters very much must not hide what matters a little: random spans that touch a section which was found relevant are left out of
/// the others' spread, where kLeastSpans remain, and the others judged again, until nothing changes (the same test: a section of a third of
/// the weight is found in 95 % instead of 0 %). No rank among the random spans: they overlap what matters, so in a prompt in which every
/// part matters alike no part would be above their maximum. Tokens are left out as ids, for sections and random spans alike; nothing is
/// tokenized again. Where nothing would be left (a base model's prompt that is one section) its first token stays.
namespace qbench::quality {

struct AttributionOptions {
  std::int64_t random_spans = 16;  ///< for each length; fewer where there are fewer places
  std::uint64_t seed = 1;
};

/// The prompt as it is sent.
struct AttributionInput {
  std::vector<std::int32_t> prompt_ids;
  TokenSpan user_text;              ///< tokens of the user's text among them: the rest is the template's
  std::vector<TokenSpan> sections;  ///< in order, without overlap, within user_text
  std::vector<std::int32_t> answer_ids;
};

struct SectionAttribution {
  TokenSpan span;
  double cost_nats = 0.0;                ///< below 0: the answer is likelier without it
  double nats_per_answer_token = 0.0;    ///< cost over the answer's tokens
  std::optional<double> nats_per_token;  ///< cost over the section's tokens; nothing for an empty section
  std::int64_t random_spans = 0;         ///< that the spread is over: those that touch no relevant section, or all
  double random_mean_nats = 0.0, random_deviation_nats = 0.0;
  double random_overlap_ratio = 0.0;  ///< mean over pairs of them
  double spread_nats = 0.0;           ///< 0 below two random spans (a section that is nearly the whole text)
  bool relevant = false;
};

struct Attribution {
  double log_p_nats = 0.0;  ///< of the answer with the whole prompt
  std::int64_t answer_tokens = 0;
  std::vector<SectionAttribution> sections;
  std::int64_t relevant_tokens = 0, total_tokens = 0;
  double context_efficiency_ratio() const { return static_cast<double>(relevant_tokens) / static_cast<double>(total_tokens); }
  engine::ContinuationCost cost;
};

inline constexpr std::size_t kLeastSpans = 4;  ///< that a spread is taken from where spans are left out

/// Random spans of one length: where they begin, each once, and their costs.
struct SpanCosts {
  std::vector<std::int64_t> starts;
  std::vector<double> nats;
};

/// Fills in what follows from the sections' costs; `random` (sections) are spans of each one's length without the section itself, whose
/// places count as the sections' do.
void judge_sections(std::span<SectionAttribution> sections, std::span<const SpanCosts> random);

/// Passes, and at most so many tokens through the model: known before anything runs.
engine::ContinuationCost plan_attribution(const AttributionInput& input, const AttributionOptions& options);

/// `on_pass`, which may be empty, is called after each pass with how many have run. Spans are left out from the last one to the first, so
/// that what lies before a span is computed once. Deterministic. Errors of ContinuationScorer; QB_CHECK: a user's text with at least one
/// token.
Attribution attribute(engine::Session& session, const AttributionInput& input, const AttributionOptions& options,
                      const std::function<void(std::int64_t passes)>& on_pass = {});

}  // namespace qbench::quality
