#include "engine/session.h"

#include <algorithm>

#include "base/check.h"
#include "base/clock.h"
#include "base/error.h"
#include "engine/fed_decode.h"
#include "engine/lane.h"

namespace qbench::engine {
namespace {

constexpr std::int64_t kDefaultContext = 4096;
constexpr std::int64_t kScoreRows = 64;  // rows of logits held at once while scoring: 39 MB at Qwen's vocabulary

SessionOptions settle(SessionOptions options, const model::Model& model) {
  const formats::ModelConfig& config = model.config();
  if (options.context < 0) throw Error(ErrorCode::kUsage, "must be 1 or more, not " + std::to_string(options.context), "--context");
  if (options.sequences < 1 || options.sequences > model.max_tokens()) {
    throw Error(ErrorCode::kUsage, "must be from 1 to the " + std::to_string(model.max_tokens()) + " tokens of a step, not " + std::to_string(options.sequences),
                "--batch");
  }
  if (options.kv_window < 0 || options.kv_sinks < 0 || (options.kv_sinks > 0 && options.kv_sinks >= options.kv_window)) {
    throw Error(ErrorCode::kUsage, "sinks " + std::to_string(options.kv_sinks) + " and window " + std::to_string(options.kv_window) +
                                       ": expected 0 or more, and fewer sinks than the window has positions", "--kv-sinks");
  }
  if (options.context == 0) options.context = std::min(config.context, kDefaultContext);
  if (options.context > config.context) {
    throw Error(ErrorCode::kContext, "--context " + std::to_string(options.context) + " is more than the model's " + std::to_string(config.context) + " positions");
  }
  if (options.sampling_vocab == 0) options.sampling_vocab = config.vocab;
  options.sampling_vocab = std::min(options.sampling_vocab, config.vocab);
  return options;
}

/// What the cache does not hold of the lane's prompt.
std::span<const std::int32_t> uncached(const GenerateRequest& request, const Lane& lane) {
  return std::span(request.prompts[static_cast<std::size_t>(lane.sequence)]).subspan(static_cast<std::size_t>(lane.result->cached_tokens));
}

bool is_set(const std::atomic<bool>* flag) { return flag != nullptr && flag->load(std::memory_order_relaxed); }

}  // namespace

std::string_view name_of(StopReason reason) noexcept {
  switch (reason) {
    case StopReason::kMaxTokens: return "max_tokens";
    case StopReason::kEos: return "eos";
    case StopReason::kStopString: return "stop_string";
    case StopReason::kContextFull: return "context_full";
    case StopReason::kInterrupted: return "interrupted";
  }
  return "unknown";
}

backend::KvPolicy kv_policy(std::int64_t window, std::int64_t sinks, std::int64_t max_step_tokens) {
  if (window == 0) return {};
  return {window, sinks, std::min(std::clamp<std::int64_t>(window / 4, 64, 512), max_step_tokens)};
}

Session::Session(model::Model& model, const SessionOptions& options) : model_(&model), options_(settle(options, model)) {
  const backend::KvPolicy policy = kv_policy(options_.kv_window, options_.kv_sinks, model.max_tokens());
  chunk_ = policy.window > 0 ? policy.step : model.max_tokens();
  cache_ = model.make_cache(options_.sequences, options_.context, options_.kv_dtype, policy);
  if (options_.feed_on_device) loop_ = model.make_token_loop(options_.sequences);
  const auto steps = static_cast<std::size_t>(std::max(model.max_tokens(), options_.sequences));
  logits_.resize(static_cast<std::size_t>(options_.sequences * model.config().vocab));
  ids_.resize(steps);
  positions_.resize(steps);
  slots_.resize(steps);
  rows_.resize(steps);
}

bool Session::feed_chunks(std::int64_t sequence, std::int64_t position, std::span<const std::int32_t> ids, const std::atomic<bool>* cancel,
                          bool pick) {
  const auto chunk_size = static_cast<std::size_t>(chunk_);
  for (std::size_t first = 0; first < ids.size(); first += chunk_size) {
    if (is_set(cancel)) return false;
    const auto chunk = ids.subspan(first, std::min(chunk_size, ids.size() - first));
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      positions_[i] = static_cast<std::int32_t>(position + static_cast<std::int64_t>(first + i));
      slots_[i] = static_cast<std::int32_t>(sequence);
    }
    const bool last = first + chunk.size() == ids.size();
    rows_[0] = static_cast<std::int32_t>(chunk.size() - 1);
    const backend::Batch batch{chunk, std::span(positions_).first(chunk.size()), std::span(slots_).first(chunk.size())};
    if (last && pick) {
      model_->forward_first(batch, *cache_, sequence, *loop_);
    } else {
      model_->forward(batch, *cache_, std::span(rows_).first(last ? 1 : 0), logits_);
    }
  }
  return true;
}

