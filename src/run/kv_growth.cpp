#include "run/kv_growth.h"

#include "catalog/memory_plan.h"
#include "engine/session.h"
#include "run/opened_model.h"
#include "run/step_sizes.h"
#include "sysinfo/process.h"

namespace qbench::run {
namespace {

/// Resident bytes of the process, or the device's bytes in use.
std::int64_t in_use(const backend::Backend& device) {
  const backend::DeviceInfo info = device.device();
  if (info.kind == backend::DeviceKind::kCpu) return sysinfo::ProcessProbe().rss_bytes().value_or(0);
  return static_cast<std::int64_t>(info.memory_bytes) - static_cast<std::int64_t>(info.memory_free_bytes);
}

}  // namespace

std::vector<KvGrowth> measure_kv_growth(backend::Backend& device, const formats::ModelConfig& config,
                                        const workload::EffectiveSettings& settings, const std::vector<std::int64_t>& contexts,
                                        std::uint64_t available_bytes) {
  const backend::KvPolicy policy =
      engine::kv_policy(settings.kv_window, settings.kv_sinks, step_tokens(device.device().kind, config, settings.batch));
  std::vector<KvGrowth> rows;
  for (const std::int64_t context : contexts) {
    catalog::MemoryDemand demand;
    demand.kv_type = settings.kv_type;
    demand.context = context;
    demand.sequences = settings.batch;
    demand.room = [&policy](std::int64_t positions) { return backend::kv_room(policy, positions); };
    demand.sequence_bytes = [&](std::int64_t room) {
      return kv_sequence_bytes(device.device().kind, config, kv_dtype(settings.kv_type), room);
    };
    const catalog::MemoryPlan plan = catalog::plan_memory(config, demand, available_bytes);
    KvGrowth row;
    row.context = context;
    row.formula_bytes = plan.kv_bytes;
    row.missing_bytes = plan.missing_bytes;
    row.allocated = plan.fits;
    if (plan.fits) {
      const std::int64_t before = in_use(device);
      const auto cache = device.make_kv_cache(
          {config.layers, config.kv_heads, config.head_dim, settings.batch, context, kv_dtype(settings.kv_type), policy});
      row.device_bytes = cache->device_bytes();
      row.taken_bytes = in_use(device) - before;
    }
    rows.push_back(row);
  }
  return rows;
}

}  // namespace qbench::run
