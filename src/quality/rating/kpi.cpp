#include "quality/rating/kpi.h"

#include <fmt/format.h>

namespace qbench::quality {
namespace {

constexpr std::array<KpiInfo, kKpiCount> kCatalog{{
    {Kpi::kCompleteness, "completeness", "Completeness", "0-10", true, 2.0,
     "10 x done / units. Units: functions, names that the prompt asks for in backticks, tests where it asks for tests, and what is marked "
     "as missing. Not done: functions that do nothing (placeholders, and those that return one constant whatever they are given), TODO and "
     "elision comments, names asked for that the code does not have (comments do not count; where it passes its tests, they were words and "
     "not names), names used that nothing defines. Halved when "
     "the answer was cut off; 0 when no file parses; empty without units"},
    {Kpi::kErrorHandling, "error_handling_percent", "Error-handling coverage", "%", true, 1.5,
     "100 x handled / operations that fail for reasons outside the code (files, network, processes, parsing and conversion of data, "
     "running a model, indexing of "
     "what came from outside). Handled: inside a try whose handler does something, in a function that is only called from such a try, or "
     "guarded by a test of the same "
     "value. Empty where there is no such operation"},
    {Kpi::kDocumentation, "documentation", "Documentation", "0-10", true, 1.0,
     "10 x (0.7 x public functions and classes with a docstring or a comment right before them that says more than their name and is not "
     "that of another / all of them + 0.1 for a head comment of the main file + 0.2 x min(1, comment lines / (0.08 x code lines))), "
     "docstrings counted as comment lines; tests do not count"},
    {Kpi::kTypeCompliance, "type_compliance_percent", "Type compliance", "%", true, 1.0,
     "100 x typed / slots. Slots: parameters (self and cls left out) and results of functions. Typed: annotated in Python, not `Any` or "
     "`any`, all in C++; and "
     "only where mypy, tsc --strict or g++ -Wall -Wextra reports nothing within the function. What is reported outside of functions is one "
     "slot each, not typed. Without "
     "the tool: annotations alone in Python, empty in the others"},
    {Kpi::kTestCoverage, "test_coverage_percent", "Test coverage achieved", "%", true, 0.5,
     "100 x lines run / lines that can run, of the answer without its tests, when its own tests run under coverage in the sandbox (pytest, "
     "which runs unittest's too). 0 where the prompt "
     "asks for tests and there are none; empty where it does not, and for other languages than Python. Measured in the answer's own "
     "process"},
    {Kpi::kSecurity, "security_findings", "Security findings", "findings", false, 0.5,
     "number of bandit's findings, tests and its assert rule (B101) left out. As a part of the score: 10 - 0.5 for each low, 2 for each "
     "medium, 4 for each high one, "
     "at least 0. Empty without bandit and for other languages than Python"},
    {Kpi::kStructure, "structure", "Structure", "0-10", true, 0.5,
     "10 x functions of at most 50 lines and a cyclomatic complexity of at most 10 / functions; less 10 x the share of code lines that "
     "stand outside of functions and classes "
     "beyond a third (imports and constants are not counted)"},
}};

}  // namespace

std::span<const KpiInfo, kKpiCount> kpi_catalog() { return kCatalog; }

const KpiInfo& info_of(Kpi kpi) { return kCatalog[static_cast<std::size_t>(kpi)]; }

std::string kpi_table_markdown() {
  std::string out = "| KPI | unit | better | weight | formula |\n|---|---|---|---:|---|\n";
  for (const KpiInfo& info : kCatalog) {
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", info.name, info.unit, info.higher_is_better ? "higher" : "lower", info.weight,
                       info.formula);
  }
  return out;
}

}  // namespace qbench::quality
