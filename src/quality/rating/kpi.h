#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace qbench::quality {

/// What an answer's code is rated by, beside whether it works.
enum class Kpi : std::uint8_t {
  kCompleteness,
  kErrorHandling,
  kDocumentation,
  kTypeCompliance,
  kTestCoverage,
  kSecurity,
  kStructure,
  kCount
};
inline constexpr std::size_t kKpiCount = static_cast<std::size_t>(Kpi::kCount);

struct KpiInfo {
  Kpi kpi;
  std::string_view name;   ///< "completeness": the key in records, CSV and JSON
  std::string_view title;  ///< "Completeness"
  std::string_view unit;   ///< "0-10", "%", "findings"
  bool higher_is_better;
  double weight;             ///< in quality_score
  std::string_view formula;  ///< in words, as the docs print it
};

/// The whole table, in order of Kpi. src/quality/rating/README.md holds the same rows.
std::span<const KpiInfo, kKpiCount> kpi_catalog();
const KpiInfo& info_of(Kpi kpi);

/// One KPI of one answer.
struct KpiValue {
  std::optional<double> value;  ///< in the catalogue's unit; nothing where it could not be known
  std::string evidence;         ///< what was counted, "9 of 12 risky operations are inside a handler"; without a value: why there is none
  std::int64_t counted = 0, of = 0;  ///< the count behind it; of findings alone `counted`
};
using KpiValues = std::array<KpiValue, kKpiCount>;

/// The KPI table as markdown: name, unit, weight, formula.
std::string kpi_table_markdown();

}  // namespace qbench::quality
