#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace qbench::record {

/// Every number that qbench measures. The table in metric_catalog.cpp holds name, unit, direction, formula and statistics of each; CSV
/// header, markdown, terminal table and results/README.md are made from it. Order here is the order of the columns.
enum class MetricId : std::uint8_t {
  kLoadMs,
  kOpenMs,
  kPackMs,
  kFirstRequestTtftMs,
  kFirstRequestE2eMs,
  kTtftMs,
  kItlMeanMs,
  kPrefillTokPerS,
  kDecodeTokPerS,
  kE2eTokPerS,
  kE2eMs,
  kRenderMs,
  kTokenizeMs,
  kPrefillMs,
  kDecodeMs,
  kDetokenizeMs,
  kItlP50Ms,
  kItlP90Ms,
  kItlP95Ms,
  kItlP99Ms,
  kCharsPerS,
  kBytesPerToken,
  kPromptTokens,
  kOutputTokens,
  kContextUseRatio,
  kThinkingTokens,
  kAnswerTokens,
  kThinkingMs,
  kFirstAnswerMs,
  kThinkingTokPerS,
  kAnswerTokPerS,
  kForcedTokens,
  kPrefixCachedTokens,
  kPrefixSavedMs,
  kPeakBytes,
  kCpuUseCores,
  kDiscardedTokens,
  kGpuUseRatio,
  kGpuSmClockMhz,
  kGpuMemoryClockMhz,
  kGpuPowerW,
  kGpuTemperatureC,
  kGpuThrottleRatio,
  kGpuUsedBytes,
  kEnergyJPerToken,
  kPrefillGbPerS,
  kPrefillTflopPerS,
  kPrefillRooflineRatio,
  kDecodeGbPerS,
  kDecodeTflopPerS,
  kDecodeRooflineRatio,
  kQualityScore,
  kSuccessRatio,
  kFirstAttemptSuccessRatio,
  kPassAt1Ratio,
  kPassAtKRatio,
  kMeanIterations,
  kTasksJudged,
  kHarnessErrors,
  kTasksPerHour,
  kResponseRelevance,
  kCompleteness,
  kErrorHandlingPercent,
  kDocumentation,
  kTypeCompliancePercent,
  kTestCoveragePercent,
  kSecurityFindings,
  kStructure,
  kStars,
  kContextEfficiencyRatio,
  kThinkingEfficiency,
  kSelfConsistencyRatio,
  kCount
};
inline constexpr std::size_t kMetricCount = static_cast<std::size_t>(MetricId::kCount);

enum class Better : std::uint8_t { kHigher, kLower, kNeither };

/// What one value of the metric belongs to, and so what its statistics are taken over.
enum class MetricScope : std::uint8_t {
  kLoad,        ///< one load of the model in a fresh worker process, and its first request
  kRepetition,  ///< one timed repetition
  kCellGaps,   ///< the gaps between tokens of all timed repetitions of the cell, pooled: one value a cell, no statistic in the column's name
  kRoofline,   ///< derived from the cell's medians, its costs and the machine's limits: one value a cell, no statistic in the name
  kCellTasks,  ///< the tasks of the cell, judged: one value a session; the cell's is their median, no statistic in the name
};

/// Statistic over the values of a scope; kNone for kCellGaps, kRoofline and kCellTasks.
enum class Statistic : std::uint8_t { kNone, kMedian, kMin, kMax, kMean, kStddev };
inline constexpr std::size_t kStatisticCount = 6;

struct MetricInfo {
  MetricId id;
  std::string_view name;  ///< "ttft_ms": the key in samples.jsonl
  std::string_view unit;  ///< "ms", "tok/s", "bytes", "tokens", "1" (a ratio or count), ...
  Better better;
  MetricScope scope;
  bool integer;                           ///< printed without decimals where the statistic is an integer
  std::string_view formula;               ///< in t0, t1, tn, n, p: see results/README.md
  std::span<const Statistic> statistics;  ///< those that have a column; the first one is the row's value
  /// Judged by gates and comparisons, so the row keeps the value of each session in a column `<metric>_by_session`.
  bool by_session = false;

  Statistic main_statistic() const { return statistics.front(); }
};

/// The whole table, in order of MetricId.
std::span<const MetricInfo, kMetricCount> metric_catalog();
const MetricInfo& info_of(MetricId id);
std::optional<MetricId> metric_from_name(std::string_view name);

std::string_view name_of(Better better) noexcept;        ///< "higher", "lower", "neither"
std::string_view name_of(MetricScope scope) noexcept;    ///< "load", "repetition", "cell_gaps", "roofline", "cell_tasks"
std::string_view name_of(Statistic statistic) noexcept;  ///< "", "median", "min", "max", "mean", "stddev"

/// `ttft_ms_median`, `itl_p95_ms`.
std::string column_name(MetricId id, Statistic statistic);
/// `ttft_ms_by_session`: the values of the sessions in order, separated by single spaces, `-` where a session has none.
std::string by_session_column_name(MetricId id);

/// The metrics of one load or one repetition; nothing means undefined or not measured, never 0.
class MetricValues {
 public:
  const std::optional<double>& operator[](MetricId id) const { return values_[static_cast<std::size_t>(id)]; }
  std::optional<double>& operator[](MetricId id) { return values_[static_cast<std::size_t>(id)]; }

 private:
  std::array<std::optional<double>, kMetricCount> values_{};
};

/// The metrics of one cell: a value per metric and statistic.
class MetricSummary {
 public:
  const std::optional<double>& at(MetricId id, Statistic statistic) const { return values_[index(id, statistic)]; }
  void set(MetricId id, Statistic statistic, std::optional<double> value) { values_[index(id, statistic)] = value; }

 private:
  static std::size_t index(MetricId id, Statistic statistic) {
    return static_cast<std::size_t>(id) * kStatisticCount + static_cast<std::size_t>(statistic);
  }
  std::array<std::optional<double>, kMetricCount * kStatisticCount> values_{};
};

/// A value as CSV and JSON hold it: shortest digits that read back to the same double, integers without point; empty when there is none or
/// it is not finite. C locale.
std::string format_value(const std::optional<double>& value);

}  // namespace qbench::record
