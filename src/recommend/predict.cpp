#include "recommend/predict.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/random.h"
#include "recommend/ttft_line.h"
#include "stats/pass_at_k.h"
#include "stats/summary.h"

namespace qbench::recommend {
namespace {

constexpr double kLikeComplexity = 2;     // points of complexity
constexpr std::size_t kEnoughTasks = 10;  // below, like tasks say less than all together
constexpr std::size_t kEnoughOutputs = 5;

template <class T>
const T& drawn(const std::vector<T>& from, Random& random) {
  return from[random.next_below(from.size())];
}

template <class T>
std::vector<T> resampled(const std::vector<T>& from, Random& random) {
  std::vector<T> out;
  out.reserve(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) out.push_back(drawn(from, random));
  return out;
}

/// Lengths of the answers to prompts of like complexity, or of all where there are few.
std::vector<double> like_outputs(const Candidate& candidate, const TaskNeeds& needs) {
  if (needs.output_tokens) return {*needs.output_tokens};
  std::vector<double> like, all;
  for (const OutputPoint& output : candidate.outputs) {
    all.push_back(output.tokens);
    if (output.complexity && std::abs(*output.complexity - needs.complexity.score) <= kLikeComplexity) like.push_back(output.tokens);
  }
  return like.size() >= kEnoughOutputs ? like : all;
}

/// What the resamples take a candidate's values from.
struct Source {
  const Candidate* candidate = nullptr;
  double prompt_tokens = 0;
  std::vector<double> outputs;
  std::vector<std::optional<double>> shares;  ///< by task
};

/// The values of one request: with `single`, of one that scatters as the measured ones do; else of the middle one.
Draw times(const Source& source, const std::vector<SpeedPoint>& points, const std::vector<double>& outputs, Random* single) {
  Draw draw;
  if (!outputs.empty()) draw.output_tokens = single != nullptr ? drawn(outputs, *single) : *stats::median(outputs);
  if (points.empty()) return draw;
  const TtftLine line = fit_ttft(points);
  double gap = 0;
  if (single != nullptr) {
    const SpeedPoint& point = drawn(points, *single);
    draw.ttft_ms = std::max(0.0, line.at(source.prompt_tokens) * (1 + line.relative_residual(drawn(points, *single))));
    gap = point.itl_ms;
  } else {
    std::vector<double> gaps;
    for (const SpeedPoint& point : points) gaps.push_back(point.itl_ms);
    draw.ttft_ms = line.at(source.prompt_tokens);
    gap = *stats::median(gaps);
  }
  if (gap > 0) draw.decode_tok_per_s = 1e3 / gap;
  if (draw.output_tokens) draw.e2e_ms = *draw.ttft_ms + std::max(0.0, *draw.output_tokens - 1) * gap;
  return draw;
}

/// Tasks whose outcomes say something about this one.
std::vector<std::string> like_tasks(const Evidence& evidence, const TaskNeeds& needs, bool& is_like) {
  std::set<std::string> all, like;
  for (const Candidate& candidate : evidence.candidates) {
    for (const TaskPoint& task : candidate.tasks) {
      all.insert(task.task_id);
      if (task.complexity && std::abs(*task.complexity - needs.complexity.score) <= kLikeComplexity) like.insert(task.task_id);
    }
  }
  is_like = like.size() >= kEnoughTasks;
  const std::set<std::string>& chosen = is_like ? like : all;
  return {chosen.begin(), chosen.end()};
}

/// Of each task the share of the candidate's answers that passed; nothing where none was judged.
std::vector<std::optional<double>> shares_passed(const Candidate& candidate, const std::vector<std::string>& tasks) {
  std::vector<std::optional<double>> shares(tasks.size());
  for (const TaskPoint& task : candidate.tasks) {
    const auto at = std::lower_bound(tasks.begin(), tasks.end(), task.task_id);
    if (at == tasks.end() || *at != task.task_id || task.judged == 0) continue;
    shares[static_cast<std::size_t>(at - tasks.begin())] = static_cast<double>(task.passed) / static_cast<double>(task.judged);
  }
  return shares;
}

/// Mean of the shares at these places.
std::optional<double> mean_at(const std::vector<std::optional<double>>& shares, const std::vector<std::size_t>& places) {
  double sum = 0, n = 0;
  for (const std::size_t place : places) {
    if (!shares[place]) continue;
    sum += *shares[place];
    ++n;
  }
  if (n == 0) return std::nullopt;
  return sum / n;
}

std::optional<Estimate> estimate(const std::optional<double>& value, const std::vector<double>& drawn_values, std::size_t n) {
  if (!value || drawn_values.empty()) return std::nullopt;
  // The interval is the resamples', the value that of all measured together; with few values it may lie at the interval's end.
  const double low = *stats::quantile(drawn_values, 0.025), high = *stats::quantile(drawn_values, 0.975);
  return Estimate{*value, std::min(low, *value), std::max(high, *value), static_cast<std::int64_t>(n)};
}

/// What single requests of the resamples came to, quantity by quantity.
struct Singles {
  std::vector<double> ttft, e2e, rate, tokens;
  void add(const Draw& draw) {
    const auto keep = [](std::vector<double>& into, const std::optional<double>& value) {
      if (value) into.push_back(*value);
    };
    keep(ttft, draw.ttft_ms);
    keep(e2e, draw.e2e_ms);
    keep(rate, draw.decode_tok_per_s);
    keep(tokens, draw.output_tokens);
  }
};

void finish(Prediction& out, const Source& source, const Singles& singles) {
  const Candidate& candidate = *source.candidate;
  const Draw middle = times(source, candidate.speed, source.outputs, nullptr);
  out.output_tokens = estimate(middle.output_tokens, singles.tokens, source.outputs.size());
  out.ttft_ms = estimate(middle.ttft_ms, singles.ttft, candidate.speed.size());
  out.e2e_ms = estimate(middle.e2e_ms, singles.e2e, candidate.speed.size());
  out.decode_tok_per_s = estimate(middle.decode_tok_per_s, singles.rate, candidate.speed.size());
  out.quality_score = estimate(stats::median(candidate.quality), candidate.quality, candidate.quality.size());
  out.memory_bytes = candidate.memory_bytes;
  if (out.output_tokens) out.context_tokens = source.prompt_tokens + out.output_tokens->high;
}

}  // namespace

std::optional<double> Prediction::value(Quantity quantity) const {
  const auto of = [](const std::optional<Estimate>& estimate) { return estimate ? std::optional(estimate->value) : std::nullopt; };
  switch (quantity) {
    case Quantity::kTtftMs:
      return of(ttft_ms);
    case Quantity::kE2eMs:
      return of(e2e_ms);
    case Quantity::kDecodeTokPerS:
      return of(decode_tok_per_s);
    case Quantity::kVramBytes:
      return memory_bytes;
    case Quantity::kContextTokens:
      return context_tokens;
    case Quantity::kSuccessRatio:
      return of(success_ratio);
    case Quantity::kQualityScore:
      return of(quality_score);
    case Quantity::kOutputTokens:
      return of(output_tokens);
  }
  return std::nullopt;
}

Predictions predict(const Evidence& evidence, const TaskNeeds& needs, std::int64_t resamples) {
  Predictions out;
  bool is_like = false;
  const std::vector<std::string> tasks = like_tasks(evidence, needs, is_like);
  std::vector<Source> sources;
  std::vector<std::size_t> places(tasks.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  for (const Candidate& candidate : evidence.candidates) {
    const auto seen = candidate.prompt_tokens.find(needs.digest);
    const bool measured = seen != candidate.prompt_tokens.end();
    sources.push_back(
        {&candidate, measured ? seen->second : needs.prompt_tokens, like_outputs(candidate, needs), shares_passed(candidate, tasks)});
    Prediction& prediction = out.of.emplace_back();
    prediction.prompt_tokens = sources.back().prompt_tokens;
    prediction.prompt_tokens_measured = measured;
    prediction.success_of_like_tasks = is_like;
    const auto& shares = sources.back().shares;
    const auto judged = std::count_if(shares.begin(), shares.end(), [](const auto& share) { return share.has_value(); });
    if (const auto success = mean_at(shares, places)) {
      const auto interval = stats::wilson_interval(std::min(*success * static_cast<double>(judged), static_cast<double>(judged)), judged);
      prediction.success_ratio = Estimate{*success, interval->low, interval->high, judged};
    }
  }
  std::vector<Singles> singles(sources.size());
  for (std::int64_t b = 0; b < resamples; ++b) {
    Random random(1, static_cast<std::uint64_t>(b));
    const std::vector<std::size_t> some_tasks = resampled(places, random);
    std::vector<Draw>& draws = out.draws.emplace_back();
    for (std::size_t c = 0; c < sources.size(); ++c) {
      const std::vector<SpeedPoint> points = resampled(sources[c].candidate->speed, random);
      const std::vector<double> outputs = resampled(sources[c].outputs, random);
      draws.push_back(times(sources[c], points, outputs, nullptr));
      draws.back().success_ratio = mean_at(sources[c].shares, some_tasks);
      if (!sources[c].candidate->quality.empty())
        draws.back().quality_score = stats::median(resampled(sources[c].candidate->quality, random));
      singles[c].add(times(sources[c], points, outputs, &random));
    }
  }
  for (std::size_t c = 0; c < sources.size(); ++c) finish(out.of[c], sources[c], singles[c]);
  return out;
}

}  // namespace qbench::recommend
