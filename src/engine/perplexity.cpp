#include "engine/perplexity.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "engine/log_softmax.h"

namespace qbench::engine {
namespace {

PerplexityResult summarise(const std::vector<double>& losses, std::int64_t chunks) {
  PerplexityResult result;
  const auto n = static_cast<double>(losses.size());
  for (const double loss : losses) result.mean_nll += loss / n;
  double squares = 0.0;
  for (const double loss : losses) squares += (loss - result.mean_nll) * (loss - result.mean_nll);
  result.perplexity = std::exp(result.mean_nll);
  result.standard_error = losses.size() > 1 ? std::sqrt(squares / (n - 1.0) / n) * result.perplexity : 0.0;
  result.tokens_scored = static_cast<std::int64_t>(losses.size());
  result.chunks = chunks;
  return result;
}

/// log of the sum of exp(logit), in double.
double log_sum(std::span<const float> logits) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const float value : logits) sum += std::exp(static_cast<double>(value) - top);
  return top + std::log(sum);
}

/// KL(p || q) in nats of the softmax of two rows of logits.
double divergence(std::span<const float> p, std::span<const float> q) {
  const double p_sum = log_sum(p), q_sum = log_sum(q);
  double kl = 0.0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double log_p = static_cast<double>(p[i]) - p_sum;
    kl += std::exp(log_p) * (log_p - (static_cast<double>(q[i]) - q_sum));
  }
  return std::max(kl, 0.0);  // rounding of equal rows
}

std::ptrdiff_t likeliest(std::span<const float> logits) { return std::max_element(logits.begin(), logits.end()) - logits.begin(); }

/// What one session has predicted so far.
struct Tally {
  std::vector<double> losses;
  double kl = 0.0, largest_kl = 0.0;
  std::int64_t rows = 0, same_top = 0;
  std::vector<float> step;  ///< logits of the present step, of the first session
};

/// Which tokens are scored.
struct Windows {
  std::int64_t length = 0, count = 0, first_scored = 0;
};

Windows cut(std::int64_t total, const PerplexityOptions& options) {
  if (options.context < 1) throw Error(ErrorCode::kUsage, "must be 1 or more, not " + std::to_string(options.context), "--context");
  const bool all = options.method == PerplexityMethod::kAll;
  Windows windows;
  windows.length = all ? std::min(options.context, total) : options.context;
  if (all ? total < 2 : total < 2 * windows.length || windows.length < 4) {
    throw Error(ErrorCode::kUsage, "perplexity: " + std::to_string(total) + " tokens are too few; " +
                                       (all ? std::string("--method all needs at least 2")
                                            : "the llama.cpp method needs twice the context (" + std::to_string(2 * windows.length) +
                                                  "); lower --context or use --method all"));
  }
  windows.count = all ? (total + windows.length - 1) / windows.length : total / windows.length;
  if (options.max_chunks > 0) windows.count = std::min(windows.count, options.max_chunks);
  windows.first_scored = all ? 0 : windows.length / 2;
  return windows;
}

/// One step of one window through one session.
struct Step {
  std::span<const std::int32_t> fed, original;
  std::int64_t first, most, first_scored, offset;  ///< offset: of the window in the text
};

/// `reference`: the first session's tally, nullptr for itself. Returns where the next step begins.
std::int64_t run_step(Session& session, const Step& step, const PerplexityOptions& options, bool keep, Tally& tally, const Tally* reference) {
  tally.step.clear();
  std::size_t row = 0;
  return session.score_step(step.fed, step.first, step.most, step.first_scored, [&](std::int64_t index, std::span<const float> logits) {
    require_finite(logits, step.offset + index, "perplexity");
    const std::size_t at = row++;
    if (reference == nullptr && options.on_logits) options.on_logits(tally.rows, logits);
    ++tally.rows;
    if (keep) tally.step.insert(tally.step.end(), logits.begin(), logits.end());
    const auto next = static_cast<std::size_t>(index) + 1;
    if (next >= step.original.size()) return;
    tally.losses.push_back(-log_softmax_at(logits, step.original[next]));
    if (reference == nullptr) return;
    const std::span<const float> expected = std::span(reference->step).subspan(at * logits.size(), logits.size());
    const double kl = divergence(expected, logits);
    tally.kl += kl;
    tally.largest_kl = std::max(tally.largest_kl, kl);
    tally.same_top += likeliest(expected) == likeliest(logits) ? 1 : 0;
  });
}

ComparedPerplexity finish(const Tally& tally, std::int64_t windows, bool is_reference) {
  if (tally.losses.empty()) throw Error(ErrorCode::kUsage, "perplexity: no token could be scored");
  ComparedPerplexity compared;
  compared.result = summarise(tally.losses, windows);
  if (!std::isfinite(compared.result.perplexity) || !std::isfinite(compared.result.standard_error)) {
    throw Error(ErrorCode::kDevice, "the mean loss of " + std::to_string(compared.result.mean_nll) +
                                        " nats per token is beyond what a perplexity can be; the model's weights are broken", "perplexity");
  }
  if (is_reference) return compared;
  const auto scored = static_cast<double>(tally.losses.size());
  compared.mean_kl = tally.kl / scored;
  compared.largest_kl = tally.largest_kl;
  compared.same_top_ratio = static_cast<double>(tally.same_top) / scored;
  return compared;
}

}  // namespace

std::vector<ComparedPerplexity> compare_perplexity(std::span<Session* const> sessions, std::span<const std::int32_t> ids,
                                                   const PerplexityOptions& options) {
  QB_CHECK(!sessions.empty());
  sessions[0]->check_ids(ids);
  const Windows windows = cut(static_cast<std::int64_t>(ids.size()), options);
  std::int64_t most = sessions[0]->chunk();
  for (Session* session : sessions) most = std::min(most, session->chunk());
  std::vector<Tally> tallies(sessions.size());
  for (std::int64_t window = 0; window < windows.count; ++window) {
    const auto start = static_cast<std::size_t>(window * windows.length);
    const auto original = ids.subspan(start, std::min(static_cast<std::size_t>(windows.length), ids.size() - start));
    std::vector<std::int32_t> fed(original.begin(), original.end());
    if (options.method == PerplexityMethod::kLlamaCpp && options.bos_id >= 0) fed[0] = options.bos_id;
    sessions[0]->check_ids(fed);
    for (std::int64_t first = 0; first < static_cast<std::int64_t>(fed.size());) {
      const Step step{fed, original, first, most, windows.first_scored, window * windows.length};
      for (std::size_t s = 0; s < sessions.size(); ++s) {
        first = run_step(*sessions[s], step, options, s == 0 && sessions.size() > 1, tallies[s], s == 0 ? nullptr : &tallies[0]);
      }
    }
  }
  std::vector<ComparedPerplexity> results;
  for (const Tally& tally : tallies) results.push_back(finish(tally, windows.count, results.empty()));
  return results;
}

PerplexityResult measure_perplexity(Session& session, std::span<const std::int32_t> ids, const PerplexityOptions& options) {
  Session* const only[] = {&session};
  return compare_perplexity(only, ids, options).front().result;
}

}  // namespace qbench::engine
