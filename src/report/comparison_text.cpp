#include "report/comparison_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "compare/sentences.h"
#include "report/terminal_table.h"
#include "report/text.h"

namespace qbench::report {
namespace {

using compare::CellOutcome;
using compare::Comparison;
using compare::Judgement;
using compare::Verdict;

constexpr Verdict kWorstFirst[] = {Verdict::kWorse,   Verdict::kSuspect, Verdict::kMissing,
                                   Verdict::kUnclear, Verdict::kBetter,  Verdict::kSame};

const char* color_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kWorse:
      return "31";
    case Verdict::kBetter:
      return "32";
    case Verdict::kSuspect:
    case Verdict::kUnclear:
      return "33";
    default:
      return "0";
  }
}

std::string painted(const std::string& text, const char* code, bool color) {
  return color ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

/// Numbers stand without their unit, which the metric's name holds; bytes do not fit without one.
std::string number_text(const std::optional<double>& value, const Judgement& judgement) {
  return value ? compare::value_text(*value, judgement.unit == "bytes" ? "bytes" : "") : std::string("-");
}

std::string change_text(const Judgement& judgement) {
  return judgement.ratio ? fmt::format("{:+.1f} %", 100 * (*judgement.ratio - 1)) : std::string();
}

/// "0.812 to 0.851", of a ratio of pairs.
std::string interval_text(const Judgement& judgement) {
  return judgement.ratio_low && judgement.ratio_high ? fmt::format("{:.3f} to {:.3f}", *judgement.ratio_low, *judgement.ratio_high) : std::string();
}

bool neither_has(const Judgement& j) {
  return j.reason == compare::Reason::kNoValue && !j.base && !j.fresh && j.base_text.empty() && j.new_text.empty();
}

std::vector<const Judgement*> worst_first(const CellOutcome& cell, bool all) {
  std::vector<const Judgement*> ordered;
  for (const Verdict verdict : kWorstFirst) {
    for (const Judgement& judgement : cell.judgements) {
      if (judgement.verdict == verdict && (all || (verdict != Verdict::kSame && !neither_has(judgement)))) ordered.push_back(&judgement);
    }
  }
  return ordered;
}

std::string counts_text(const Comparison& comparison) {
  std::string text;
  for (const Verdict verdict : {Verdict::kSame, Verdict::kBetter, Verdict::kWorse, Verdict::kSuspect, Verdict::kUnclear}) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", comparison.count(verdict), name_of(verdict));
  }
  std::size_t missing = 0;
  for (const CellOutcome& cell : comparison.cells) {
    missing += static_cast<std::size_t>(std::count_if(cell.judgements.begin(), cell.judgements.end(), [](const Judgement& j) {
      return j.verdict == Verdict::kMissing && !neither_has(j);
    }));
  }
  return text + fmt::format(", {} missing", missing);
}

std::string right(const std::string& text, std::size_t width) {
  const std::size_t used = display_width(text);
  return std::string(width - std::min(width, used), ' ') + text;
}
std::string left(const std::string& text, std::size_t width) {
  const std::string fitted = fit_width(text, width);
  return fitted + std::string(width - display_width(fitted), ' ');
}

std::string judgement_lines(const Judgement& j, const ComparisonOptions& options) {
  const bool numbers = j.base || j.fresh;
  std::string line = "  " + left(j.metric, 24) + " ";
  line += numbers ? right(number_text(j.base, j), 10) + " " + right(number_text(j.fresh, j), 10) + " " + right(change_text(j), 8)
                  : std::string(30, ' ');
  const std::string verdict = fit_width(compare::short_text(j), options.width - 58);
  std::string out = line + " " + painted(verdict, color_of(j.verdict), options.color) + "\n";
  if (j.verdict != Verdict::kSame) out += wrapped(j.sentence, "      ", options.width);
  return out;
}

/// A line of a comparison of pairs: baseline, candidate, ratio, interval, verdict.
std::string paired_lines(const Judgement& j, const ComparisonOptions& options) {
  const bool numbers = j.base || j.fresh;
  std::string line = "  " + left(j.metric, 20) + " ";
  line += numbers ? right(number_text(j.base, j), 9) + " " + right(number_text(j.fresh, j), 9) + " " +
                        right(j.ratio ? fmt::format("{:.3f}", *j.ratio) : std::string(), 6) + "  " + left(interval_text(j), 14)
                  : std::string(42, ' ');
  const std::string verdict(name_of(j.verdict));
  std::string out = line + "  " + painted(verdict, color_of(j.verdict), options.color) + "\n";
  if (j.verdict != Verdict::kSame) out += wrapped(j.sentence, "      ", options.width);
  return out;
}

