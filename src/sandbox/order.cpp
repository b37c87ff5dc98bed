#include "sandbox/order.h"

#include <sys/resource.h>

#include <cmath>
#include <cstring>

#include "base/check.h"
#include "sandbox/keeper_protocol.h"

namespace qbench::sandbox {

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

/// Rlimits hold one process, and the watcher all together; where both could act, the watcher has to be first, since it knows why. So:
/// processor time one second later; private memory twice what may be touched, and half a GiB for the stacks of threads.
constexpr std::uint64_t kDescriptors = 256;
constexpr std::uint64_t kStackSoft = 8 * kMiB, kStackHard = 64 * kMiB;
constexpr std::uint64_t kQueuedSignals = 1024;

}  // namespace

std::string make_order(const Limits& limits, std::string_view filter, std::int64_t other_tasks) {
  Order order{};
  const auto add = [&](int resource, std::uint64_t soft, std::uint64_t hard) {
    QB_CHECK(order.limit_count < kOrderLimits);
    order.limits[order.limit_count++] = {resource, 0, soft, hard};
  };
  const auto both = [&](int resource, std::uint64_t value) { add(resource, value, value); };
  const auto cpu_s = static_cast<std::uint64_t>(std::ceil(limits.cpu_s)) + 1;
  add(RLIMIT_CPU, cpu_s, cpu_s + 1);
  both(RLIMIT_DATA, 2 * limits.memory_bytes + 512 * kMiB);
  add(RLIMIT_STACK, kStackSoft, kStackHard);
  both(RLIMIT_FSIZE, limits.file_bytes);
  both(RLIMIT_NOFILE, kDescriptors);
  both(RLIMIT_NPROC, static_cast<std::uint64_t>(limits.processes + other_tasks));
  both(RLIMIT_CORE, 0);
  both(RLIMIT_MEMLOCK, 64 << 10);
  both(RLIMIT_MSGQUEUE, 0);
  both(RLIMIT_RTPRIO, 0);
  both(RLIMIT_NICE, 0);
  both(RLIMIT_SIGPENDING, kQueuedSignals);
  order.filter_bytes = static_cast<std::uint32_t>(filter.size());
  std::string bytes(sizeof order, '\0');
  std::memcpy(bytes.data(), &order, sizeof order);
  return bytes.append(filter);
}

}  // namespace qbench::sandbox
