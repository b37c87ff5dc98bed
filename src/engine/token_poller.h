#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "backend/token_loop.h"

namespace qbench::engine {

/// A thread that looks for the picks of a device in its ring and stamps each as soon as it is there. It touches nothing but the ring and
/// its own memory, so it ends when it is told to, whatever became of the device.
class TokenPoller {
 public:
  struct Stamped {
    std::int32_t id;  ///< or what is in its place (token_loop.h)
    std::int64_t ns;  ///< now_ns() when it was seen
  };

  /// Looks for picks 0, 1, ... below most_picks of sequences 0, 1, ... below `sequences`. The ring outlives the poller.
  TokenPoller(const backend::TokenRing& ring, std::int64_t sequences, std::int64_t most_picks);
  ~TokenPoller();
  TokenPoller(const TokenPoller&) = delete;
  TokenPoller& operator=(const TokenPoller&) = delete;

  /// nullptr until it was seen.
  const Stamped* find(std::int64_t sequence, std::int64_t pick) const;

 private:
  struct Seen {
    std::vector<Stamped> picks;          // allocated before the thread starts
    std::atomic<std::int64_t> count{0};  // released after the pick it counts
  };
  bool look();
  void run();

  backend::TokenRing ring_;
  std::int64_t sequences_;
  std::unique_ptr<Seen[]> seen_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace qbench::engine