void Session::decode_step(std::vector<Lane>& lanes, std::vector<Sampler>& samplers) {
  std::size_t n = 0;
  for (const Lane& lane : lanes) {
    if (!lane.running) continue;
    ids_[n] = lane.last_id;
    positions_[n] = static_cast<std::int32_t>(lane.position);
    slots_[n] = static_cast<std::int32_t>(lane.sequence);
    rows_[n] = static_cast<std::int32_t>(n);
    ++n;
  }
  model_->forward({std::span(ids_).first(n), std::span(positions_).first(n), std::span(slots_).first(n)}, *cache_, std::span(rows_).first(n), logits_);
  const auto vocab = static_cast<std::size_t>(model_->config().vocab);
  std::size_t row = 0;
  for (Lane& lane : lanes) {
    if (!lane.running) continue;
    ++lane.position;
    const std::int32_t id = lane.choose(samplers[static_cast<std::size_t>(lane.sequence)], std::span(logits_).subspan(row++ * vocab, vocab));
    lane.accept(id, now_ns(), options_.context);
  }
}

void Session::check_ids(std::span<const std::int32_t> ids) const {
  for (const std::int32_t id : ids) {
    if (id >= 0 && id < model_->config().vocab) continue;
    throw Error(ErrorCode::kUsage, "token id " + std::to_string(id) + " is outside the model's vocabulary of " + std::to_string(model_->config().vocab));
  }
}

std::vector<Lane> Session::make_lanes(const GenerateRequest& request, std::vector<Generation>& results) const {
  std::vector<Lane> lanes;
  lanes.reserve(results.size());
  for (std::size_t s = 0; s < results.size(); ++s) {
    const auto& prompt = request.prompts[s];
    const auto length = static_cast<std::int64_t>(prompt.size());
    if (prompt.empty()) throw Error(ErrorCode::kUsage, "the prompt has no tokens; give at least one");
    if (length > options_.context) {
      throw Error(ErrorCode::kContext, "the prompt has " + std::to_string(length) + " tokens, the context holds " + std::to_string(options_.context) +
                                           "; give a larger --context or a shorter prompt");
    }
    check_ids(prompt);
    results[s].prompt_tokens = length;
    const auto room = static_cast<std::size_t>(std::min(request.max_new_tokens, options_.context - length + 1));
    results[s].output_ids.reserve(room);
    results[s].token_ns.reserve(room);
    lanes.push_back({.sequence = static_cast<std::int64_t>(s), .request = &request, .result = &results[s], .position = length, .decoder = {}, .text = {},
                     .thought = Thought(request.thinking ? &*request.thinking : nullptr)});
    if (!request.stop.empty() && request.tokenizer != nullptr) lanes.back().decoder.emplace(*request.tokenizer);
  }
  return lanes;
}

std::vector<Generation> Session::generate(const GenerateRequest& request) {
  QB_CHECK(!request.prompts.empty() && static_cast<std::int64_t>(request.prompts.size()) <= options_.sequences);
  if (request.max_new_tokens < 1) throw Error(ErrorCode::kUsage, "must be 1 or more, not " + std::to_string(request.max_new_tokens), "--max-new-tokens");
  validate(request.sampling);
  std::vector<Generation> results(request.prompts.size());
  std::vector<Lane> lanes = make_lanes(request, results);
  if (request.reuse_prefix) find_prefixes(request, results);
  held_.clear();  // a generation that fails leaves nothing to reuse
  if (feeds_on_device() && !request.thinking) {
    generate_on_device(request, lanes);
  } else {
    generate_on_host(request, lanes);
  }
  if (request.reuse_prefix) hold_prefixes(request, results);
  return results;
}

void Session::generate_on_host(const GenerateRequest& request, std::vector<Lane>& lanes) {
  std::vector<Sampler> samplers;
  for (std::size_t s = 0; s < lanes.size(); ++s) {
    SamplingParams sampling = request.sampling;
    sampling.seed += s;
    samplers.emplace_back(sampling, options_.sampling_vocab, request.prompts[s]);
  }
  for (std::size_t s = 0; s < lanes.size(); ++s) {
    Lane& lane = lanes[s];
    lane.result->prefill_start_ns = now_ns();
    if (!feed_chunks(lane.sequence, lane.result->cached_tokens, uncached(request, lane), request.cancel)) {
      lane.stop(StopReason::kInterrupted);
      continue;
    }
    const std::int32_t id = lane.choose(samplers[s], std::span(logits_).first(static_cast<std::size_t>(model_->config().vocab)));
    lane.accept(id, now_ns(), options_.context);
  }
  while (std::any_of(lanes.begin(), lanes.end(), [](const Lane& l) { return l.running; })) {
    if (is_set(request.cancel)) {
      for (Lane& lane : lanes) {
        if (lane.running) lane.stop(StopReason::kInterrupted);
      }
      break;
    }
    decode_step(lanes, samplers);
  }
}

