#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/sampler.h"
#include "engine/thought.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace qbench::engine {

enum class StopReason { kMaxTokens, kEos, kStopString, kContextFull, kInterrupted };
std::string_view name_of(StopReason reason) noexcept;  ///< "max_tokens", "eos", "stop_string", "context_full", "interrupted"

struct SessionOptions {
  std::int64_t context = 0;                          ///< positions per sequence; 0: min(checkpoint's context, 4096)
  std::int64_t sequences = 1;                        ///< --batch
  tensor::DType kv_dtype = tensor::DType::kF16;      ///< --kv-type
  std::int64_t kv_window = 0;                        ///< --kv-window: latest positions that stay visible; 0: all
  std::int64_t kv_sinks = 0;                         ///< --kv-sinks: first positions that do; below kv_window
  std::int64_t sampling_vocab = 0;                   ///< ids from here on are never sampled; 0: the model's vocab
  /// Tokens are picked on the device and fed to the next step there, where the device has that; false: logits come to the host each step.
  bool feed_on_device = true;
};

/// The cache policy of such options. Prompts are fed in steps of a quarter of the window (64 to 512 tokens, at most max_step_tokens), so that the
/// ring takes little more than window and sinks.
backend::KvPolicy kv_policy(std::int64_t window, std::int64_t sinks, std::int64_t max_step_tokens);

/// What to generate for each of the session's sequences; all sequences run the same prompt length class independently.
struct GenerateRequest {
  std::vector<std::vector<std::int32_t>> prompts;    ///< one per sequence (1 to SessionOptions::sequences)
  SamplingParams sampling;                           ///< sequence s draws with seed + s
  std::int64_t max_new_tokens = 256;
  bool ignore_eos = false;                           ///< EOS does not stop and is not masked
  std::vector<std::int32_t> eos_ids;
  std::vector<std::string> stop;                     ///< needs a tokenizer
  const text::Tokenizer* tokenizer = nullptr;
  /// Called with each token of sequence 0 after its stamp. What it takes delays the next token, on a device that feeds itself only when it
  /// takes longer than the steps that are launched ahead. False stops.
  std::function<bool(std::int32_t id)> on_token;
  /// Of every sequence. The host picks tokens and feeds each step then, also on a device that could feed itself: where a thought ends is
  /// known only when its last token is.
  std::optional<ThinkingRule> thinking;
  /// Prompts begin behind what their sequence's cache holds of them already, from the latest generation that had this set; the last token
  /// of a prompt always runs. Error{kUnsupported} with a windowed cache, which may have dropped those positions.
  bool reuse_prefix = false;
  const std::atomic<bool>* cancel = nullptr;         ///< looked at before each step, also between the chunks of a prompt; true ends the generation as interrupted
};

/// One sequence's outcome. Stamps are now_ns() values, taken into memory that was allocated before the start.
struct Generation {
  std::vector<std::int32_t> output_ids;              ///< EOS included when it ended the generation
  std::vector<std::int64_t> token_ns;                ///< (output) when each id was known on the host
  std::int64_t prefill_start_ns = 0;
  StopReason stop_reason = StopReason::kMaxTokens;
  std::int64_t prompt_tokens = 0;
  std::int64_t cached_tokens = 0;                    ///< of the prompt, that the cache held already
  ThoughtEnd thought_end = ThoughtEnd::kNone;        ///< with a ThinkingRule
  std::int64_t thought_tokens = 0;                   ///< with a ThinkingRule: of output_ids, up to and with the thought's end
  std::int64_t forced_tokens = 0;                    ///< of these, the last ones: what closed it
  std::int64_t discarded_tokens = 0;                 ///< picked on the device past the stop, by steps that were launched ahead
};

struct Lane;

/// A model with a KV cache: prefill in chunks, decode, for one or several sequences.
class Session {
 public:
  /// Error{kContext} for more positions than the model has, {kUsage} for absurd options, {kMemory}, {kUnsupported}: those of the cache.
  Session(model::Model& model, const SessionOptions& options);

  /// Error{kContext} before anything runs when a prompt does not leave room for one token; a generation that reaches the end of the context
  /// stops as kContextFull. Nothing is ever shifted.
  std::vector<Generation> generate(const GenerateRequest& request);

