#pragma once

#include <cstdint>

/// What the sandbox and its keeper (keeper/keeper.cpp, first process inside) say to each other. Plain data: the keeper links nothing of
/// ours.
namespace qbench::sandbox {

inline constexpr int kStatusDescriptor = 3;  ///< of the keeper: a SOCK_SEQPACKET that takes Report
inline constexpr int kOrderDescriptor = 4;   ///< of the keeper: a file that holds Order, then the filter's instructions

/// Limits of the program: soft and hard, as setrlimit(2) takes them.
struct OrderLimit {
  std::int32_t resource;
  std::int32_t padding;
  std::uint64_t soft, hard;
};

inline constexpr std::size_t kOrderLimits = 12;

struct Order {
  std::uint32_t limit_count;   ///< of `limits`
  std::uint32_t filter_bytes;  ///< of the seccomp filter (struct sock_filter) behind the order
  OrderLimit limits[kOrderLimits];
};

enum class ReportKind : std::uint32_t {
  kStarted = 1,  ///< the program runs
  kFailed = 2,   ///< it could not be started: `value` is errno, `step` says at what
  kEnded = 3,    ///< `value` is its wait status; everything below it is gone
};

enum class KeeperStep : std::uint32_t { kOrder = 1, kLimits, kFilter, kFork, kExecute };

struct Report {
  ReportKind kind;
  KeeperStep step;
  std::int32_t value;
  std::uint32_t violations;  ///< processes below the program that the filter killed, as far as the keeper saw their ends
  std::uint64_t cpu_ns;      ///< of the program and of all that were waited for
  std::uint64_t peak_bytes;  ///< largest resident set of one process
};

}  // namespace qbench::sandbox