void Session::generate_on_device(const GenerateRequest& request, std::vector<Lane>& lanes) {
  loop_->start(request.sampling, options_.sampling_vocab, options_.context, request.prompts);
  std::size_t most = 0;
  for (const Lane& lane : lanes) most = std::max(most, lane.result->output_ids.capacity());
  FedDecode decode(*model_, *cache_, *loop_, lanes, options_.context, static_cast<std::int64_t>(most) + kStepsAhead);
  for (Lane& lane : lanes) {
    lane.result->prefill_start_ns = now_ns();
    if (feed_chunks(lane.sequence, lane.result->cached_tokens, uncached(request, lane), request.cancel, true)) {
      decode.take_first(lane);
    } else {
      lane.stop(StopReason::kInterrupted);
    }
  }
  decode.run(request.cancel);
}

void Session::decode(std::span<const std::int32_t> ids, std::int64_t position, std::int64_t steps) {
  QB_CHECK(steps > 0 && static_cast<std::int64_t>(ids.size()) % steps == 0);
  const std::size_t count = ids.size() / static_cast<std::size_t>(steps);
  QB_CHECK(count > 0 && static_cast<std::int64_t>(count) <= options_.sequences && position >= 0 && position + steps <= options_.context);
  check_ids(ids);
  forget_prefix();
  if (!feeds_on_device()) {
    for (std::int64_t step = 0; step < steps; ++step) decode_once(ids.subspan(static_cast<std::size_t>(step) * count, count), position + step);
    return;
  }
  std::vector<std::vector<std::int32_t>> prompts;
  std::vector<backend::FedSequence> fed;
  for (std::size_t s = 0; s < count; ++s) {
    prompts.push_back({ids[s]});
    fed.push_back({static_cast<std::int64_t>(s), ids[s], position});
  }
  loop_->start({}, options_.sampling_vocab, options_.context, prompts);
  loop_->feed(fed);
  model_->forward_fed(*cache_, *loop_);
  for (std::int64_t step = 1; step < steps; ++step) {
    if (!loop_->repeat_step()) model_->forward_fed(*cache_, *loop_);
  }
  loop_->wait();
}

void Session::feed(std::int64_t sequence, std::int64_t position, std::span<const std::int32_t> ids) {
  QB_CHECK(position >= 0 && position + static_cast<std::int64_t>(ids.size()) <= options_.context);
  check_ids(ids);
  forget_prefix();
  feed_chunks(sequence, position, ids, nullptr);
}

void Session::decode_once(std::span<const std::int32_t> ids, std::int64_t position) {
  for (std::size_t s = 0; s < ids.size(); ++s) {
    positions_[s] = static_cast<std::int32_t>(position);
    slots_[s] = rows_[s] = static_cast<std::int32_t>(s);
  }
  model_->forward({ids, std::span(positions_).first(ids.size()), std::span(slots_).first(ids.size())}, *cache_, std::span(rows_).first(ids.size()), logits_);
}

void Session::score(std::span<const std::int32_t> ids, std::int64_t first_row, const std::function<void(std::int64_t, std::span<const float>)>& on_logits) {
  const auto total = static_cast<std::int64_t>(ids.size());
  check_ids(ids);
  for (std::int64_t first = 0; first < total;) first = score_step(ids, first, chunk_, first_row, on_logits);
}

std::int64_t Session::score_step(std::span<const std::int32_t> ids, std::int64_t first, std::int64_t most, std::int64_t first_row,
                                 const std::function<void(std::int64_t, std::span<const float>)>& on_logits) {
  QB_CHECK(most >= 1 && most <= chunk_ && first >= 0 && first < static_cast<std::int64_t>(ids.size()));
  if (static_cast<std::int64_t>(ids.size()) > options_.context) {
    throw Error(ErrorCode::kContext, std::to_string(ids.size()) + " tokens do not fit the context of " + std::to_string(options_.context));
  }
  forget_prefix();
  const auto vocab = static_cast<std::size_t>(model_->config().vocab);
  const std::int64_t step = std::min(kScoreRows, most);
  const bool wanted = first + step > first_row;
  const std::int64_t count = std::min(wanted ? step : std::min(most, first_row - first), static_cast<std::int64_t>(ids.size()) - first);
  score_logits_.resize(static_cast<std::size_t>(step) * vocab);
  std::size_t rows = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    positions_[at] = static_cast<std::int32_t>(first + i);
    slots_[at] = 0;
    if (first + i >= first_row) rows_[rows++] = static_cast<std::int32_t>(i);
  }
  const auto n = static_cast<std::size_t>(count);
  model_->forward({ids.subspan(static_cast<std::size_t>(first), n), std::span(positions_).first(n), std::span(slots_).first(n)}, *cache_,
                  std::span(rows_).first(rows), score_logits_);
  for (std::size_t r = 0; r < rows; ++r) on_logits(first + rows_[r], std::span<const float>(score_logits_).subspan(r * vocab, vocab));
  return first + count;
}

}  // namespace qbench::engine
