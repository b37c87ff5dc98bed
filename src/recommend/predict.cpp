#include "recommend/predict.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/random.h"
#include "recommend/predictive.h"
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
  bool prompt_tokens_measured = false;
  std::vector<double> outputs;
  double most_output = std::numeric_limits<double>::infinity();
  std::vector<std::optional<double>> shares;      ///< by task
  std::vector<std::vector<SpeedPoint>> sessions;  ///< the candidate's speed, apart
  TtftLine line;                                  ///< through all of it
  std::size_t fitted = 1;                         ///< numbers that the line has: with one length of prompts only its slope
  std::vector<double> scatter, gaps;              ///< TTFT over the line's, and ms from token to token, of each point
};

Source source_of(const Candidate& candidate, const TaskNeeds& needs) {
  Source source;
  source.candidate = &candidate;
  const auto seen = candidate.prompt_tokens.find(needs.digest);
  source.prompt_tokens_measured = seen != candidate.prompt_tokens.end();
  source.prompt_tokens = source.prompt_tokens_measured ? seen->second : needs.prompt_tokens;
  source.outputs = like_outputs(candidate, needs);
  double most = 0;
  for (const OutputPoint& output : candidate.outputs) most = std::max({most, output.most.value_or(source.most_output), output.tokens});
  if (most > 0) source.most_output = most;
  if (candidate.speed.empty()) return source;
  std::map<std::int64_t, std::vector<SpeedPoint>> by_session;
  source.line = fit_ttft(candidate.speed);
  for (const SpeedPoint& point : candidate.speed) {
    by_session[point.session].push_back(point);
    if (point.prompt_tokens != candidate.speed.front().prompt_tokens) source.fitted = 2;
    source.scatter.push_back(1 + source.line.relative_residual(point));
    source.gaps.push_back(point.itl_ms);
  }
  for (auto& [session, points] : by_session) source.sessions.push_back(std::move(points));
  return source;
}

/// As many sessions as there are, drawn; and of each as many points as it has.
std::vector<SpeedPoint> resampled_speed(const Source& source, Random& random) {
  std::vector<SpeedPoint> points;
  for (std::size_t i = 0; i < source.sessions.size(); ++i) {
    const std::vector<SpeedPoint> some = resampled(drawn(source.sessions, random), random);
    points.insert(points.end(), some.begin(), some.end());
  }
  return points;
}

/// The middle of what these points and outputs say.
Draw middle_of(const Source& source, const std::vector<SpeedPoint>& points, const std::vector<double>& outputs,
               const std::vector<double>& whole_rates) {
  Draw draw;
  if (!outputs.empty()) draw.output_tokens = *stats::median(outputs);
  if (points.empty()) {
    if (draw.output_tokens && !whole_rates.empty()) draw.e2e_ms = 1e3 * *draw.output_tokens / *stats::median(whole_rates);
    return draw;
  }
  std::vector<double> gaps;
  for (const SpeedPoint& point : points) gaps.push_back(point.itl_ms);
  const double gap = *stats::median(gaps);
  draw.ttft_ms = fit_ttft(points, source.line.base_ms).at(source.prompt_tokens);
  if (gap > 0) draw.decode_tok_per_s = 1e3 / gap;
  if (draw.output_tokens) draw.e2e_ms = *draw.ttft_ms + std::max(0.0, *draw.output_tokens - 1) * gap;
  return draw;
}

bool all_above_zero(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return value > 0; });
}

double further(const std::vector<double>& values, Random& random, std::size_t fitted = 1) {
  return all_above_zero(values) ? draw_further(values, true, random, fitted) : drawn(values, random);
}

/// One further request, which scatters as the measured ones do, about the middle of a resample.
Draw further_request(const Source& source, const Draw& middle, Random& random) {
  Draw draw;
  if (!source.outputs.empty())
    draw.output_tokens =
        source.outputs.size() == 1 ? source.outputs[0] : std::clamp(further(source.outputs, random), 1.0, source.most_output);
  if (!source.candidate->quality.empty())
    draw.quality_score = std::clamp(draw_further(source.candidate->quality, false, random), 0.0, 10.0);
  if (!middle.ttft_ms) {
    if (draw.output_tokens && middle.e2e_ms) draw.e2e_ms = 1e3 * *draw.output_tokens / further(source.candidate->whole_tok_per_s, random);
    return draw;
  }
  const double gap = further(source.gaps, random);
  draw.ttft_ms = *middle.ttft_ms * further(source.scatter, random, source.fitted);
  if (gap > 0) draw.decode_tok_per_s = 1e3 / gap;
  if (draw.output_tokens) draw.e2e_ms = *draw.ttft_ms + std::max(0.0, *draw.output_tokens - 1) * gap;
  return draw;
}

struct LikeTasks {
  std::vector<std::string> names;  ///< sorted
  bool is_like = false;            ///< of like complexity
  bool is_same = true;             ///< each judged candidate had all of them
};

/// Tasks whose outcomes say something about this one.
LikeTasks like_tasks(const Evidence& evidence, const TaskNeeds& needs) {
  std::map<std::string, std::size_t> all, like;  // name: candidates that had it
  std::size_t judged = 0;
  for (const Candidate& candidate : evidence.candidates) {
    judged += candidate.tasks.empty() ? 0 : 1;
    for (const TaskPoint& task : candidate.tasks) {
      ++all[task.task];
      if (task.complexity && std::abs(*task.complexity - needs.complexity.score) <= kLikeComplexity) ++like[task.task];
    }
  }
  LikeTasks out;
  out.is_like = like.size() >= kEnoughTasks;
  std::vector<std::string> shared;
  for (const auto& [name, candidates] : out.is_like ? like : all) {
    out.names.push_back(name);
    if (candidates == judged) shared.push_back(name);
  }
  out.is_same = shared.size() == out.names.size();
  if (!out.is_same && shared.size() >= kEnoughTasks) {
    out.names = shared;
    out.is_same = true;
  }
  return out;
}

