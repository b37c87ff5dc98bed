#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "quality/rating/facts.h"
#include "quality/rating/kpi.h"
#include "quality/rating/rating.h"

/// Everything that is known about an answer before it is rated, and the rules that make numbers and sentences of it.
namespace qbench::quality {

struct Evidence {
  std::string language;
  Facts facts;
  /// What mypy, tsc or g++ report. Nothing: the tool gave nothing, and `types_problem` says why.
  std::optional<std::vector<Spot>> diagnostics;
  std::string types_problem;
  std::optional<std::vector<SecurityFinding>> security;
  std::string security_problem;
  std::optional<CoverageFacts> coverage;
  std::string coverage_problem;
  std::vector<std::string> asked, absent;  ///< names that the prompt asks for, and those of them that the code does not have
  bool tests_asked = false, has_tests = false;
  bool unfinished = false;
  std::optional<Correctness> correctness;
};

/// Names that the prompt asks for in backticks ("`SearchBox`", "`--since`", "`GET /api/x?q=`" gives "/api/x"); what is asked not to be
/// there is left out.
std::vector<std::string> names_asked(std::string_view prompt);
/// The prompt asks for tests or assertions.
bool asks_for_tests(std::string_view prompt);
/// Whether `name` stands in `text`, an identifier as a whole word.
bool has_name(std::string_view text, std::string_view name);

/// The KPIs, in the catalogue's units.
KpiValues rate_kpis(const Evidence& evidence);
/// A KPI as a part of the score, 0 to 10; nothing where it has no value.
std::optional<double> part_of_score(const Evidence& evidence, const KpiValues& kpis, Kpi kpi);

/// Score, stars, readiness and use case, with their reasons.
void judge_rating(const Evidence& evidence, Rating& rating);

/// Strengths and limitations, most weighty first.
void write_sentences(const Evidence& evidence, Rating& rating);

/// What a judge's verdict says, "passes 5 of 5 tests"; empty without one.
std::string correctness_text(const std::optional<Correctness>& correctness);
bool counts(const std::optional<Correctness>& correctness);  ///< there is a verdict, and it is not the harness's own failure

/// What a file that cannot be read does not do: "compile" in C++, "parse" in the others.
inline const char* parse_verb(const Evidence& evidence) { return evidence.language == "cpp" ? "compile" : "parse"; }

/// "line 3", "lines 3, 8 and 12", "lines 3, 8, 12 and 4 more"; file names before the lines where there are several files.
std::string lines_text(std::vector<std::pair<std::string, std::int64_t>> places, bool several_files);

}  // namespace qbench::quality
