#include "report/across_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "record/csv.h"
#include "report/junit.h"
#include "report/junit_names.h"
#include "report/page.h"

namespace qbench::report {
namespace {

using compare::AcrossLine;
using compare::AcrossTable;
using compare::AcrossValue;
using record::format_value;

std::string line_text(const AcrossLine& line) {
  std::string text = line.prompt + " " + line.precision;
  return line.settings.empty() ? text : text + ", " + line.settings;
}

/// A quantity of the table: what its cells hold.
struct Quantity {
  const char* title;
  std::optional<double> AcrossValue::*value;
  double scale;
  int digits;
};
constexpr Quantity kQuantities[] = {{"Decode tokens/s", &AcrossValue::tok_per_s, 1, 1},
                                    {"Decode tokens/s per watt", &AcrossValue::tok_per_s_per_watt, 1, 3},
                                    {"Million tokens per unit of money", &AcrossValue::tok_per_money, 1e-6, 3}};

bool any_has(const AcrossTable& table, const Quantity& quantity) {
  return std::any_of(table.lines.begin(), table.lines.end(), [&](const AcrossLine& line) {
    return std::any_of(line.values.begin(), line.values.end(),
                       [&](const AcrossValue& value) { return (value.*quantity.value).has_value(); });
  });
}

std::string value_cell(const AcrossValue& value, const Quantity& quantity) {
  const std::optional<double>& number = value.*quantity.value;
  if (!number) return fmt::format("<td class=\"n\" data-value=\"\">{}</td>", value.state.empty() ? "\xE2\x80\x93" : html_text(value.state));
  const bool is_rate = quantity.value == &AcrossValue::tok_per_s;
  std::string text = fmt::format("{:.{}f}", *number * quantity.scale, quantity.digits);
  if (is_rate && value.ratio) text += fmt::format(" <span class=\"note\">{:.2f}x</span>", *value.ratio);
  if (!value.state.empty()) text += " " + html_text(value.state);
  const std::string title = is_rate && value.low && value.high
                                ? fmt::format(" title=\"{:.1f} to {:.1f} over {} sessions\"", *value.low, *value.high, value.n_sessions)
                                : "";
  return fmt::format("<td class=\"n\" data-value=\"{}\"{}>{}</td>", format_value(number), title, text);
}

std::string section(const AcrossTable& table, const Quantity& quantity) {
  std::string out = fmt::format("<section><h2>{}</h2>\n<div class=\"scroll\"><table class=\"sortable\"><thead><tr>", quantity.title);
  out += "<th><button type=\"button\">model</button></th><th><button type=\"button\">work</button></th>";
  for (const std::string& device : table.devices)
    out += fmt::format("<th class=\"n\"><button type=\"button\">{}</button></th>", html_text(device));
  out += "</tr></thead><tbody>\n";
  for (const AcrossLine& line : table.lines) {
    out += fmt::format("<tr><th scope=\"row\" class=\"long\">{}</th><td>{}</td>", html_text(line.model), html_text(line_text(line)));
    for (const AcrossValue& value : line.values) out += value_cell(value, quantity);
    out += "</tr>\n";
  }
  return out + "</tbody></table></div></section>\n";
}

JunitCase device_case(const AcrossLine& line, const AcrossValue& value, const std::string& device) {
  JunitCase one;
  one.classname = junit_class(device, line.model);
  one.name = "decode_tok_per_s[" + line_text(line) + "]";
  const std::pair<const char*, const std::optional<double>*> values[] = {{"decode_tok_per_s", &value.tok_per_s},
                                                                         {"lowest session", &value.low},
                                                                         {"highest session", &value.high},
                                                                         {"ratio to the first device", &value.ratio},
                                                                         {"tok_per_s_per_watt", &value.tok_per_s_per_watt},
                                                                         {"tok_per_money", &value.tok_per_money}};
  for (const auto& [name, number] : values) {
    if (*number) one.text += fmt::format("{} {}\n", name, format_value(*number));
  }
  if (value.state == "failed") {
    one.result = CaseResult::kError;
  } else if (!value.state.empty() || !value.tok_per_s) {
    one.result = CaseResult::kSkipped;
  }
  if (one.result != CaseResult::kPassed) {
    one.type = value.state.empty() ? "absent" : value.state;
    one.message = fmt::format("{} on {}: {}", line.model, device, one.type);
  }
  return one;
}

}  // namespace

std::string across_page(const AcrossTable& table) {
  std::string body =
      "<header><div><h1>qbench across devices</h1></div><button id=\"theme\" type=\"button\">dark / light</button></header>\n<main>\n";
  for (const Quantity& quantity : kQuantities) {
    if (&quantity == kQuantities || any_has(table, quantity)) body += section(table, quantity);
  }
  if (!table.notes.empty()) body += "<section><ul class=\"note\">\n";
  for (const std::string& note : table.notes) body += "<li>" + html_text(note) + "</li>\n";
  if (!table.notes.empty()) body += "</ul></section>\n";
  return html_page("qbench across devices", body + "</main>", nlohmann::ordered_json::object());
}

std::string across_junit(const AcrossTable& table) {
  std::vector<JunitSuite> suites;
  for (std::size_t i = 0; i < table.devices.size(); ++i) {
    JunitSuite suite;
    suite.name = table.devices[i];
    for (const AcrossLine& line : table.lines) suite.cases.push_back(device_case(line, line.values[i], table.devices[i]));
    suites.push_back(std::move(suite));
  }
  return junit_xml("qbench across devices", suites);
}

}  // namespace qbench::report
