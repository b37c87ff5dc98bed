#include "report/comparison_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/units.h"
#include "report/page.h"
#include "report/text.h"

namespace qbench::report {
namespace {

using compare::CellOutcome;
using compare::Comparison;
using compare::Judgement;
using compare::Verdict;
using Json = nlohmann::ordered_json;

/// Worst first; within a verdict in the comparison's order.
constexpr Verdict kOrder[] = {Verdict::kWorse, Verdict::kSuspect, Verdict::kUnclear, Verdict::kMissing, Verdict::kBetter, Verdict::kSame};

const char* style_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBetter:
      return "good";
    case Verdict::kWorse:
      return "bad";
    case Verdict::kSame:
      return "dim";
    default:
      return "warn";
  }
}

bool is_no_news(const Judgement& judgement) {
  return judgement.verdict == Verdict::kMissing && judgement.reason == compare::Reason::kNoValue && !judgement.base && !judgement.fresh;
}

struct Line {
  const CellOutcome* cell;
  const Judgement* judgement;
};

std::vector<Line> lines_of(const Comparison& comparison) {
  std::vector<Line> lines;
  for (const Verdict verdict : kOrder) {
    for (const CellOutcome& cell : comparison.cells) {
      for (const Judgement& judgement : cell.judgements) {
        if (judgement.verdict == verdict && !is_no_news(judgement)) lines.push_back({&cell, &judgement});
      }
    }
  }
  return lines;
}

std::string value_cell(const std::optional<double>& value, const std::string& text, const std::string& unit) {
  if (!value) return fmt::format("<td class=\"n\" title=\"{0}\" data-value=\"{0}\">{1}</td>", html_text(text), html_text(text.empty() ? "\xE2\x80\x93" : text.substr(0, 12)));
  const bool bytes = unit == "bytes" && *value >= 1000.0 && *value < 1e18;
  return fmt::format("<td class=\"n\" data-value=\"{}\">{}</td>", record::format_value(value), bytes ? format_bytes(static_cast<std::uint64_t>(*value)) : metric_text(value));
}

std::string change_cell(const std::optional<double>& ratio) {
  if (!ratio || !std::isfinite(*ratio)) return "<td class=\"n\" data-value=\"\">\xE2\x80\x93</td>";
  return fmt::format("<td class=\"n\" data-value=\"{}\">{:+.2f} %</td>", record::format_value(*ratio - 1), 100 * (*ratio - 1));
}

std::string table_row(const Line& line, bool is_gate) {
  const Judgement& j = *line.judgement;
  const std::optional<double>& band = is_gate ? j.band : j.delta;
  std::string out = fmt::format("<tr data-verdict=\"{0}\"><td><span class=\"badge {1}\">{0}</span></td><th scope=\"row\" class=\"long\">{2}</th><td><code>{3}</code></td>", name_of(j.verdict),
                                style_of(j.verdict), html_text(line.cell->name()), html_text(j.metric));
  out += value_cell(j.base, j.base_text, j.unit) + value_cell(j.fresh, j.new_text, j.unit);
  out += fmt::format("<td>{}</td>", html_text(j.unit == "1" ? "ratio" : j.unit)) + change_cell(j.ratio);
  out += band ? fmt::format("<td class=\"n\" data-value=\"{}\">\xC2\xB1{:.3g} %</td>", record::format_value(band), 100 * *band) : "<td class=\"n\" data-value=\"\">\xE2\x80\x93</td>";
  return out + fmt::format("<td class=\"text long\">{}</td></tr>\n", html_text(j.sentence));
}

std::string judgements_table(const Comparison& comparison, const std::vector<Line>& lines, std::size_t index) {
  std::string out = fmt::format("<div class=\"controls\"><label>show <select class=\"filter\" data-table=\"verdicts-{}\"><option value=\"\">all verdicts</option>", index);
  for (const Verdict verdict : kOrder) {
    const auto n = std::count_if(lines.begin(), lines.end(), [verdict](const Line& line) { return line.judgement->verdict == verdict; });
    if (n > 0) out += fmt::format("<option value=\"{0}\">{0} ({1})</option>", name_of(verdict), n);
  }
  out += fmt::format("</select></label></div>\n<div class=\"scroll\"><table class=\"sortable\" id=\"verdicts-{}\"><thead><tr>", index);
  const char* band = comparison.is_gate ? "band" : "delta";
  const std::pair<const char*, bool> columns[] = {{"verdict", false}, {"row", false}, {"metric", false}, {comparison.is_gate ? "median of nights" : "base", true},
                                                  {"new", true}, {"unit", false}, {"change", true}, {band, true}, {"reason", false}};
  for (const auto& [name, number] : columns) out += fmt::format("<th{}><button type=\"button\">{}</button></th>", number ? " class=\"n\"" : "", name);
  out += "</tr></thead><tbody>\n";
  for (const Line& line : lines) out += table_row(line, comparison.is_gate);
  return out + "</tbody></table></div>\n";
}

