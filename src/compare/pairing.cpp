#include "compare/pairing.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/ascii.h"
#include "compare/compare.h"

namespace qbench::compare {
namespace {

using record::ResultRow;
using KeyOf = std::function<std::string(const ResultRow&)>;

std::string joined(const ResultRow& row, std::initializer_list<std::string_view> columns) {
  std::string key;
  for (const std::string_view column : columns) key += ascii_lower(row.fact(column)) + '\n';
  return key;
}

std::string full_key(const ResultRow& row) {
  std::string key;
  for (const auto& [name, text] : row.key()) key += text + '\n';
  return key;
}

std::string short_key(const ResultRow& row) {
  return joined(row, {"model", "suite", "prompt_id", "turn", "pass", "precision"}) + device_class(row);
}

/// Empty where the row does not know its model's name: such rows pair with nothing.
std::string named_key(const ResultRow& row) {
  if (row.fact("model_name").empty()) return {};
  return joined(row, {"model_name", "suite", "prompt_id", "turn", "pass", "precision"}) + device_class(row);
}

/// Pairs what is still alone and has a key that no other row of its side that is still alone has.
void pair_by(const KeyOf& key_of, const std::vector<ResultRow>& base, std::vector<bool>& base_taken, std::vector<RowPair>& pairs) {
  std::map<std::string, std::vector<std::size_t>> base_rows;
  for (std::size_t i = 0; i < base.size(); ++i) {
    if (!base_taken[i]) base_rows[key_of(base[i])].push_back(i);
  }
  std::map<std::string, int> fresh_rows;
  for (const RowPair& pair : pairs) {
    if (pair.base == nullptr) ++fresh_rows[key_of(*pair.fresh)];
  }
  for (RowPair& pair : pairs) {
    if (pair.base != nullptr) continue;
    const std::string key = key_of(*pair.fresh);
    const auto found = base_rows.find(key);
    if (key.empty() || found == base_rows.end() || found->second.size() != 1 || fresh_rows[key] != 1) continue;
    pair.base = &base[found->second.front()];
    base_taken[found->second.front()] = true;
  }
}

bool in_container(const ResultRow& row) {
  const std::string_view container = row.fact("container");
  return !container.empty() && container != "none";
}

}  // namespace

std::string device_class(const record::ResultRow& row) {
  const std::string_view device = row.fact("device_effective");
  return std::string(device.substr(0, device.find(':')));
}

std::vector<RowPair> pair_rows(const record::ResultSet& base, const record::ResultSet& fresh) {
  std::vector<RowPair> pairs;
  for (const ResultRow& row : fresh.rows) pairs.push_back({nullptr, &row});
  std::vector<bool> taken(base.rows.size(), false);
  pair_by(full_key, base.rows, taken, pairs);
  pair_by(short_key, base.rows, taken, pairs);
  pair_by(named_key, base.rows, taken, pairs);
  for (std::size_t i = 0; i < base.rows.size(); ++i) {
    if (!taken[i]) pairs.push_back({&base.rows[i], nullptr});
  }
  return pairs;
}

std::vector<std::string> differences(const record::ResultRow& base, const record::ResultRow& fresh,
                                     const std::vector<std::string_view>& columns) {
  std::vector<std::string> found;
  for (const std::string_view column : columns) {
    const std::string_view before = base.fact(column), now = fresh.fact(column);
    if (before.empty() || now.empty() || before == now) continue;  // what is not known is no difference
    found.push_back(std::string(column) + ": " + std::string(before) + " against " + std::string(now));
  }
  return found;
}

std::vector<std::string_view> hardware_columns(std::string_view device_class) {
  if (device_class == "cpu") return {"cpu_model", "device_description", "cores_usable", "cpu_quota_cores"};
  return {"device_description", "gpu_driver", "gpu_vbios", "gpu_power_limit_w", "gpu_mig", "gpu_ecc"};
}

std::vector<std::string> machine_differences(const ResultRow& base, const ResultRow& fresh) {
  const std::string device = device_class(fresh);
  const bool cpu = device == "cpu";
  std::vector<std::string> found = differences(base, fresh, hardware_columns(device));
  for (const auto& [side, row] : {std::pair{"BASE", &base}, {"NEW", &fresh}}) {
    if (row->fact("device_description").empty() && (!cpu || row->fact("cpu_model").empty()))
      found.push_back(std::string("device_description: ") + side + " does not name its machine");
  }
  if (!cpu) return found;
  if (!in_container(base) && !in_container(fresh)) {
    for (std::string& line : differences(base, fresh, {"host_hash"})) found.push_back(std::move(line));
    return found;
  }
  for (std::string& line : differences(base, fresh, {"kernel"})) found.push_back(std::move(line));
  const auto before = fact_number(base, "memory_total_bytes"), now = fact_number(fresh, "memory_total_bytes");
  if (before && now && std::abs(*before - *now) > 0.01 * *before) {
    for (std::string& line : differences(base, fresh, {"memory_total_bytes"})) found.push_back(std::move(line));
  }
  return found;
}

std::vector<std::string_view> work_columns() {
  return {"model_fingerprint", "tokenizer_fingerprint", "template_fingerprint", "prompt_fingerprint"};
}

std::vector<std::string_view> load_columns() {
  return {"precision", "weights", "batch", "context", "kv_type", "kv_policy", "gen_tokens", "threads", "prefix_cache", "stage", "build_type"};
}

std::vector<std::string_view> setting_columns() {
  return {"precision",      "batch", "context",          "kv_type",  "kv_policy", "threads",   "gen_tokens",   "prefix_cache",
          "attention_path", "paths", "instruction_sets", "governor", "runtime",   "build_type"};
}

}  // namespace qbench::compare
