#include "record/records.h"

#include <fmt/format.h>

#include "base/error.h"

namespace qbench::record {
namespace {

template <class Enum, std::size_t N>
Enum from_name(std::string_view name, const Enum (&all)[N], std::string_view what) {
  std::string known;
  for (const Enum value : all) {
    if (name_of(value) == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(name_of(value));
  }
  throw Error(ErrorCode::kFormat, fmt::format("'{}' is no {} (expected one of {})", name, what, known));
}

}  // namespace

std::string_view name_of(Pass pass) noexcept { return pass == Pass::kSpeed ? "speed" : "text"; }

std::string_view name_of(Status status) noexcept {
  switch (status) {
    case Status::kOk:
      return "ok";
    case Status::kFailed:
      return "failed";
    case Status::kSkipped:
      return "skipped";
    case Status::kThrottled:
      return "throttled";
  }
  return "";
}

std::string_view name_of(Phase phase) noexcept {
  switch (phase) {
    case Phase::kCold:
      return "cold";
    case Phase::kWarmup:
      return "warmup";
    case Phase::kTimed:
      return "timed";
  }
  return "";
}

std::string_view name_of(TaskStatus status) noexcept {
  constexpr std::string_view kNames[] = {"pass",         "wrong", "exception",    "compile_error", "cpu_timeout",
                                         "wall_timeout", "oom",   "output_limit", "crash",         "sandbox_violation",
                                         "harness_error"};
  return kNames[static_cast<std::size_t>(status)];
}

TaskStatus task_status_from_name(std::string_view name) {
  using enum TaskStatus;
  return from_name(name,
                   {kPass, kWrong, kException, kCompileError, kCpuTimeout, kWallTimeout, kOom, kOutputLimit, kCrash, kSandboxViolation,
                    kHarnessError},
                   "task status");
}

Pass pass_from_name(std::string_view name) { return from_name(name, {Pass::kSpeed, Pass::kText}, "pass"); }
Status status_from_name(std::string_view name) { return from_name(name, {Status::kOk, Status::kFailed, Status::kSkipped, Status::kThrottled}, "status"); }
Phase phase_from_name(std::string_view name) { return from_name(name, {Phase::kCold, Phase::kWarmup, Phase::kTimed}, "phase"); }

std::string kv_policy_text(const CellKey& key) {
  if (!key.kv_window) return "full";
  return key.kv_sinks ? fmt::format("sinks {} + window {}", *key.kv_sinks, *key.kv_window) : fmt::format("window {}", *key.kv_window);
}

std::string cell_id(const CellKey& key) {
  const std::string policy = key.kv_window ? "/kv_policy=" + kv_policy_text(key) : std::string();
  return fmt::format("{}/{}/{}/turn={}/pass={}/device={}/precision={}/kv={}/batch={}/context={}/threads={}{}", key.model, key.suite,
                     key.prompt_id, key.turn, name_of(key.pass), key.device, key.precision, key.kv_type, key.batch, key.context,
                     key.threads, policy);
}

}  // namespace qbench::record
