#include "engine/token_poller.h"

#include <chrono>

#include "base/clock.h"

namespace qbench::engine {
namespace {

/// Rounds without news after which the thread lets others run: by then the next token is a long time away, for a processor.
constexpr int kPatience = 256;
constexpr auto kUntimedPause = std::chrono::microseconds(100);  // where stamps mean nothing, no core is kept busy for them

}  // namespace

TokenPoller::TokenPoller(const backend::TokenRing& ring, std::int64_t sequences, std::int64_t most_picks)
    : ring_(ring), sequences_(sequences), seen_(std::make_unique<Seen[]>(static_cast<std::size_t>(sequences))) {
  for (std::int64_t s = 0; s < sequences; ++s) seen_[static_cast<std::size_t>(s)].picks.resize(static_cast<std::size_t>(most_picks));
  thread_ = std::thread([this] { run(); });
}

TokenPoller::~TokenPoller() {
  stop_.store(true, std::memory_order_relaxed);
  thread_.join();
}

const TokenPoller::Stamped* TokenPoller::find(std::int64_t sequence, std::int64_t pick) const {
  const Seen& seen = seen_[static_cast<std::size_t>(sequence)];
  return pick < seen.count.load(std::memory_order_acquire) ? &seen.picks[static_cast<std::size_t>(pick)] : nullptr;
}

/// True when a pick was there.
bool TokenPoller::look() {
  bool any = false;
  for (std::int64_t s = 0; s < sequences_; ++s) {
    Seen& seen = seen_[static_cast<std::size_t>(s)];
    const std::int64_t pick = seen.count.load(std::memory_order_relaxed);
    if (pick >= static_cast<std::int64_t>(seen.picks.size())) continue;
    const auto id = ring_.find(s, pick);
    if (!id) continue;
    seen.picks[static_cast<std::size_t>(pick)] = {*id, now_ns()};
    seen.count.store(pick + 1, std::memory_order_release);
    any = true;
  }
  return any;
}

void TokenPoller::run() {
  for (int without_news = 0; !stop_.load(std::memory_order_relaxed);) {
    if (look()) {
      without_news = 0;
    } else if (!ring_.timed) {
      std::this_thread::sleep_for(kUntimedPause);
    } else if (++without_news > kPatience) {
      std::this_thread::yield();
    }
  }
}

}  // namespace qbench::engine
