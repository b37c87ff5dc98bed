#include "compare/rules.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace qbench::compare {
namespace {

constexpr double k32MiB = 32.0 * 1024 * 1024;

/// Columns of summary.csv that hold bytes and are no metrics, yet judged: less is better.
constexpr std::string_view kByteColumns[] = {"weight_bytes", "kv_bytes", "peak_allocated_bytes"};

class RulesReader {
 public:
  explicit RulesReader(std::string where) : where_(std::move(where)) {}

  Rules read(const nlohmann::json& document) const {
    Rules rules;
    check_keys(document, "", {"title", "window", "fail_from", "warn_from", "spreads", "noisy_ratio", "task_p", "output_change", "metrics"});
    rules.window = count(document, "window", rules.window);
    rules.fail_from = count(document, "fail_from", rules.fail_from);
    rules.warn_from = count(document, "warn_from", rules.warn_from);
    if (rules.window > 1000) fail("window: at most 1000 nights");
    if (rules.warn_from > rules.fail_from || rules.fail_from > rules.window) fail("expected warn_from <= fail_from <= window");
    rules.spreads = ratio(document, "", "spreads", rules.spreads);
    rules.noisy_ratio = ratio(document, "", "noisy_ratio", rules.noisy_ratio);
    rules.task_p = ratio(document, "", "task_p", rules.task_p);
    rules.output_change = output_change(document);
    if (!document.contains("metrics") || !document["metrics"].is_object() || document["metrics"].empty()) {
      fail("metrics: expected an object with at least one metric");
    }
    for (const auto& [name, rule] : document["metrics"].items()) rules.metrics.push_back(metric(name, rule));
    return rules;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw Error(ErrorCode::kConfig, message, where_); }

  void check_keys(const nlohmann::json& object, const std::string& name, std::initializer_list<std::string_view> known) const {
    if (!object.is_object()) fail((name.empty() ? "the file" : name) + ": expected an object");
    for (const auto& item : object.items()) {
      if (std::find(known.begin(), known.end(), item.key()) == known.end())
        fail((name.empty() ? "" : name + ".") + item.key() + ": unknown key");
    }
  }

  std::size_t count(const nlohmann::json& object, const char* key, std::size_t otherwise) const {
    if (!object.contains(key)) return otherwise;
    if (!object[key].is_number_unsigned() || object[key] == 0) fail(std::string(key) + ": expected a whole number above 0");
    return object[key].get<std::size_t>();
  }

  double ratio(const nlohmann::json& object, const std::string& name, const char* key, double otherwise) const {
    if (!object.contains(key)) return otherwise;
    if (!object[key].is_number() || !(object[key].get<double>() >= 0) || !std::isfinite(object[key].get<double>())) {
      fail(name + (name.empty() ? "" : ".") + key + ": expected a number from 0 on");
    }
    return object[key].get<double>();
  }

  /// Above 1 a tolerance is a percentage that was meant, or one that lets everything pass.
  double tolerance(const nlohmann::json& object, const std::string& name, const char* key, double otherwise) const {
    const double value = ratio(object, name, key, otherwise);
    if (value > 1) fail(name + "." + key + ": expected a ratio from 0 to 1 (0.03 is 3 %)");
    return value;
  }

  Verdict output_change(const nlohmann::json& document) const {
    if (!document.contains("output_change") || document["output_change"] == "unclear") return Verdict::kUnclear;
    if (document["output_change"] == "worse") return Verdict::kWorse;
    fail("output_change: expected \"unclear\" or \"worse\"");
  }

  MetricRule metric(const std::string& name, const nlohmann::json& rule) const {
    const auto id = record::metric_from_name(name);
    const bool bytes = std::find(std::begin(kByteColumns), std::end(kByteColumns), name) != std::end(kByteColumns);
    if (!id && !bytes) fail("metrics." + name + ": no such metric; results/README.md lists them");
    if (id && record::info_of(*id).better == record::Better::kNeither)
      fail("metrics." + name + ": has no better direction, so it cannot be judged");
    check_keys(rule, "metrics." + name, {"delta", "delta_cpu", "delta_absolute", "gated"});
    MetricRule out;
    out.metric = name;
    out.delta = tolerance(rule, "metrics." + name, "delta", out.delta);
    if (rule.contains("delta_cpu")) out.delta_cpu = tolerance(rule, "metrics." + name, "delta_cpu", 0);
    if (rule.contains("delta_absolute")) out.delta_absolute = ratio(rule, "metrics." + name, "delta_absolute", 0);
    if (rule.contains("gated")) {
      if (!rule["gated"].is_boolean()) fail("metrics." + name + ".gated: expected true or false");
      out.gated = rule["gated"];
    }
    return out;
  }

  std::string where_;
};

}  // namespace

const MetricRule* Rules::find(std::string_view metric) const {
  const auto found = std::find_if(metrics.begin(), metrics.end(), [&](const MetricRule& rule) { return rule.metric == metric; });
  return found == metrics.end() ? nullptr : &*found;
}

Rules default_rules() {
  Rules rules;
  const auto timed = [&](std::string name, bool gated) { rules.metrics.push_back({std::move(name), 0.03, 0.08, {}, gated}); };
  const auto other = [&](std::string name, double delta, std::optional<double> absolute, bool gated) {
    rules.metrics.push_back({std::move(name), delta, {}, absolute, gated});
  };
  timed("decode_tok_per_s", true);
  timed("prefill_tok_per_s", true);
  timed("ttft_ms", true);
  timed("itl_p95_ms", true);
  timed("itl_mean_ms", false);
  timed("itl_p50_ms", false);
  timed("e2e_tok_per_s", false);
  timed("e2e_ms", false);
  other("energy_j_per_token", 0.05, {}, false);
  other("load_ms", 0.10, {}, true);
  other("first_request_ttft_ms", 0.10, {}, false);
  other("weight_bytes", 0, {}, true);
  other("kv_bytes", 0, {}, true);
  other("peak_allocated_bytes", 0.01, k32MiB, true);
  other("peak_bytes", 0.01, k32MiB, true);
  other("gpu_used_bytes", 0.01, k32MiB, true);
  other("quality_score", 0.05, {}, true);
  other("success_ratio", 0.05, {}, true);
  other("context_efficiency_ratio", 0.05, {}, false);
  std::sort(rules.metrics.begin(), rules.metrics.end(), [](const auto& a, const auto& b) { return a.metric < b.metric; });
  return rules;
}

Rules read_rules(const std::filesystem::path& path) { return RulesReader(path.string()).read(read_json_file(path)); }

void set_delta(Rules& rules, double delta) {
  for (MetricRule& rule : rules.metrics) {
    rule.delta = delta;
    rule.delta_cpu.reset();
    rule.delta_absolute.reset();
  }
}

double delta_of(const MetricRule& rule, bool cpu, double base) {
  const double ratio = cpu ? rule.delta_cpu.value_or(rule.delta) : rule.delta;
  if (!rule.delta_absolute || base == 0) return ratio;
  return std::max(ratio, *rule.delta_absolute / std::abs(base));
}

}  // namespace qbench::compare
