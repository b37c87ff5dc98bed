#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "backend/token_loop.h"
#include "engine/lane.h"
#include "engine/token_poller.h"
#include "model/model.h"

namespace qbench::engine {

/// Steps that are launched before the host has seen the token of the first of them.
inline constexpr std::int64_t kStepsAhead = 4;

/// The host's side of a generation that the device feeds itself: launches steps a few ahead of the tokens that the poller has seen, and
/// decides from these tokens what goes on. A step past a sequence's stop still computes that sequence: its picks are dropped and counted.
/// Once half of a step's sequences have stopped, what is in flight is waited for and steps of the running ones alone begin.
class FedDecode {
 public:
  /// lanes: one per sequence from 0 on; `loop` was started with their prompts. context: positions of a sequence. most_picks: of a lane.
  FedDecode(model::Model& model, backend::KvCache& cache, backend::TokenLoop& loop, std::span<Lane> lanes, std::int64_t context,
            std::int64_t most_picks);

  /// Takes the first token of a lane whose prompt has been fed.
  void take_first(Lane& lane);
  /// Decodes until no lane runs; waits for what is still in flight then, and counts what was picked past the stops.
  void run(const std::atomic<bool>* cancel);

 private:
  void take(Lane& lane);
  const TokenPoller::Stamped& wait_for(const Lane& lane, std::int64_t pick);
  void launch_ahead();
  void launch();
  void feed_running();
  std::int64_t most_left() const;  ///< steps until the last running lane must stop
  std::int64_t running() const;

  model::Model& model_;
  backend::KvCache& cache_;
  backend::TokenLoop& loop_;
  std::span<Lane> lanes_;
  std::int64_t context_;
  TokenPoller poller_;
  std::vector<std::int64_t> picks_;  // (lanes) launched, the first token's included
  std::vector<std::size_t> rows_;    // lanes that a step advances
  std::int64_t launched_ = 0;        // steps
  std::int64_t taken_ = 0;           // steps whose tokens were seen
  bool described_ = false;           // the step that repeat_step() repeats is this generation's
};

}  // namespace qbench::engine
