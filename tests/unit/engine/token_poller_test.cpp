#include "engine/token_poller.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace qbench::engine {
namespace {

constexpr std::int64_t kPicks = 8;

/// A device's side of a ring: a thread that writes picks as a kernel does, at most kPicks ahead of what the reader has taken.
struct Writer {
  std::vector<std::uint64_t> words;
  std::int64_t sequences;
  std::atomic<std::int64_t> taken{0};

  explicit Writer(std::int64_t count) : words(static_cast<std::size_t>(kPicks * count), 0), sequences(count) {}
  backend::TokenRing ring(bool timed = true) { return {words.data(), kPicks, sequences, timed}; }
  static std::int32_t id_of(std::int64_t sequence, std::int64_t pick) { return static_cast<std::int32_t>(1000 * sequence + pick); }
  void write(std::int64_t sequence, std::int64_t pick) {
    const std::uint64_t word = static_cast<std::uint64_t>(pick + 1) << 32 | static_cast<std::uint32_t>(id_of(sequence, pick));
    std::atomic_ref(words[static_cast<std::size_t>(pick % kPicks * sequences + sequence)]).store(word, std::memory_order_release);
  }
};

}  // namespace

TEST_CASE("the poller sees every pick of every sequence once, in order, and stamps it") {
  constexpr std::int64_t kAll = 300;
  for (const bool timed : {true, false}) {
    Writer device(3);
    const TokenPoller poller(device.ring(timed), 3, kAll);
    CHECK(poller.find(0, 0) == nullptr);
    const std::int64_t start_ns = now_ns();
    std::thread writer([&] {
      for (std::int64_t pick = 0; pick < kAll; ++pick) {
        while (pick >= device.taken.load(std::memory_order_acquire) + kPicks) std::this_thread::yield();
        for (std::int64_t s = 0; s < 3; ++s) device.write(s, pick);
      }
    });
    std::vector<std::int64_t> stamps(3, start_ns);
    for (std::int64_t pick = 0; pick < kAll; ++pick) {
      for (std::int64_t s = 0; s < 3; ++s) {
        const TokenPoller::Stamped* seen = nullptr;
        while ((seen = poller.find(s, pick)) == nullptr) std::this_thread::yield();
        CHECK(seen->id == Writer::id_of(s, pick));
        CHECK(seen->ns >= stamps[static_cast<std::size_t>(s)]);
        stamps[static_cast<std::size_t>(s)] = seen->ns;
      }
      device.taken.store(pick + 1, std::memory_order_release);
    }
    writer.join();
    CHECK(poller.find(0, kAll) == nullptr);
  }
}

TEST_CASE("the poller ends when it is told to, whether or not a device ever wrote") {
  for (const bool timed : {true, false}) {
    Writer device(1);
    const TokenPoller idle(device.ring(timed), 1, 10);
    Writer half(1);
    half.write(0, 0);
    const TokenPoller waiting(half.ring(timed), 1, 10);
    while (waiting.find(0, 0) == nullptr) std::this_thread::yield();
    CHECK(idle.find(0, 0) == nullptr);
  }
}

TEST_CASE("a ring's word counts for its own pick alone") {
  Writer device(2);
  const backend::TokenRing ring = device.ring();
  CHECK_FALSE(ring.find(1, 0));
  device.write(1, 0);
  CHECK(ring.find(1, 0) == 1000);
  CHECK_FALSE(ring.find(0, 0));
  CHECK_FALSE(ring.find(1, kPicks));
  device.write(1, kPicks);
  CHECK_FALSE(ring.find(1, 0));
  device.words[0] = std::uint64_t{1} << 32 | static_cast<std::uint32_t>(backend::kPickedAllBanned);
  CHECK(ring.find(0, 0) == backend::kPickedAllBanned);
}

}  // namespace qbench::engine
