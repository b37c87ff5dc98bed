#include "quality/prompt/attribution.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/check.h"
#include "base/random.h"
#include "stats/student_t.h"
#include "stats/summary.h"

namespace qbench::quality {
namespace {

constexpr double kConfidence = 0.95;  // that a section which carries nothing is not called relevant

struct Later {
  bool operator()(const TokenSpan& a, const TokenSpan& b) const { return a.begin != b.begin ? a.begin > b.begin : a.size() > b.size(); }
};
/// Costs by span, the last span first: the cache then holds what precedes each one.
using Costs = std::map<TokenSpan, double, Later>;

/// Places of the random spans of one length: drawn without replacement, the same for all sections of that length.
std::vector<TokenSpan> random_spans(const AttributionInput& input, std::int64_t length, const AttributionOptions& options) {
  const std::int64_t places = input.user_text.size() - length + 1;
  std::vector<std::int64_t> starts(static_cast<std::size_t>(std::max<std::int64_t>(places, 0)));
  std::iota(starts.begin(), starts.end(), input.user_text.begin);
  Random random(options.seed, static_cast<std::uint64_t>(length));
  const std::size_t count = std::min(starts.size(), static_cast<std::size_t>(options.random_spans));
  for (std::size_t i = 0; i < count; ++i) std::swap(starts[i], starts[i + random.next_below(starts.size() - i)]);
  std::vector<TokenSpan> spans;
  for (std::size_t i = 0; i < count; ++i) spans.push_back({starts[i], starts[i] + length});
  return spans;
}

/// Every span whose cost is needed, once. A random span that is the section itself says nothing about it, but may about another one.
Costs plan(const AttributionInput& input, const AttributionOptions& options) {
  Costs costs;
  for (const TokenSpan& section : input.sections) {
    if (section.size() <= 0) continue;
    costs[section] = 0.0;
    for (const TokenSpan& span : random_spans(input, section.size(), options)) costs[span] = 0.0;
  }
  return costs;
}

std::vector<std::int32_t> without(const AttributionInput& input, const TokenSpan& span) {
  std::vector<std::int32_t> ids(input.prompt_ids.begin(), input.prompt_ids.begin() + span.begin);
  ids.insert(ids.end(), input.prompt_ids.begin() + span.end, input.prompt_ids.end());
  if (ids.empty()) ids.push_back(input.prompt_ids.front());  // something must predict the answer's first token
  return ids;
}

SectionAttribution cost_of(const AttributionInput& input, const TokenSpan& section, const Costs& costs) {
  SectionAttribution result;
  result.span = section;
  if (section.size() <= 0) return result;
  result.cost_nats = costs.at(section);
  result.nats_per_answer_token = result.cost_nats / static_cast<double>(input.answer_ids.size());
  result.nats_per_token = result.cost_nats / static_cast<double>(section.size());
  return result;
}

SpanCosts random_costs(const AttributionInput& input, const TokenSpan& section, const Costs& costs, const AttributionOptions& options) {
  SpanCosts random;
  if (section.size() <= 0) return random;
  for (const TokenSpan& span : random_spans(input, section.size(), options)) {
    if (span == section) continue;
    random.starts.push_back(span.begin);
    random.nats.push_back(costs.at(span));
  }
  return random;
}

/// Mean share of tokens that two of the spans have in common; two spans or more.
double mean_overlap(std::span<const std::int64_t> starts, std::int64_t length) {
  std::vector<std::int64_t> sorted(starts.begin(), starts.end());
  std::sort(sorted.begin(), sorted.end());
  double shared = 0.0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = i + 1; j < sorted.size() && sorted[j] - sorted[i] < length; ++j)
      shared += static_cast<double>(length - (sorted[j] - sorted[i]));
  }
  const auto n = static_cast<double>(starts.size());
  return shared / static_cast<double>(length) / (n * (n - 1.0) / 2.0);
}

