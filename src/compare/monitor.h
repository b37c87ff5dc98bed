#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/result_set.h"

/// The owner's monitor: limits per model, alerts where a measured value breaks one, and what the same numbers say can be done.
namespace qbench::compare {

enum class Severity : std::uint8_t { kWarning, kCritical };
std::string_view name_of(Severity severity) noexcept;  ///< "warning", "critical"

/// One limit. `metric` is a name of the catalogue or "memory_bytes": gpu_used_bytes on a GPU, peak_bytes on the CPU.
struct Threshold {
  std::string metric;
  std::optional<double> min, max;
  std::optional<double> fall_ratio;  ///< against BASE, where there is one: how far it may fall
  Severity severity = Severity::kWarning;
};

/// The limits of the models whose name holds one of `match` (lower case); the longest match counts. `match` of the default is empty.
struct ModelThresholds {
  std::string name;
  std::vector<std::string> match;
  std::vector<Threshold> thresholds;
};

struct Thresholds {
  std::vector<Threshold> everywhere;  ///< of every model, beside its own
  std::vector<ModelThresholds> models;
};

/// configs/thresholds.json. Error{kConfig} naming file and key.
Thresholds read_thresholds(const std::filesystem::path& path);

struct Alert {
  Severity severity = Severity::kWarning;
  std::string cell, metric, unit;  ///< metric: "status" of a row that failed
  double value = 0, limit = 0;
  std::string sentence;
};

/// What to do about it; follows from measured values alone, which the sentence names.
struct Recommendation {
  std::string cell;
  std::string bound;  ///< "bandwidth", "launch", "memory", "context", "prefill", "clocks"
  std::string sentence;
};

/// Alerts of every measured row and one, critical, of every row that failed; critical ones first; `base` pairs rows for limits on falling.
/// A metric without a value raises none; one of answers is the mean over the rows of a suite.
std::vector<Alert> find_alerts(const record::ResultSet& results, const Thresholds& thresholds, const record::ResultSet* base = nullptr);

std::vector<Recommendation> recommend(const record::ResultSet& results);

}  // namespace qbench::compare
