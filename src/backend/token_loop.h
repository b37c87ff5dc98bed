#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backend/sampling_params.h"

namespace qbench::backend {

class Buffer;

/// In place of an id, where none could be picked: no logit is a finite number; or only those that no-repeat n-gram has banned were.
inline constexpr std::int32_t kPickedNoFiniteLogit = -1;
inline constexpr std::int32_t kPickedAllBanned = -2;

/// Where a device writes the ids it picks, in memory that the host sees: pick p of sequence s stands, from the moment it is made until pick
/// p + `picks` is, in words[p % picks][s] as (p + 1) << 32 | id. May be read by any thread at any time.
struct TokenRing {
  std::uint64_t* words = nullptr;  // (picks, sequences)
  std::int64_t picks = 0;
  std::int64_t sequences = 0;
  bool timed = true;  ///< false: when a word appears says nothing (an emulated device)

  /// The id, or what is in its place; nothing while the device has not come to it.
  std::optional<std::int32_t> find(std::int64_t sequence, std::int64_t pick) const {
    const std::uint64_t word = std::atomic_ref(words[pick % picks * sequences + sequence]).load(std::memory_order_acquire);
    if (word >> 32 != static_cast<std::uint64_t>(pick + 1)) return std::nullopt;
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(word));
  }
};

/// A sequence that decode steps advance: its last token, and the position at which that token goes into the cache.
struct FedSequence {
  std::int64_t sequence;
  std::int32_t id;
  std::int64_t position;
};

/// Decoding without the host: a step takes its tokens and positions from device memory, ends by picking the next ones (sampling_params.h)
/// into it, and says in the ring what it picked. The host launches steps ahead and reads the ring. Calls come from the backend's one
/// thread. Errors as the backend's; what fails late, the next call here or idle() says.
class TokenLoop {
 public:
  virtual ~TokenLoop() = default;

  /// Starts over, after waiting for what still runs: the samplers remember the prompts, sequence s draws with seed + s, the ring is empty,
  /// and steps advance all sequences. vocab: ids from here on are never picked. positions: of the cache; a sequence stays at the last one.
  virtual void start(const SamplingParams& sampling, std::int64_t vocab, std::int64_t positions,
                     std::span<const std::vector<std::int32_t>> prompts) = 0;
  /// In an open step of the backend, after norm_head: picks the first token of `sequence` from the first row of logits.
  virtual void pick_first(std::int64_t sequence, Buffer& logits) = 0;

  /// From the next step on these sequences advance, from here. What was launched before must have run.
  virtual void feed(std::span<const FedSequence> sequences) = 0;
  virtual std::int64_t rows() const = 0;  ///< sequences that a step advances
  /// Opens a step of rows() tokens, in place of Backend::begin_step().
  virtual void begin_step() = 0;
  /// In that step, after norm_head of all its tokens: picks the next ones from logits (rows, vocab of the model).
  virtual void pick(Buffer& logits) = 0;
  /// Submits the step before once more. False where that step cannot be repeated as it is: it then has to be gone through again.
  virtual bool repeat_step() = 0;

  /// Whether everything submitted has run; does not wait.
  virtual bool idle() = 0;
  /// Waits until everything submitted has run.
  virtual void wait() = 0;
  virtual TokenRing ring() = 0;
};

}  // namespace qbench::backend
