#include "run/harness_overhead.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "measure/telemetry.h"
#include "run/live_feed.h"

namespace qbench::run {
namespace {

constexpr std::int64_t kTokens = 1 << 20;
constexpr std::int64_t kEntryNs = 1'000'000;  // telemetry a hundred times as often as in a run, so that its cost stands out
constexpr std::int64_t kTelemetryMs = 1000;
constexpr double kTelemetryIntervalNs = 1e8;

/// Of all threads.
double processor_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Closes when the scope ends.
struct Sink {
  int fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ~Sink() { ::close(fd); }
};

double token_ns() {
  const Sink sink;
  if (sink.fd < 0) throw Error(ErrorCode::kIo, "cannot open", "/dev/null");
  MessageWriter writer(sink.fd);
  LiveFeed feed(writer, nullptr);
  std::vector<std::int64_t> stamps(static_cast<std::size_t>(kTokens));
  const double before_ns = processor_ns();
  feed.begin(Progress{.most_tokens = kTokens}, false);
  for (std::int64_t i = 0; i < kTokens; ++i) {
    stamps[static_cast<std::size_t>(i)] = now_ns();
    feed.push(static_cast<std::int32_t>(stamps[static_cast<std::size_t>(i)] & 0xFFFF));
  }
  feed.end();
  return (processor_ns() - before_ns) / static_cast<double>(kTokens);
}

double telemetry_us() {
  measure::Telemetry telemetry({.interval_ns = kEntryNs});
  const double before_ns = processor_ns();
  telemetry.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(kTelemetryMs));
  const std::size_t entries = std::max<std::size_t>(1, telemetry.stop(0).time_ns.size());
  return (processor_ns() - before_ns) / static_cast<double>(entries) / 1e3;
}

}  // namespace

double HarnessOverhead::ratio(double ns_of_token) const { return ns_per_token / ns_of_token + telemetry_us * 1e3 / kTelemetryIntervalNs; }

HarnessOverhead measure_harness_overhead() { return {token_ns(), telemetry_us()}; }

}  // namespace qbench::run
