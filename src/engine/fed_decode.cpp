#include "engine/fed_decode.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>

#include "base/check.h"
#include "base/error.h"

namespace qbench::engine {
namespace {

/// Between two looks of the thread that launches: short against a few steps ahead, long against a look.
constexpr auto kPause = std::chrono::microseconds(20);

}  // namespace

FedDecode::FedDecode(model::Model& model, backend::KvCache& cache, backend::TokenLoop& loop, std::span<Lane> lanes, std::int64_t context,
                     std::int64_t most_picks)
    : model_(model),
      cache_(cache),
      loop_(loop),
      lanes_(lanes),
      context_(context),
      poller_(loop.ring(), static_cast<std::int64_t>(lanes.size()), most_picks),
      picks_(lanes.size(), 0),
      rows_(lanes.size()) {
  std::iota(rows_.begin(), rows_.end(), std::size_t{0});
}

void FedDecode::take_first(Lane& lane) {
  ++picks_[static_cast<std::size_t>(lane.sequence)];
  take(lane);
}

void FedDecode::take(Lane& lane) {
  const TokenPoller::Stamped& picked = wait_for(lane, static_cast<std::int64_t>(lane.result->output_ids.size()));
  if (picked.id < 0) throw_no_choice(picked.id == backend::kPickedAllBanned, lane.request->sampling);
  lane.accept(picked.id, picked.ns, context_);
}

const TokenPoller::Stamped& FedDecode::wait_for(const Lane& lane, std::int64_t pick) {
  for (;;) {
    if (const auto* picked = poller_.find(lane.sequence, pick)) return *picked;
    // The order matters: what a device that is done has not written, it never will.
    if (loop_.idle() && !loop_.ring().find(lane.sequence, pick)) {
      throw Error(ErrorCode::kDevice, "the device ended a step without picking a token");
    }
    std::this_thread::sleep_for(kPause);
  }
}

std::int64_t FedDecode::running() const {
  return std::count_if(lanes_.begin(), lanes_.end(), [](const Lane& lane) { return lane.running; });
}

std::int64_t FedDecode::most_left() const {
  std::int64_t most = 0;
  for (const Lane& lane : lanes_) {
    if (!lane.running) continue;
    const std::int64_t tokens = lane.request->max_new_tokens - static_cast<std::int64_t>(lane.result->output_ids.size());
    most = std::max(most, std::min(tokens, context_ - lane.position));
  }
  return most;
}

void FedDecode::launch() {
  if (!described_ || !loop_.repeat_step()) model_.forward_fed(cache_, loop_);
  described_ = true;
  for (const std::size_t lane : rows_) ++picks_[lane];
  ++launched_;
}

void FedDecode::feed_running() {
  std::vector<backend::FedSequence> sequences;
  rows_.clear();
  for (const Lane& lane : lanes_) {
    if (!lane.running) continue;
    rows_.push_back(static_cast<std::size_t>(lane.sequence));
    sequences.push_back({lane.sequence, lane.last_id, lane.position});
  }
  loop_.feed(sequences);
  described_ = false;
}

void FedDecode::launch_ahead() {
  if (2 * running() <= static_cast<std::int64_t>(rows_.size())) {
    if (launched_ > taken_) return;
    feed_running();
  }
  const std::int64_t until = taken_ + std::min(kStepsAhead, most_left());
  while (launched_ < until) launch();
}

void FedDecode::run(const std::atomic<bool>* cancel) {
  while (running() > 0) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
      for (Lane& lane : lanes_) {
        if (lane.running) lane.stop(StopReason::kInterrupted);
      }
      break;
    }
    launch_ahead();
    for (Lane& lane : lanes_) {
      if (!lane.running) continue;
      ++lane.position;
      take(lane);
    }
    ++taken_;
  }
  loop_.wait();
  for (Lane& lane : lanes_) {
    const std::int64_t picks = picks_[static_cast<std::size_t>(lane.sequence)];
    lane.result->discarded_tokens = picks - static_cast<std::int64_t>(lane.result->output_ids.size());
    QB_CHECK(lane.result->discarded_tokens >= 0);
  }
}

}  // namespace qbench::engine
