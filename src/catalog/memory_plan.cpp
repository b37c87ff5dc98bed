#include "catalog/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/error.h"
#include "base/units.h"
#include "workload/names.h"

namespace qbench::catalog {
namespace {

constexpr std::array<std::int64_t, 4> kTableContexts{1024, 4096, 10240, 32768};

std::uint64_t add(std::uint64_t a, std::uint64_t b) {
  return b > std::numeric_limits<std::uint64_t>::max() - a ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

std::uint64_t multiply(std::uint64_t a, std::uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return product > std::numeric_limits<std::uint64_t>::max() ? std::numeric_limits<std::uint64_t>::max()
                                                             : static_cast<std::uint64_t>(product);
}

std::vector<std::int64_t> contexts_of_table(std::int64_t checkpoint_context) {
  std::vector<std::int64_t> contexts(kTableContexts.begin(), kTableContexts.end());
  if (std::find(contexts.begin(), contexts.end(), checkpoint_context) == contexts.end()) contexts.push_back(checkpoint_context);
  return contexts;
}

/// The longest context whose cache takes at most `left` bytes: caches grow with their context.
std::int64_t longest_within(std::int64_t most, std::uint64_t left, const std::function<std::uint64_t(std::int64_t)>& bytes_at) {
  std::int64_t fits = 0;
  for (std::int64_t beyond = most + 1; beyond - fits > 1;) {
    const std::int64_t middle = fits + (beyond - fits) / 2;
    (bytes_at(middle) <= left ? fits : beyond) = middle;
  }
  return fits;
}

}  // namespace

double kv_bytes_per_number(std::string_view kv_type, std::int64_t head_dim) {
  if (kv_type == "f32") return 4.0;
  if (kv_type == "bf16" || kv_type == "f16") return 2.0;
  if (kv_type == "q8_0") return 34.0 / 32.0;
  if (kv_type == "fp8") return 1.0 + 2.0 / static_cast<double>(std::max<std::int64_t>(head_dim, 1));
  throw Error(ErrorCode::kUsage, "--kv-type: expected f32, bf16, f16, fp8 or q8_0, got '" + workload::printable(kv_type) + "'");
}

MemoryPlan plan_memory(const formats::ModelConfig& config, const MemoryDemand& demand, std::uint64_t available_bytes) {
  if (demand.context < 0) throw Error(ErrorCode::kUsage, "--context: expected 1 or more, got " + std::to_string(demand.context));
  if (demand.sequences < 1) throw Error(ErrorCode::kUsage, "--batch: expected 1 or more, got " + std::to_string(demand.sequences));
  MemoryPlan plan;
  plan.kv_type = demand.kv_type;
  plan.kv_bytes_per_position = formats::kv_bytes_per_position(config, kv_bytes_per_number(demand.kv_type, config.head_dim));
  plan.weight_bytes = demand.weight_bytes;
  plan.workspace_bytes = demand.workspace_bytes;
  plan.load_bytes = demand.load_bytes;
  plan.context = demand.context > 0 ? demand.context : config.context;
  plan.sequences = demand.sequences;
  plan.available_bytes = available_bytes;
  const auto room = [&demand](std::int64_t context) { return demand.room ? demand.room(context) : context; };
  plan.room = room(plan.context);
  const auto bytes_at = [&](std::int64_t context) {
    if (demand.sequence_bytes) return demand.sequence_bytes(room(context));
    return multiply(plan.kv_bytes_per_position, static_cast<std::uint64_t>(room(context)));
  };
  plan.kv_bytes = multiply(bytes_at(plan.context), static_cast<std::uint64_t>(plan.sequences));
  plan.more_kv_bytes = demand.more_kv_bytes;
  const std::uint64_t fixed = add(add(plan.weight_bytes, plan.workspace_bytes), plan.more_kv_bytes);
  plan.needed_bytes = std::max(add(fixed, plan.kv_bytes), add(plan.weight_bytes, plan.load_bytes));
  plan.fits = plan.needed_bytes <= available_bytes;
  plan.missing_bytes = plan.fits ? 0 : plan.needed_bytes - available_bytes;
  const std::uint64_t left = fixed <= available_bytes ? available_bytes - fixed : 0;
  plan.longest_context = longest_within(config.context, left, bytes_at);
  for (const std::int64_t context : contexts_of_table(config.context)) {
    KvAtContext row;
    row.context = context;
    row.bytes = bytes_at(context);
    row.sequences_that_fit = row.bytes > 0 ? left / row.bytes : 0;
    row.within_checkpoint = context <= config.context;
    plan.table.push_back(row);
  }
  return plan;
}

std::string describe(const MemoryPlan& plan) {
  std::string parts = fmt::format("weights {}, KV {}", format_bytes(plan.weight_bytes), format_bytes(plan.kv_bytes));
  if (plan.more_kv_bytes > 0) parts += fmt::format(", other KV caches {}", format_bytes(plan.more_kv_bytes));
  if (plan.workspace_bytes > 0) parts += fmt::format(", workspace {}", format_bytes(plan.workspace_bytes));
  if (plan.load_bytes > 0) parts += fmt::format(", while loading {} of file instead of KV and workspace", format_bytes(plan.load_bytes));
  const std::string verdict = plan.fits ? "fits" : fmt::format("{} short", format_bytes(plan.missing_bytes));
  return fmt::format("needs {} ({}), {} available{}: {}", format_bytes(plan.needed_bytes), parts, format_bytes(plan.available_bytes),
                     plan.available_note.empty() ? std::string() : " (" + plan.available_note + ")", verdict);
}

}  // namespace qbench::catalog