  /// Nothing in the cache is reused by the next generation. What feed(), decode() and score() write does so too.
  void forget_prefix() { held_.clear(); }

  /// Feeds ids to a sequence from `position` on without sampling, in chunks (bench: depth and prompt tests).
  void feed(std::int64_t sequence, std::int64_t position, std::span<const std::int32_t> ids);
  /// `steps` decode steps of `sequences` sequences, the first at `position`, the next ones behind it; ends when all have run. ids: (steps,
  /// sequences). A device that feeds itself starts from the first row and goes on with what it picks greedily; else each step takes its row,
  /// and its logits are computed and dropped.
  void decode(std::span<const std::int32_t> ids, std::int64_t position, std::int64_t steps);

  /// Teacher-forced logits: for each token of ids (at positions 0..), on_logits(index, logits) with logits (vocab, padding rows included).
  /// `first_row`: rows before it are not computed. Uses sequence 0.
  /// Where several sessions are compared, score_step() runs one step of it.
  void score(std::span<const std::int32_t> ids, std::int64_t first_row, const std::function<void(std::int64_t, std::span<const float>)>& on_logits);

  /// The ids have passed check_ids(). The step of score() that begins at `first` and takes at most `most` tokens (at most chunk()); returns where the next one begins.
  std::int64_t score_step(std::span<const std::int32_t> ids, std::int64_t first, std::int64_t most, std::int64_t first_row,
                          const std::function<void(std::int64_t, std::span<const float>)>& on_logits);
  std::int64_t chunk() const { return chunk_; }  ///< most tokens of a sequence in one step

  /// Error{kUsage} naming the first id that the model has no embedding for. Everything that takes ids does this first.
  void check_ids(std::span<const std::int32_t> ids) const;

  std::int64_t context() const { return options_.context; }
  std::uint64_t kv_bytes() const { return cache_->device_bytes(); }
  std::int64_t sequences() const { return options_.sequences; }
  /// Whether the keys and values of every position stay in the cache: without --kv-window.
  bool keeps_all_positions() const { return options_.kv_window == 0; }
  model::Model& model() { return *model_; }

  /// Whether tokens are picked on the device and fed to the next step there.
  bool feeds_on_device() const { return loop_ != nullptr && !host_feeds_; }
  /// Whether the host picks tokens and feeds each step, also where the device could: between such steps each can be timed, taken apart and
  /// exchanged, and none runs ahead of a pass's end.
  void feed_from_host(bool host_feeds) { host_feeds_ = host_feeds; }

 private:
  /// False when `cancel` was set before one of the chunks: the rest was not fed. pick: the device picks the token that follows.
  bool feed_chunks(std::int64_t sequence, std::int64_t position, std::span<const std::int32_t> ids, const std::atomic<bool>* cancel,
                   bool pick = false);
  std::vector<Lane> make_lanes(const GenerateRequest& request, std::vector<Generation>& results) const;
  void find_prefixes(const GenerateRequest& request, std::vector<Generation>& results) const;
  void hold_prefixes(const GenerateRequest& request, const std::vector<Generation>& results);
  void generate_on_host(const GenerateRequest& request, std::vector<Lane>& lanes);
  void generate_on_device(const GenerateRequest& request, std::vector<Lane>& lanes);
  void decode_step(std::vector<Lane>& lanes, std::vector<Sampler>& samplers);
  void decode_once(std::span<const std::int32_t> ids, std::int64_t position);

  model::Model* model_;
  SessionOptions options_;
  std::int64_t chunk_ = 0;
  std::vector<float> score_logits_;                  // (score rows, vocab)
  std::unique_ptr<backend::KvCache> cache_;
  std::unique_ptr<backend::TokenLoop> loop_;         // null: the host samples
  std::vector<std::vector<std::int32_t>> held_;      // (sequences or none) ids whose K and V the cache holds from position 0 on
  bool host_feeds_ = false;                          // also where there is a loop
  std::vector<float> logits_;                        // (sequences, vocab); (1, vocab) at least
  std::vector<std::int32_t> ids_, positions_, slots_, rows_;  // (max step tokens) scratch of one step
};

}  // namespace qbench::engine
