#include "engine/perplexity.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"

namespace qbench::engine {
namespace {

/// -log softmax(logits)[id] in nats; sums in double.
double negative_log_likelihood(std::span<const float> logits, std::int32_t id) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const float value : logits) sum += std::exp(static_cast<double>(value) - top);
  return std::log(sum) - (static_cast<double>(logits[static_cast<std::size_t>(id)]) - top);
}

void require_finite(std::span<const float> logits, std::int64_t row) {
  const auto broken = std::find_if_not(logits.begin(), logits.end(), [](float l) { return std::isfinite(l); });
  if (broken == logits.end()) return;
  throw Error(ErrorCode::kDevice, "the logit of token id " + std::to_string(broken - logits.begin()) + " after token " + std::to_string(row) +
                                      " is not a finite number; the model's weights are broken, or its activations leave the range of --precision or --kv-type",
              "perplexity");
}

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

}  // namespace

PerplexityResult measure_perplexity(Session& session, std::span<const std::int32_t> ids, const PerplexityOptions& options) {
  session.check_ids(ids);
  if (options.context < 1) throw Error(ErrorCode::kUsage, "must be 1 or more, not " + std::to_string(options.context), "--context");
  const bool all = options.method == PerplexityMethod::kAll;
  const auto total = static_cast<std::int64_t>(ids.size());
  const std::int64_t window = all ? std::min(options.context, total) : options.context;
  if (all ? total < 2 : total < 2 * window || window < 4) {
    throw Error(ErrorCode::kUsage, "perplexity: " + std::to_string(total) + " tokens are too few; " +
                                       (all ? std::string("--method all needs at least 2")
                                            : "the llama.cpp method needs twice the context (" + std::to_string(2 * window) + "); lower --context or use --method all"));
  }
  std::int64_t chunks = all ? (total + window - 1) / window : total / window;
  if (options.max_chunks > 0) chunks = std::min(chunks, options.max_chunks);
  const std::int64_t first_scored = all ? 0 : window / 2;
  std::vector<double> losses;
  std::int64_t row = 0;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    const auto start = static_cast<std::size_t>(chunk * window);
    const std::size_t length = std::min(static_cast<std::size_t>(window), ids.size() - start);
    std::vector<std::int32_t> fed(ids.begin() + static_cast<std::ptrdiff_t>(start), ids.begin() + static_cast<std::ptrdiff_t>(start + length));
    const std::vector<std::int32_t> original = fed;
    if (!all && options.bos_id >= 0) fed[0] = options.bos_id;
    session.score(fed, first_scored, [&](std::int64_t index, std::span<const float> logits) {
      require_finite(logits, chunk * window + index);
      if (options.on_logits) options.on_logits(row, logits);
      ++row;
      const auto next = static_cast<std::size_t>(index) + 1;
      if (next < original.size()) losses.push_back(negative_log_likelihood(logits, original[next]));
    });
  }
  if (losses.empty()) throw Error(ErrorCode::kUsage, "perplexity: no token could be scored");
  PerplexityResult result = summarise(losses, chunks);
  if (!std::isfinite(result.perplexity) || !std::isfinite(result.standard_error)) {
    throw Error(ErrorCode::kDevice, "the mean loss of " + std::to_string(result.mean_nll) + " nats per token is beyond what a perplexity can be; " +
                                        "the model's weights are broken", "perplexity");
  }
  return result;
}

}  // namespace qbench::engine