std::string paired_cell_terminal(const CellOutcome& cell, const ComparisonOptions& options) {
  std::string out = "\n" + painted(fit_width(one_line(cell.name()), options.width), "1", options.color) + "\n";
  for (const std::string& note : cell.notes) out += wrapped(note, "  ", options.width);
  out += "  " + left("", 20) + "  Baseline Candidate  ratio  95 % interval   verdict\n";
  for (const Judgement* judgement : worst_first(cell, true)) out += paired_lines(*judgement, options);
  return out;
}

std::string cell_terminal(const CellOutcome& cell, const ComparisonOptions& options) {
  const auto judgements = worst_first(cell, options.all);
  if (judgements.empty()) return {};
  std::string out = "\n" + painted(fit_width(one_line(cell.name()), options.width), "1", options.color) + "\n";
  for (const std::string& note : cell.notes) out += wrapped(note, "  ", options.width);
  for (const Judgement* judgement : judgements) out += judgement_lines(*judgement, options);
  return out;
}

std::string head_text(const Comparison& comparison) {
  if (comparison.is_paired) return fmt::format("CANDIDATE {} against BASE {}", comparison.fresh.path, comparison.base.path);
  const std::string against = comparison.is_gate ? "the history " + comparison.base.path : "BASE " + comparison.base.path;
  return fmt::format("NEW {} against {}", comparison.fresh.path, against);
}

std::string monitor_terminal(const ComparisonReport& report, const ComparisonOptions& options) {
  if (!report.monitored) return {};
  std::string out = fmt::format("\n{} alerts\n", report.alerts.size());
  for (const auto& alert : report.alerts) {
    out += wrapped(fmt::format("{}: {}: {}", name_of(alert.severity), alert.cell, alert.sentence), "  ", options.width);
  }
  if (!report.recommendations.empty()) out += "\nWhat the measurements say\n";
  for (const auto& one : report.recommendations)
    out += wrapped(fmt::format("{}: {}: {}", one.bound, one.cell, one.sentence), "  ", options.width);
  return out;
}

std::string sessions_text(const Judgement& j) {
  if (j.base_sessions.empty() && j.new_sessions.empty()) return {};
  return fmt::format("{} / {}", j.base_sessions.size(), j.new_sessions.size());
}

std::string cell_markdown(const CellOutcome& cell) {
  std::string out = fmt::format("\n### {}\n\n", markdown_text(cell.name()));
  for (const std::string& note : cell.notes) out += "- " + markdown_text(note) + "\n";
  if (!cell.notes.empty()) out += "\n";
  MarkdownTable table({"Metric", "Base", "New", "Change", "n", "Verdict", "Reason"}, {false, true, true, true, true, false, false});
  for (const Judgement* j : worst_first(cell, true)) {
    if (neither_has(*j)) continue;
    table.add({markdown_text(j->metric), markdown_text(number_text(j->base, *j)), markdown_text(number_text(j->fresh, *j)),
               markdown_text(change_text(*j) + (j->ratio_low ? " (ratio " + interval_text(*j) + ")" : "")), sessions_text(*j), markdown_text(compare::short_text(*j)), markdown_text(j->sentence)});
  }
  return out + table.text();
}

}  // namespace

std::string comparison_terminal(const ComparisonReport& report, const ComparisonOptions& given) {
  ComparisonOptions options = given;
  options.width = std::max<std::size_t>(options.width, 60);
  std::string out;
  for (const Comparison& comparison : report.comparisons) {
    out += (out.empty() ? "" : "\n") + wrapped(head_text(comparison), "", options.width) + counts_text(comparison) + "\n";
    for (const std::string& note : comparison.notes) out += wrapped(note, "", options.width);
    for (const CellOutcome& cell : comparison.cells)
      out += comparison.is_paired ? paired_cell_terminal(cell, options) : cell_terminal(cell, options);
  }
  return out + monitor_terminal(report, options);
}

std::string comparison_markdown(const ComparisonReport& report) {
  std::string out;
  for (const Comparison& comparison : report.comparisons) {
    out += fmt::format("{}## {}\n\n{}\n", out.empty() ? "" : "\n", markdown_text(head_text(comparison)), counts_text(comparison));
    for (const std::string& note : comparison.notes) out += "\n" + markdown_text(note) + "\n";
    for (const CellOutcome& cell : comparison.cells) out += cell_markdown(cell);
  }
  if (!report.monitored) return out;
  MarkdownTable alerts({"Severity", "Cell", "Alert"}, {false, false, false});
  for (const auto& alert : report.alerts)
    alerts.add({std::string(name_of(alert.severity)), markdown_text(alert.cell), markdown_text(alert.sentence)});
  out += fmt::format("{}## Alerts\n\n{}", out.empty() ? "" : "\n", report.alerts.empty() ? "none\n" : alerts.text());
  if (report.recommendations.empty()) return out;
  out += "\n## What the measurements say\n\n";
  for (const auto& one : report.recommendations)
    out += fmt::format("- {}: {}: {}\n", one.bound, markdown_text(one.cell), markdown_text(one.sentence));
  return out;
}

}  // namespace qbench::report
