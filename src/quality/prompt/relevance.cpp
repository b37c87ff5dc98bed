#include "quality/prompt/relevance.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/check.h"
#include "base/clock.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/random.h"

namespace qbench::quality {
namespace {

std::uint64_t seed_of(const workload::Prompt& prompt, std::uint64_t seed) {
  for (const char c : prompt.id + '\n' + prompt.digest) seed = mix64(seed ^ static_cast<unsigned char>(c));
  return seed;
}

/// Positions that a candidate leaves for the answer, whose last token takes none.
std::int64_t room(const engine::Session& session, const RelevanceCandidate& candidate) {
  return candidate.ids.empty() ? 0 : session.context() - static_cast<std::int64_t>(candidate.ids.size()) + 1;
}

}  // namespace

double relevance_score(std::span<const double> log_p, double& rank) {
  QB_CHECK(log_p.size() >= 2);
  const auto others = log_p.subspan(1);
  const auto greater = std::count_if(others.begin(), others.end(), [&](double other) { return other > log_p[0]; });
  const auto equal = std::count(others.begin(), others.end(), log_p[0]);
  rank = 1.0 + static_cast<double>(greater) + static_cast<double>(equal) / 2.0;
  const auto n = static_cast<double>(log_p.size());
  return 10.0 * (n - rank) / (n - 1.0);
}

std::optional<Relevance> measure_relevance(engine::Session& session, const RelevanceCandidate& truth,
                                           std::span<const RelevanceCandidate> others, std::span<const std::int32_t> answer_ids,
                                           std::int64_t max_answer_tokens) {
  const std::int64_t length = std::min({static_cast<std::int64_t>(answer_ids.size()), max_answer_tokens, room(session, truth)});
  std::vector<const RelevanceCandidate*> candidates{&truth};
  for (const RelevanceCandidate& other : others) {
    if (room(session, other) >= length) candidates.push_back(&other);
  }
  if (length < 1 || candidates.size() < 2) return std::nullopt;
  const auto answer = answer_ids.first(static_cast<std::size_t>(length));
  engine::ContinuationScorer scorer(session);
  std::vector<double> log_p;
  for (const RelevanceCandidate* candidate : candidates) log_p.push_back(scorer.score(candidate->ids, answer).sum_log_p);
  Relevance relevance;
  relevance.score = relevance_score(log_p, relevance.rank);
  relevance.prompts = static_cast<std::int64_t>(log_p.size());
  relevance.answer_tokens = length;
  relevance.log_p = log_p[0];
  const auto best = std::max_element(log_p.begin() + 1, log_p.end());
  relevance.best_other_log_p = *best;
  relevance.best_other = candidates[static_cast<std::size_t>(best - log_p.begin())]->id;
  relevance.cost = scorer.cost();
  return relevance;
}

std::vector<const workload::Prompt*> choose_others(const workload::Prompt& truth, std::span<const workload::Prompt> pool,
                                                   std::int64_t count, std::uint64_t seed) {
  std::set<std::string_view> texts;
  for (const workload::Turn& turn : truth.turns) texts.insert(turn.text);
  std::vector<const workload::Prompt*> eligible;
  for (const workload::Prompt& prompt : pool) {
    if (prompt.turns.empty() || (!truth.group.empty() && prompt.group == truth.group)) continue;
    if (texts.insert(prompt.turns.front().text).second) eligible.push_back(&prompt);
  }
  std::vector<std::size_t> order(eligible.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(seed_of(truth, seed));
  for (std::size_t i = 0; i + 1 < order.size(); ++i) std::swap(order[i], order[i + random.next_below(order.size() - i)]);
  order.resize(std::min(order.size(), static_cast<std::size_t>(std::max<std::int64_t>(count, 0))));
  std::sort(order.begin(), order.end());
  std::vector<const workload::Prompt*> chosen;
  for (const std::size_t at : order) chosen.push_back(eligible[at]);
  return chosen;
}

std::vector<workload::Prompt> shipped_prompts() {
  std::vector<workload::Prompt> prompts;
  if (!find_data_dir()) return prompts;
  for (const std::string& name : workload::list_suites()) {
    for (workload::Prompt& prompt : workload::find_suite(name).prompts) prompts.push_back(std::move(prompt));
  }
  return prompts;
}

RelevanceScorer::RelevanceScorer(const text::Tokenizer& tokenizer, text::PromptStyle style, const formats::TokenizerSource& source,
                                 std::vector<workload::Prompt> pool, const RelevanceOptions& options)
    : tokenizer_(&tokenizer), formatter_(style, source), pool_(std::move(pool)), options_(options) {}

std::optional<Relevance> RelevanceScorer::score(engine::Session& session, const workload::Prompt& prompt,
                                                std::optional<bool> enable_thinking, std::span<const std::int32_t> prompt_ids,
                                                std::span<const std::int32_t> answer_ids) const {
  const std::int64_t wall_ns = wall_now_ns();
  std::vector<RelevanceCandidate> others;
  for (const workload::Prompt* other : choose_others(prompt, pool_, options_.others, options_.seed)) {
    text::PromptRequest request;
    if (prompt.system) request.messages.push_back({"system", *prompt.system});
    request.messages.push_back({"user", other->turns.front().text});
    request.enable_thinking = enable_thinking;
    request.language = other->language;
    const text::FormattedPrompt formatted = formatter_.format(request, wall_ns);
    others.push_back({other->id, tokenizer_->encode(formatted.text, {.add_special = formatted.add_special})});
  }
  const RelevanceCandidate truth{prompt.id, {prompt_ids.begin(), prompt_ids.end()}};
  return measure_relevance(session, truth, others, answer_ids, options_.max_answer_tokens);
}

}  // namespace qbench::quality
