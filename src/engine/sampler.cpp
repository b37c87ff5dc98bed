#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/check.h"
#include "base/draw_weight.h"
#include "base/error.h"

namespace qbench::engine {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

void require(bool ok, const char* option, const std::string& expected, double actual) {
  if (ok) return;
  throw Error(ErrorCode::kUsage, std::string(option) + " is " + std::to_string(actual) + "; expected " + expected);
}

std::int32_t largest(std::span<const float> logits) {
  std::int32_t best = -1;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!std::isfinite(logits[i])) continue;
    if (best < 0 || logits[i] > logits[static_cast<std::size_t>(best)]) best = static_cast<std::int32_t>(i);
  }
  QB_CHECK(best >= 0);
  return best;
}

}  // namespace

void validate(const SamplingParams& p) {
  require(std::isfinite(p.temperature) && p.temperature >= 0.0 && p.temperature <= 100.0, "--temperature", "0 to 100", p.temperature);
  require(p.top_k >= 0, "--top-k", "0 (off) or more", p.top_k);
  require(p.top_p > 0.0 && p.top_p <= 1.0, "--top-p", "above 0, at most 1", p.top_p);
  require(p.min_p >= 0.0 && p.min_p <= 1.0, "--min-p", "0 to 1", p.min_p);
  require(std::isfinite(p.repetition_penalty) && p.repetition_penalty > 0.0 && p.repetition_penalty <= 100.0, "--repetition-penalty", "above 0, at most 100",
          p.repetition_penalty);
  require(std::isfinite(p.presence_penalty) && std::fabs(p.presence_penalty) <= 100.0, "--presence-penalty", "-100 to 100", p.presence_penalty);
  require(std::isfinite(p.frequency_penalty) && std::fabs(p.frequency_penalty) <= 100.0, "--frequency-penalty", "-100 to 100", p.frequency_penalty);
  require(p.no_repeat_ngram >= 0, "--no-repeat-ngram", "0 (off) or more", p.no_repeat_ngram);
}

void throw_no_choice(bool banned, const SamplingParams& params) {
  if (banned) {
    throw Error(ErrorCode::kUsage, "--no-repeat-ngram " + std::to_string(params.no_repeat_ngram) +
                                       " has banned every token that could follow; give a larger one or 0 (off)");
  }
  throw Error(ErrorCode::kDevice, "sampling: no logit is a finite number; the model's weights or the device are broken");
}

Sampler::Sampler(const SamplingParams& params, std::int64_t vocab, std::span<const std::int32_t> history)
    : params_(params),
      vocab_(vocab),
      random_(params.seed),
      history_(history.begin(), history.end()),
      output_counts_(static_cast<std::size_t>(vocab), 0),
      is_seen_(static_cast<std::size_t>(vocab), false) {
  validate(params);
  for (const std::int32_t id : history) remember(id);
}

void Sampler::remember(std::int32_t id) {
  if (id < 0 || id >= vocab_ || is_seen_[static_cast<std::size_t>(id)]) return;
  is_seen_[static_cast<std::size_t>(id)] = true;
  seen_.push_back(id);
}

std::int32_t Sampler::next(std::span<float> all_logits) {
  const std::span<float> logits = all_logits.first(static_cast<std::size_t>(vocab_));
  const bool banned = params_.no_repeat_ngram > 0 && ban_repeated_ngrams(logits);
  require_choice(logits, banned);
  apply_penalties(logits);
  const std::int32_t id = params_.temperature == 0.0 ? largest(logits) : draw(logits);
  take(id);
  return id;
}

void Sampler::take(std::int32_t id) {
  history_.push_back(id);
  if (id >= 0 && id < vocab_) ++output_counts_[static_cast<std::size_t>(id)];
  remember(id);
}

void Sampler::set_temperature(double temperature) {
  params_.temperature = temperature;
  validate(params_);
}

void Sampler::require_choice(std::span<const float> logits, bool banned) const {
  if (std::any_of(logits.begin(), logits.end(), [](float l) { return std::isfinite(l); })) return;
  throw_no_choice(banned, params_);
}