void judge(SectionAttribution& section, const SpanCosts& random) {
  section.random_spans = static_cast<std::int64_t>(random.nats.size());
  section.random_mean_nats = stats::mean(random.nats).value_or(0.0);
  section.random_deviation_nats = section.random_overlap_ratio = section.spread_nats = 0.0;
  if (random.nats.size() > 1) {
    section.random_deviation_nats = stats::stddev(random.nats).value_or(0.0);
    section.random_overlap_ratio = mean_overlap(random.starts, section.span.size());
    section.spread_nats = stats::student_t_quantile(kConfidence, static_cast<double>(random.nats.size() - 1)) *
                          section.random_deviation_nats / std::sqrt(1.0 - section.random_overlap_ratio);
  }
  section.relevant = section.cost_nats > 0.0 && section.cost_nats > section.spread_nats;
}

/// The spans that touch none of the sections; all where too few do.
SpanCosts apart_from(const SpanCosts& random, std::int64_t length, std::span<const TokenSpan> sections) {
  SpanCosts apart;
  for (std::size_t i = 0; i < random.starts.size(); ++i) {
    const std::int64_t begin = random.starts[i];
    const auto touches = [&](const TokenSpan& section) { return begin < section.end && begin + length > section.begin; };
    if (std::any_of(sections.begin(), sections.end(), touches)) continue;
    apart.starts.push_back(begin);
    apart.nats.push_back(random.nats[i]);
  }
  return apart.starts.size() >= kLeastSpans ? apart : random;
}

}  // namespace

void judge_sections(std::span<SectionAttribution> sections, std::span<const SpanCosts> random) {
  QB_CHECK(sections.size() == random.size());
  for (bool again = true; again;) {  // each round finds a section or is the last
    std::vector<TokenSpan> relevant;
    for (const SectionAttribution& section : sections) {
      if (section.relevant) relevant.push_back(section.span);
    }
    again = false;
    for (std::size_t i = 0; i < sections.size(); ++i) {
      if (sections[i].relevant || sections[i].span.size() <= 0) continue;
      judge(sections[i], apart_from(random[i], sections[i].span.size(), relevant));
      again = again || sections[i].relevant;
    }
  }
}

engine::ContinuationCost plan_attribution(const AttributionInput& input, const AttributionOptions& options) {
  engine::ContinuationCost cost;
  const auto answer = static_cast<std::int64_t>(input.answer_ids.size()) - 1;  // the last token is only predicted
  const auto whole = static_cast<std::int64_t>(input.prompt_ids.size());
  cost.passes = 1;
  cost.tokens_fed = whole + answer;
  for (const auto& [span, unused] : plan(input, options)) {
    const std::int64_t rest = std::max<std::int64_t>(whole - span.size(), 1);
    const std::int64_t kept = std::min(span.begin, rest - 1);  // the token before the answer always runs
    ++cost.passes;
    cost.tokens_fed += rest + answer - kept;
    cost.tokens_reused += kept;
  }
  return cost;
}

Attribution attribute(engine::Session& session, const AttributionInput& input, const AttributionOptions& options,
                      const std::function<void(std::int64_t passes)>& on_pass) {
  QB_CHECK(input.user_text.size() > 0 && input.user_text.begin >= 0 &&
           input.user_text.end <= static_cast<std::int64_t>(input.prompt_ids.size()));
  engine::ContinuationScorer scorer(session);
  Attribution result;
  result.answer_tokens = static_cast<std::int64_t>(input.answer_ids.size());
  result.log_p_nats = scorer.score(input.prompt_ids, input.answer_ids).sum_log_p;
  if (on_pass) on_pass(scorer.cost().passes);
  Costs costs = plan(input, options);
  for (auto& [span, cost] : costs) {
    const std::vector<std::int32_t> rest = without(input, span);
    cost = result.log_p_nats - scorer.score(rest, input.answer_ids).sum_log_p;
    if (on_pass) on_pass(scorer.cost().passes);
  }
  result.total_tokens = input.user_text.size();
  std::vector<SpanCosts> random;
  for (const TokenSpan& section : input.sections) {
    result.sections.push_back(cost_of(input, section, costs));
    random.push_back(random_costs(input, section, costs, options));
  }
  judge_sections(result.sections, random);
  for (const SectionAttribution& section : result.sections) {
    if (section.relevant) result.relevant_tokens += section.span.size();
  }
  result.cost = scorer.cost();
  return result;
}

}  // namespace qbench::quality