/// Of each task the share of the candidate's answers that passed; nothing where none was judged.
std::vector<std::optional<double>> shares_passed(const Candidate& candidate, const std::vector<std::string>& tasks) {
  std::vector<std::optional<double>> shares(tasks.size());
  for (const TaskPoint& task : candidate.tasks) {
    const auto at = std::lower_bound(tasks.begin(), tasks.end(), task.task);
    if (at == tasks.end() || *at != task.task || task.judged == 0) continue;
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

std::optional<Estimate> estimate(const std::optional<double>& value, const std::vector<double>& requests, std::size_t n,
                                 std::size_t least = kLeastForInterval) {
  if (!value) return std::nullopt;
  Estimate out{*value, std::nullopt, std::nullopt, static_cast<std::int64_t>(n)};
  if (n < least || requests.empty()) return out;
  // The interval is the resamples', the value that of all measured together; with few values it may lie at the interval's end.
  out.low = std::min(*stats::quantile(requests, 0.025), *value);
  out.high = std::max(*stats::quantile(requests, 0.975), *value);
  return out;
}

/// What further requests of the resamples came to, quantity by quantity.
struct Requests {
  std::vector<double> ttft, e2e, rate, tokens, quality;
  void add(const Draw& draw) {
    const auto keep = [](std::vector<double>& into, const std::optional<double>& value) {
      if (value) into.push_back(*value);
    };
    keep(ttft, draw.ttft_ms);
    keep(e2e, draw.e2e_ms);
    keep(rate, draw.decode_tok_per_s);
    keep(tokens, draw.output_tokens);
    keep(quality, draw.quality_score);
  }
};

void finish(Prediction& out, const Source& source, const Requests& requests, bool tokens_given) {
  const Candidate& candidate = *source.candidate;
  const Draw middle = middle_of(source, candidate.speed, source.outputs, candidate.whole_tok_per_s);
  const std::size_t points = candidate.speed.empty() ? candidate.whole_tok_per_s.size() : candidate.speed.size();
  const std::size_t least = kLeastForInterval - 1 + source.fitted;
  out.output_tokens = estimate(middle.output_tokens, requests.tokens, source.outputs.size());
  out.ttft_ms = estimate(middle.ttft_ms, requests.ttft, points, least);
  out.e2e_ms = estimate(middle.e2e_ms, requests.e2e, tokens_given ? points : std::min(points, source.outputs.size()), least);
  out.decode_tok_per_s = estimate(middle.decode_tok_per_s, requests.rate, points);
  out.quality_score = estimate(stats::median(candidate.quality), requests.quality, candidate.quality.size());
  out.memory_bytes = candidate.memory_bytes;
  if (out.output_tokens) out.context_tokens = source.prompt_tokens + out.output_tokens->high.value_or(out.output_tokens->value) - 1;
}

/// Share of the tasks that passed, with Wilson's interval.
std::optional<Estimate> success_of(const std::vector<std::optional<double>>& shares, const std::vector<std::size_t>& places) {
  const auto success = mean_at(shares, places);
  if (!success) return std::nullopt;
  const auto judged = std::count_if(shares.begin(), shares.end(), [](const auto& share) { return share.has_value(); });
  const auto interval = stats::wilson_interval(std::min(*success * static_cast<double>(judged), static_cast<double>(judged)), judged);
  return Estimate{*success, interval->low, interval->high, judged};
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
  const LikeTasks tasks = like_tasks(evidence, needs);
  std::vector<Source> sources;
  std::vector<std::size_t> places(tasks.names.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  for (const Candidate& candidate : evidence.candidates) {
    Source& source = sources.emplace_back(source_of(candidate, needs));
    source.shares = shares_passed(candidate, tasks.names);
    Prediction& prediction = out.of.emplace_back();
    prediction.prompt_tokens = source.prompt_tokens;
    prediction.prompt_tokens_measured = source.prompt_tokens_measured;
    prediction.success_of_like_tasks = tasks.is_like;
    prediction.success_of_same_tasks = tasks.is_same;
    prediction.success_ratio = success_of(source.shares, places);
  }
  std::vector<Requests> requests(sources.size());
  for (std::int64_t b = 0; b < resamples; ++b) {
    Random random(1, static_cast<std::uint64_t>(b));
    const std::vector<std::size_t> some_tasks = resampled(places, random);
    std::vector<Draw>& draws = out.draws.emplace_back();
    for (std::size_t c = 0; c < sources.size(); ++c) {
      const Source& source = sources[c];
      Draw& draw = draws.emplace_back(middle_of(source, resampled_speed(source, random), resampled(source.outputs, random),
                                                resampled(source.candidate->whole_tok_per_s, random)));
      draw.success_ratio = mean_at(source.shares, some_tasks);
      if (!source.candidate->quality.empty()) draw.quality_score = stats::median(resampled(source.candidate->quality, random));
      requests[c].add(further_request(source, draw, random));
    }
  }
  for (std::size_t c = 0; c < sources.size(); ++c) finish(out.of[c], sources[c], requests[c], needs.output_tokens.has_value());
  return out;
}

}  // namespace qbench::recommend