void Sampler::apply_penalties(std::span<float> logits) const {
  const bool repetition = params_.repetition_penalty != 1.0;
  const bool additive = params_.presence_penalty != 0.0 || params_.frequency_penalty != 0.0;
  if (!repetition && !additive) return;
  for (const std::int32_t id : seen_) {
    const auto i = static_cast<std::size_t>(id);
    double value = logits[i];
    if (!std::isfinite(value)) continue;
    if (repetition) value = value > 0.0 ? value / params_.repetition_penalty : value * params_.repetition_penalty;
    if (output_counts_[i] > 0) value -= params_.presence_penalty + params_.frequency_penalty * output_counts_[i];
    constexpr double kLargest = std::numeric_limits<float>::max();
    logits[i] = static_cast<float>(std::clamp(value, -kLargest, kLargest));
  }
}

bool Sampler::ban_repeated_ngrams(std::span<float> logits) const {
  const auto n = static_cast<std::size_t>(params_.no_repeat_ngram);
  if (history_.size() < n) return false;
  bool banned = false;
  const auto tail = history_.end() - static_cast<std::ptrdiff_t>(n - 1);
  for (auto at = history_.begin(); at + static_cast<std::ptrdiff_t>(n) <= history_.end(); ++at) {
    const std::int32_t follower = *(at + static_cast<std::ptrdiff_t>(n - 1));
    if (follower < 0 || follower >= vocab_ || !std::equal(tail, history_.end(), at)) continue;
    float& logit = logits[static_cast<std::size_t>(follower)];
    banned |= std::isfinite(logit);
    logit = kBanned;
  }
  return banned;
}

/// Higher logit first, ties to the lower id: one order on every machine.
bool Sampler::ranks_before(const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.id < b.id; }

void Sampler::gather_candidates(std::span<const float> logits) {
  const float top = logits[static_cast<std::size_t>(largest(logits))];
  const float inverse_temperature = params_.inverse_temperature();
  candidates_.clear();
  ranked_ = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!std::isfinite(logits[i])) continue;
    const std::uint64_t weight = draw_weight((logits[i] - top) * inverse_temperature);
    if (weight > 0) candidates_.push_back({logits[i], static_cast<std::int32_t>(i), weight});
  }
}

const Sampler::Candidate& Sampler::ranked(std::size_t index) {
  if (index >= ranked_) {
    const std::size_t next = std::min(candidates_.size(), std::max<std::size_t>(256, ranked_ * 4));
    std::partial_sort(candidates_.begin() + static_cast<std::ptrdiff_t>(ranked_), candidates_.begin() + static_cast<std::ptrdiff_t>(next),
                      candidates_.end(), ranks_before);
    ranked_ = next;
  }
  return candidates_[index];
}

std::uint64_t Sampler::weight_of_all() const {
  std::uint64_t total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  return total;
}

void Sampler::keep(std::size_t count) {
  ranked(count - 1);
  candidates_.resize(count);
  ranked_ = std::min(ranked_, count);
}

std::int32_t Sampler::draw(std::span<const float> logits) {
  gather_candidates(logits);
  const auto top_k = static_cast<std::size_t>(params_.top_k);
  if (top_k > 0 && top_k < candidates_.size()) {
    while (ranked_ < top_k) ranked(ranked_);
    keep(top_k);
  }
  if (params_.top_p < 1.0) {
    const std::uint64_t wanted = wanted_weight(params_.top_p, weight_of_all());
    std::size_t kept = 0;
    for (std::uint64_t reached = 0; reached < wanted; ++kept) reached += ranked(kept).weight;
    keep(kept);
  }
  const std::uint64_t smallest = params_.smallest_weight();
  std::uint64_t total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight >= smallest ? candidate.weight : 0;
  const std::uint64_t drawn = random_.next_below(total);
  std::uint64_t passed = 0;
  for (std::size_t i = 0;; ++i) {  // ends: the weights add up to more than what was drawn
    const Candidate& candidate = ranked(i);
    passed += candidate.weight >= smallest ? candidate.weight : 0;
    if (passed > drawn) return candidate.id;
  }
}

}  // namespace qbench::engine
