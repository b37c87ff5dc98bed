#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compare/verdict.h"

/// What is judged, and how far it may move.
namespace qbench::compare {

/// Tolerance of one metric.
struct MetricRule {
  std::string metric;                    ///< name in the catalogue, or a column of bytes: "kv_bytes"
  double delta = 0.03;                   ///< as a ratio
  std::optional<double> delta_cpu;       ///< on the CPU, where it differs
  std::optional<double> delta_absolute;  ///< in the metric's unit; the larger of both counts
  bool gated = true;                     ///< judged against a history too; false: by comparisons alone
  bool operator==(const MetricRule&) const = default;
};

struct Rules {
  std::size_t window = 20;                    ///< accepted nights that a baseline is made of
  std::size_t fail_from = 20;                 ///< accepted nights from which an excess can become worse
  std::size_t warn_from = 8;                  ///< from which it is said at all
  double spreads = 4;                         ///< 1.4826 MADs that the band is at least wide
  double noisy_ratio = 0.02;                  ///< spread over median above which no verdict is given
  double task_p = 0.05;                       ///< of the exact McNemar test
  Verdict output_change = Verdict::kUnclear;  ///< of other output ids: unclear or worse
  std::vector<MetricRule> metrics;
  bool operator==(const Rules&) const = default;

  /// Nothing for a metric that is not judged.
  const MetricRule* find(std::string_view metric) const;
};

/// The rules that hold without a file; configs/gates/nightly.json says the same.
Rules default_rules();

/// A gate file. Error{kConfig} naming file and key: unknown keys, a metric that the catalogue does not have or that has no better
/// direction, tolerances below 0 or not finite, deltas above 1, warn_from above fail_from or fail_from above window, windows above 1,000.
Rules read_rules(const std::filesystem::path& path);

/// One tolerance for all metrics that have a ratio ("--delta 3%"): absolute ones and those of the CPU go.
void set_delta(Rules& rules, double delta);

/// The ratio by which a value may differ from `base` on a device.
double delta_of(const MetricRule& rule, bool cpu, double base);

}  // namespace qbench::compare
