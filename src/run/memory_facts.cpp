#include "run/memory_facts.h"

#include <algorithm>

#include "sysinfo/process.h"

namespace qbench::run {
namespace {

/// What the process holds beyond its backend's allocations.
std::optional<std::int64_t> context_bytes(const OpenedModel& opened, const backend::DeviceInfo& device, std::int64_t allocated) {
  if (device.kind == backend::DeviceKind::kCpu) {
    const auto resident = sysinfo::ProcessProbe().rss_bytes();
    // Not above what is resident: pages that nobody has touched yet are allocated only.
    return resident ? std::optional(std::max<std::int64_t>(0, *resident - allocated)) : std::nullopt;
  }
  // The emulated device's memory is the host's: what other processes do would be counted as its own.
  if (device.kind != backend::DeviceKind::kCuda || !opened.budget) return std::nullopt;
  const auto before = static_cast<std::int64_t>(opened.budget->free_bytes);
  return std::max<std::int64_t>(0, before - static_cast<std::int64_t>(device.memory_free_bytes) - allocated);
}

}  // namespace

record::MemoryFacts memory_facts(const OpenedModel& opened, const backend::DeviceInfo& device) {
  const MemoryUse use = opened.device->memory_use();
  record::MemoryFacts facts;
  facts.activation_bytes = static_cast<std::int64_t>(use.activations);
  facts.workspace_bytes = static_cast<std::int64_t>(use.workspace);
  facts.peak_bytes = static_cast<std::int64_t>(use.peak);
  facts.context_bytes = context_bytes(opened, device, static_cast<std::int64_t>(use.total()));
  facts.free_after_load_bytes = opened.free_after_load_bytes;
  if (!opened.budget) return facts;
  facts.free_before_load_bytes = static_cast<std::int64_t>(opened.budget->free_bytes);
  facts.headroom_bytes = static_cast<std::int64_t>(opened.budget->headroom_bytes);
  if (opened.budget->limit_bytes) facts.limit_bytes = static_cast<std::int64_t>(*opened.budget->limit_bytes);
  return facts;
}

}  // namespace qbench::run
