#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/session.h"

namespace qbench::engine {

enum class PerplexityMethod {
  kLlamaCpp,  ///< chunks of the context, BOS first where the tokenizer adds one, the second half of each scored, as llama-perplexity does
  kAll,       ///< every token after the first, one window (or windows of the context, each on its own)
};

struct PerplexityResult {
  double perplexity = 0.0;
  double standard_error = 0.0;       ///< of the perplexity, by the delta method over token losses
  double mean_nll = 0.0;             ///< nats per token
  std::int64_t tokens_scored = 0;
  std::int64_t chunks = 0;
};

struct PerplexityOptions {
  PerplexityMethod method = PerplexityMethod::kLlamaCpp;
  std::int64_t context = 512;
  std::int64_t max_chunks = 0;       ///< 0: all
  std::int32_t bos_id = -1;          ///< replaces the first token of each chunk (llama.cpp) when >= 0
  /// Every computed row of logits in token order (kAll) or chunk order; row index counts up. May be empty.
  std::function<void(std::int64_t row, std::span<const float> logits)> on_logits;
};

/// What a session predicts beside the first one of a comparison.
struct ComparedPerplexity {
  PerplexityResult result;
  double mean_kl = 0.0;         ///< nats per scored token: of its distribution from the first session's, KL(first || this)
  double largest_kl = 0.0;
  double same_top_ratio = 1.0;  ///< scored tokens at which both find the same token likeliest
};

/// The same tokens through several sessions of one model, step by step, so that only one step's logits are held. The first is what the others are
/// compared with. Errors of measure_perplexity.
std::vector<ComparedPerplexity> compare_perplexity(std::span<Session* const> sessions, std::span<const std::int32_t> ids, const PerplexityOptions& options);

/// Error{kUsage} when there are too few tokens for the method or an id is outside the vocabulary; {kDevice} when a logit or the perplexity is
/// no finite number: there is no perplexity then.
PerplexityResult measure_perplexity(Session& session, std::span<const std::int32_t> ids, const PerplexityOptions& options);

}  // namespace qbench::engine