std::string cell_notes(const Comparison& comparison) {
  std::string out;
  for (const std::string& note : comparison.notes) out += "<li>" + html_text(note) + "</li>\n";
  for (const CellOutcome& cell : comparison.cells) {
    const std::string name = html_text(cell.name());
    if (cell.new_state != compare::RowState::kMeasured)
      out += fmt::format("<li><b>{}</b>: {}{}{}</li>\n", name, name_of(cell.new_state), cell.failure.empty() ? "" : ": ", html_text(cell.failure));
    for (const std::string& note : cell.notes) out += fmt::format("<li><b>{}</b>: {}</li>\n", name, html_text(note));
  }
  return out.empty() ? out : "<ul class=\"note\">\n" + out + "</ul>\n";
}

std::string comparison_section(const Comparison& comparison, std::size_t index) {
  std::string out = fmt::format("<section><h2>{} against {}{}</h2>\n<p>", html_text(comparison.fresh.path), comparison.is_gate ? "the nights of " : "", html_text(comparison.base.path));
  const std::vector<Line> lines = lines_of(comparison);
  for (const Verdict verdict : kOrder) {
    const auto n = std::count_if(lines.begin(), lines.end(), [verdict](const Line& line) { return line.judgement->verdict == verdict; });
    if (n > 0) out += fmt::format("<span class=\"badge {}\">{} {}</span> ", style_of(verdict), n, name_of(verdict));
  }
  return out + "</p>\n" + cell_notes(comparison) + judgements_table(comparison, lines, index) + "</section>\n";
}

std::string alerts_section(const ComparisonReport& report) {
  if (!report.monitored) return {};
  std::string out = "<section><h2>Alerts</h2>\n<ul>";
  for (const compare::Alert& alert : report.alerts)
    out += fmt::format("<li><span class=\"badge {}\">{}</span> <b>{}</b>: {}</li>\n", name_of(alert.severity) == "critical" ? "bad" : "warn", name_of(alert.severity), html_text(alert.cell), html_text(alert.sentence));
  if (report.alerts.empty()) out += "<li>none</li>";
  out += "</ul>\n";
  if (!report.recommendations.empty()) out += "<h3>What the measurements say bounds each row</h3><ul>\n";
  for (const compare::Recommendation& one : report.recommendations) out += fmt::format("<li><b>{}</b>: {}</li>\n", html_text(one.cell), html_text(one.sentence));
  return out + (report.recommendations.empty() ? "" : "</ul>") + "</section>\n";
}

/// Ratios by metric, those that have one: what the chart draws.
Json ratios_json(const ComparisonReport& report) {
  Json out = Json::array();
  for (const Comparison& comparison : report.comparisons) {
    for (const CellOutcome& cell : comparison.cells) {
      for (const Judgement& j : cell.judgements) {
        if (!j.ratio || !std::isfinite(*j.ratio)) continue;
        const std::optional<double>& band = comparison.is_gate ? j.band : j.delta;
        const std::string label = report.comparisons.size() > 1 ? cell.name() + " @ " + comparison.fresh.path : cell.name();
        out.push_back({{"label", label}, {"metric", j.metric}, {"better", name_of(j.better)}, {"change", 100 * (*j.ratio - 1)}, {"band", band ? Json(100 * *band) : Json(nullptr)},
                       {"verdict", name_of(j.verdict)}});
      }
    }
  }
  return out;
}

std::string chart_section(const Json& ratios) {
  if (ratios.empty()) return {};
  std::vector<std::string> metrics;
  for (const auto& one : ratios) {
    const std::string metric = one["metric"].get<std::string>();
    if (std::find(metrics.begin(), metrics.end(), metric) == metrics.end()) metrics.push_back(metric);
  }
  std::string out = "<section><h2>Changes</h2><div class=\"cards\"><figure class=\"card wide\"><div class=\"controls\"><label>metric <select id=\"ratio-metric\">";
  for (const std::string& metric : metrics) out += fmt::format("<option{1}>{0}</option>", html_text(metric), metric == "decode_tok_per_s" ? " selected" : "");
  return out + "</select></label></div><p class=\"note\" id=\"ratio-note\"></p><div class=\"plot\"><canvas id=\"chart-ratios\" role=\"img\" aria-label=\"Change of the chosen metric, row by row\">"
               "</canvas></div></figure></div></section>\n";
}

}  // namespace

std::string comparison_page(const ComparisonReport& report) {
  const bool gate = !report.comparisons.empty() && report.comparisons.front().is_gate;
  std::string body = fmt::format("<header><div><h1>{}</h1></div><button id=\"theme\" type=\"button\">dark / light</button></header>\n<main>\n", gate ? "qbench gate" : "qbench compare");
  for (std::size_t i = 0; i < report.comparisons.size(); ++i) body += comparison_section(report.comparisons[i], i);
  const Json ratios = ratios_json(report);
  body += alerts_section(report) + chart_section(ratios) + "</main>";
  return html_page(gate ? "qbench gate" : "qbench compare", body, {{"ratios", ratios}});
}

}  // namespace qbench::report
