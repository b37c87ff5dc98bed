#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/plural.h"
#include "quality/rating/evidence.h"

namespace qbench::quality {
namespace {

constexpr std::int64_t kLongFunction = 50, kComplexFunction = 10;

double share(std::int64_t part, std::int64_t whole) { return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole); }
double tenth(double value) { return static_cast<double>(static_cast<std::int64_t>(value * 10 + 0.5)) / 10; }

std::string spaced(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

KpiValue nothing(std::string why) { return {std::nullopt, std::move(why), 0, 0}; }

/// Value, its count and a sentence; the value is rounded to a tenth, as it is shown and stored.
KpiValue counted(double value, std::int64_t part, std::int64_t whole, std::string evidence) {
  return {tenth(value), std::move(evidence), part, whole};
}

KpiValue completeness(const Evidence& evidence) {
  const Facts& facts = evidence.facts;
  if (const SourceFacts* broken = facts.unparsed())
    return counted(0, 0, 1, fmt::format("{} does not {}: {}", broken->path, parse_verb(evidence), *broken->parse_error));
  std::int64_t units = 0, done = 0, hollow = 0, markers = 0;
  for (const FunctionFacts& one : facts.functions) {
    if (!one.is_rated()) continue;
    ++units;
    one.body == "ok" ? ++done : ++hollow;
  }
  for (const Spot& one : facts.findings) markers += one.kind == "marker" ? 1 : 0;
  const auto asked = static_cast<std::int64_t>(evidence.asked.size()), absent = static_cast<std::int64_t>(evidence.absent.size());
  const auto undefined = static_cast<std::int64_t>(facts.undefined.size());
  units += asked + markers + undefined + (evidence.tests_asked ? 1 : 0);
  done += asked - absent + (evidence.tests_asked && evidence.has_tests ? 1 : 0);
  std::string text = fmt::format("{} of {} units are done", done, units);
  if (hollow > 0) text += fmt::format("; {} that do nothing", hollow);
  if (markers > 0) text += fmt::format("; {} marked as missing", markers);
  if (absent > 0) text += "; asked for and not there: " + spaced(evidence.absent);
  if (undefined > 0) text += fmt::format("; {} used and defined nowhere", undefined);
  if (evidence.tests_asked && !evidence.has_tests) text += "; the tests asked for are not there";
  if (evidence.unfinished) text += "; the answer was cut off, which halves it";
  if (units == 0) return nothing("no functions, and nothing is asked for by name");
  const double value = 10.0 * share(done, units);
  return counted(evidence.unfinished ? value / 2 : value, done, units, text);
}

KpiValue error_handling(const Evidence& evidence) {
  std::int64_t handled = 0, all = 0;
  std::vector<std::string> open;
  for (const Spot& one : evidence.facts.risks) {
    ++all;
    if (one.flag) {
      ++handled;
    } else if (open.size() < 3) {
      open.push_back(fmt::format("{} in line {}", one.text, one.line));
    }
  }
  if (all == 0) return nothing("nothing in the code fails for reasons outside of it");
  std::string text = fmt::format("{} of {} operations that can fail from outside are handled", handled, all);
  if (!open.empty()) text += "; not: " + spaced(open);
  return counted(100 * share(handled, all), handled, all, text);
}

KpiValue documentation(const Evidence& evidence) {
  std::int64_t documented = 0, all = 0, comments = 0, code = 0;
  bool head = false;
  const auto count = [&](bool has) {
    ++all;
    documented += has ? 1 : 0;
  };
  for (const FunctionFacts& one : evidence.facts.functions) {
    if (one.is_public && !one.nested && one.is_rated() && !one.dunder() && one.name != one.owner && one.name != "constructor")
      count(one.documented);
  }
  for (const ClassFacts& one : evidence.facts.classes) {
    if (one.is_public && !one.nested && !one.is_test) count(one.documented);
  }
  for (const SourceFacts& file : evidence.facts.files) {
    if (file.is_test) continue;
    comments += file.comment_lines;
    code += file.code_lines;
    head = head || file.head_comment;
  }
  if (code == 0) return nothing("no code");
  const double density = std::min(1.0, static_cast<double>(comments) / (0.08 * static_cast<double>(code)));
  const double value = all > 0 ? 7 * share(documented, all) + (head ? 1 : 0) + 2 * density : 10 * ((head ? 1 : 0) + 2 * density) / 3;
  return counted(value, documented, all,
                 fmt::format("{} of {} public functions and classes documented, {} head comment, {} comment lines beside {} code lines",
                             documented, all, head ? "a" : "no", comments, code));
}

/// The innermost function around a line; nothing outside of all.
const FunctionFacts* function_at(const Facts& facts, const std::string& file, std::int64_t line) {
  const FunctionFacts* best = nullptr;
  for (const FunctionFacts& one : facts.functions) {
    if (one.file == file && one.start <= line && line <= one.end_line && (best == nullptr || one.lines <= best->lines)) best = &one;
  }
  return best;
}

KpiValue type_compliance(const Evidence& evidence) {
  if (!evidence.diagnostics && evidence.language != "python") return nothing(evidence.types_problem);
  std::set<const FunctionFacts*> reported;
  std::set<std::pair<std::string, std::int64_t>> outside;
  std::int64_t in_tests = 0, messages = 0;
  for (const Spot& one : evidence.diagnostics.value_or(std::vector<Spot>{})) {
    const FunctionFacts* function = function_at(evidence.facts, one.file, one.line);
    if (function != nullptr && function->is_test) {
      ++in_tests;
      continue;
    }
    ++messages;
    if (function != nullptr) {
      reported.insert(function);
    } else {
      outside.emplace(one.file, one.line);
    }
  }
  std::int64_t slots = static_cast<std::int64_t>(outside.size()), typed = 0;
  for (const FunctionFacts& one : evidence.facts.functions) {
    if (!one.is_rated()) continue;
    slots += one.slots;
    typed += reported.count(&one) > 0 ? 0 : one.typed;
  }
  for (const Spot& one : evidence.facts.findings) slots += one.kind == "any" ? 1 : 0;
  if (slots == 0) return nothing("no functions, so nothing to type");
  std::string text = fmt::format("{} of {} parameters and results are typed and free of reports", typed, slots);
  text +=
      evidence.diagnostics ? "; " + plural(static_cast<std::size_t>(messages), "report") : "; annotations alone: " + evidence.types_problem;
  return counted(100 * share(typed, slots), typed, slots, text);
}

KpiValue test_coverage(const Evidence& evidence) {
  if (evidence.language != "python") return nothing("coverage is measured of Python only");
  if (!evidence.has_tests) {
    return evidence.tests_asked ? counted(0, 0, 1, "the prompt asks for tests and the answer has none")
                                : nothing("the answer has no tests of its own");
  }
  if (!evidence.coverage) return nothing(evidence.coverage_problem);
  std::int64_t executed = 0, all = 0;
  for (const CoverageFacts::File& file : evidence.coverage->files) {
    const auto source = std::find_if(evidence.facts.files.begin(), evidence.facts.files.end(),
                                     [&](const SourceFacts& one) { return one.path == file.path; });
    if (source == evidence.facts.files.end() || source->is_test) continue;
    const auto is_code = [&](std::int64_t line) {
      const FunctionFacts* function = function_at(evidence.facts, file.path, line);
      return function == nullptr || !function->is_test;
    };
    const std::int64_t reached = std::count_if(file.executed.begin(), file.executed.end(), is_code);
    executed += reached;
    all += reached + std::count_if(file.missing.begin(), file.missing.end(), is_code);
  }
  const CoverageFacts& run = *evidence.coverage;
  if (all == 0 || run.passed + run.failed == 0)
    return counted(0, 0, std::max<std::int64_t>(all, 1), "its own tests could not run: " + run.last_line);
  return counted(
      100 * share(executed, all), executed, all,
      fmt::format("its own tests reach {} of {} lines; {} passed, {} failed", executed, all, run.passed, run.failed + run.errors));
}

KpiValue security(const Evidence& evidence) {
  if (evidence.language != "python") return nothing("no tool for this language; bandit reads Python");
  if (!evidence.security) return nothing(evidence.security_problem);
  const auto found = static_cast<std::int64_t>(evidence.security->size());
  std::set<std::string> rules;
  for (const SecurityFinding& one : *evidence.security) rules.insert(one.rule + " " + one.severity);
  std::string text = found == 0 ? "bandit finds nothing" : fmt::format("bandit finds {}: {}", found, spaced({rules.begin(), rules.end()}));
  return {static_cast<double>(found), std::move(text), found, 0};
}

KpiValue structure(const Evidence& evidence) {
  std::int64_t within = 0, all = 0, longest = 0, most_complex = 0, code = 0, loose = 0;
  for (const FunctionFacts& one : evidence.facts.functions) {
    if (!one.is_rated()) continue;
    ++all;
    within += one.lines <= kLongFunction && one.complexity <= kComplexFunction ? 1 : 0;
    longest = std::max(longest, one.lines);
    most_complex = std::max(most_complex, one.complexity);
  }
  for (const SourceFacts& file : evidence.facts.files) {
    if (file.is_test) continue;
    code += file.code_lines;
    loose += file.loose_lines;
  }
  if (code == 0) return nothing("no code");
  const double outside = share(loose, code);
  // Code without a function is one: judged by its length.
  const double base = all > 0 ? 10 * share(within, all) : (code <= kLongFunction ? 10.0 : 0.0);
  const double value = std::max(0.0, base - 10 * std::max(0.0, outside - 1.0 / 3));
  return counted(value, within, all,
                 fmt::format("{}, the longest of {} lines, the highest complexity {}; {} of {} code lines stand outside of functions",
                             plural(static_cast<std::size_t>(all), "function"), longest, most_complex, loose, code));
}

}  // namespace

KpiValues rate_kpis(const Evidence& evidence) {
  KpiValues kpis;
  const auto at = [&kpis](Kpi kpi) -> KpiValue& { return kpis[static_cast<std::size_t>(kpi)]; };
  at(Kpi::kCompleteness) = completeness(evidence);
  if (const SourceFacts* broken = evidence.facts.unparsed()) {
    const std::string why = fmt::format("{} does not {}", broken->path, parse_verb(evidence));
    for (std::size_t i = 1; i < kKpiCount; ++i) kpis[i] = nothing(why);
    return kpis;
  }
  at(Kpi::kErrorHandling) = error_handling(evidence);
  at(Kpi::kDocumentation) = documentation(evidence);
  at(Kpi::kTypeCompliance) = type_compliance(evidence);
  at(Kpi::kTestCoverage) = test_coverage(evidence);
  at(Kpi::kSecurity) = security(evidence);
  at(Kpi::kStructure) = structure(evidence);
  return kpis;
}

std::optional<double> part_of_score(const Evidence& evidence, const KpiValues& kpis, Kpi kpi) {
  const std::optional<double>& value = kpis[static_cast<std::size_t>(kpi)].value;
  if (!value) return std::nullopt;
  if (kpi == Kpi::kSecurity) {
    double part = 10;
    for (const SecurityFinding& one : evidence.security.value_or(std::vector<SecurityFinding>{}))
      part -= one.severity == "HIGH" ? 4 : one.severity == "MEDIUM" ? 2 : 0.5;
    return std::max(0.0, part);
  }
  return info_of(kpi).unit == "%" ? *value / 10 : *value;
}

}  // namespace qbench::quality
