#include "history/series_key.h"

#include <algorithm>

#include "base/digest.h"
#include "compare/pairing.h"

namespace qbench::history {
namespace {

// The host's name is no part of a key inside a container, where each has a new one.
constexpr std::string_view kCell[] = {"model",
                                      "suite",
                                      "prompt_id",
                                      "turn",
                                      "pass",
                                      "batch",
                                      "context",
                                      "kv_type",
                                      "kv_policy",
                                      "threads",
                                      "device_effective",
                                      "precision_requested",
                                      "precision",
                                      "model_fingerprint",
                                      "tokenizer_fingerprint",
                                      "template_fingerprint",
                                      "prompt_fingerprint",
                                      "settings_digest",
                                      "host_hash",
                                      "device_description"};
constexpr std::string_view kCpu[] = {"cpu_model", "cores_usable", "cpu_quota_cores", "instruction_sets"};
constexpr std::string_view kGpu[] = {"gpu_uuid", "gpu_vbios", "gpu_power_limit_w", "gpu_ecc", "gpu_mig", "gpu_driver", "runtime"};

}  // namespace

std::vector<std::string_view> series_columns() {
  std::vector<std::string_view> columns(std::begin(kCell), std::end(kCell));
  columns.insert(columns.end(), std::begin(kCpu), std::end(kCpu));
  columns.insert(columns.end(), std::begin(kGpu), std::end(kGpu));
  return columns;
}

std::string SeriesKey::text() const {
  std::string out;
  for (const auto& [name, value] : facts) out += name + "=" + value + "\n";
  return out;
}

std::string SeriesKey::id() const { return sha256_hex(text()).substr(0, 12); }

std::string_view SeriesKey::fact(std::string_view column) const {
  for (const auto& [name, value] : facts) {
    if (name == column) return value;
  }
  return {};
}

std::string SeriesKey::label() const {
  std::string out;
  const auto add = [&](std::string_view part) {
    if (!part.empty()) out.append(out.empty() ? "" : " ").append(part);
  };
  add(fact("model"));
  add(fact("precision").empty() ? fact("precision_requested") : fact("precision"));
  add(std::string(fact("suite")) + (fact("suite").empty() ? "" : "/") + std::string(fact("prompt_id")));
  if (const auto turn = fact("turn"); !turn.empty() && turn != "1") add("turn " + std::string(turn));
  if (fact("pass") != "speed") add(fact("pass"));
  if (const auto batch = fact("batch"); !batch.empty() && batch != "1") add("batch " + std::string(batch));
  add(fact("device_effective"));
  return out;
}

SeriesKey key_of(const record::ResultRow& row) {
  SeriesKey key;
  const bool cpu = compare::device_class(row) == "cpu";
  const std::string_view container = row.fact("container");
  for (const std::string_view column : series_columns()) {
    const bool of_gpu = std::find(std::begin(kGpu), std::end(kGpu), column) != std::end(kGpu);
    const bool of_cpu = std::find(std::begin(kCpu), std::end(kCpu), column) != std::end(kCpu);
    if ((of_gpu && cpu) || (of_cpu && !cpu)) continue;
    if (column == "host_hash" && !container.empty() && container != "none") continue;
    std::string value(row.fact(column));
    // A GPU that is told from others by its own number is the same one whichever place it has today.
    if (column == "device_effective" && (cpu || !row.fact("gpu_uuid").empty())) value = compare::device_class(row);
    std::replace(value.begin(), value.end(), '\n', ' ');
    if (!value.empty()) key.facts.emplace_back(column, std::move(value));
  }
  return key;
}

SeriesKey parse_key(std::string_view text) {
  SeriesKey key;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::size_t equals = std::min(line.find('='), line.size());
    if (equals < line.size()) key.facts.emplace_back(line.substr(0, equals), line.substr(equals + 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return key;
}

}  // namespace qbench::history
