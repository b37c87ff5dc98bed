#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "record/csv.h"
#include "report/comparison_text.h"
#include "report/terminal_table.h"
#include "report/text.h"

/// The table of models by devices.
namespace qbench::report {
namespace {

using compare::AcrossLine;
using compare::AcrossTable;
using compare::AcrossValue;
using nlohmann::ordered_json;
using record::format_value;

std::string line_name(const AcrossLine& line) {
  std::string name = line.model + " " + line.precision + " " + line.prompt;
  return line.settings.empty() ? name : name + " (" + line.settings + ")";
}

std::string rate_text(const AcrossValue& value) {
  if (!value.tok_per_s) return value.state.empty() ? "-" : value.state;
  std::string text = fmt::format("{:.1f}", *value.tok_per_s);
  if (value.ratio) text += fmt::format(" ({:.2f}x)", *value.ratio);
  return value.state.empty() ? text : text + " " + value.state;
}

struct Section {
  const char* title;
  std::string (*cell)(const AcrossValue& value);
  bool (*has)(const AcrossValue& value);
};

constexpr Section kSections[] = {
    {"decode tok/s (ratio to the first device)", rate_text, [](const AcrossValue&) { return true; }},
    {"decode tok/s per watt",
     [](const AcrossValue& v) { return v.tok_per_s_per_watt ? fmt::format("{:.3f}", *v.tok_per_s_per_watt) : std::string("-"); },
     [](const AcrossValue& v) { return v.tok_per_s_per_watt.has_value(); }},
    {"million tokens per unit of money",
     [](const AcrossValue& v) { return v.tok_per_money ? fmt::format("{:.3f}", *v.tok_per_money / 1e6) : std::string("-"); },
     [](const AcrossValue& v) { return v.tok_per_money.has_value(); }},
};

bool any_has(const AcrossTable& table, const Section& section) {
  return std::any_of(table.lines.begin(), table.lines.end(),
                     [&](const AcrossLine& line) { return std::any_of(line.values.begin(), line.values.end(), section.has); });
}

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, display_width(text)), ' ');
}

}  // namespace

std::string across_terminal(const AcrossTable& table, const ComparisonOptions& options) {
  const std::size_t width = std::max<std::size_t>(options.width, 60);
  // Devices below each other: their names are long, and any number of them fits.
  std::string out;
  for (const Section& section : kSections) {
    if (!any_has(table, section)) continue;
    out += fmt::format("{}{}\n", out.empty() ? "" : "\n", section.title);
    for (const AcrossLine& line : table.lines) {
      const std::string name = fit_width(one_line(line_name(line)), width);
      out += options.color ? fmt::format("\x1b[1m{}\x1b[0m\n", name) : name + "\n";
      for (std::size_t i = 0; i < table.devices.size(); ++i) {
        const std::string value = section.cell(line.values[i]);
        const std::size_t room = width - 2 - std::min<std::size_t>(display_width(value) + 2, width / 2);
        out += "  " + padded(fit_width(one_line(table.devices[i]), room), room) + "  " + value + "\n";
      }
    }
  }
  for (const std::string& note : table.notes) out += wrapped(note, "", width);
  return out;
}

std::string across_markdown(const AcrossTable& table) {
  std::string out;
  for (const Section& section : kSections) {
    if (!any_has(table, section)) continue;
    std::vector<std::string> header{"Model"};
    std::vector<bool> right{false};
    for (const std::string& device : table.devices) {
      header.push_back(markdown_text(device));
      right.push_back(true);
    }
    MarkdownTable rows(header, right);
    for (const AcrossLine& line : table.lines) {
      std::vector<std::string> row{markdown_text(line_name(line))};
      for (const AcrossValue& value : line.values) row.push_back(markdown_text(section.cell(value)));
      rows.add(std::move(row));
    }
    out += fmt::format("{}## {}\n\n{}", out.empty() ? "" : "\n", markdown_text(section.title), rows.text());
  }
  for (const std::string& note : table.notes) out += "\n" + markdown_text(note) + "\n";
  return out;
}

std::string across_csv(const AcrossTable& table) {
  std::string out =
      record::csv_line({"model", "precision", "prompt", "settings", "device_description", "state", "n_sessions", "decode_tok_per_s",
                        "decode_tok_per_s_min", "decode_tok_per_s_max", "ratio", "tok_per_s_per_watt", "tok_per_money"});
  for (const AcrossLine& line : table.lines) {
    for (std::size_t i = 0; i < table.devices.size(); ++i) {
      const AcrossValue& v = line.values[i];
      out += record::csv_line({line.model, line.precision, line.prompt, line.settings, table.devices[i],
                               v.state.empty() ? "measured" : v.state, v.n_sessions == 0 ? "" : std::to_string(v.n_sessions),
                               format_value(v.tok_per_s), format_value(v.low), format_value(v.high), format_value(v.ratio),
                               format_value(v.tok_per_s_per_watt), format_value(v.tok_per_money)});
    }
  }
  return out;
}

std::string across_json(const AcrossTable& table) {
  const auto number = [](const std::optional<double>& value) { return value ? ordered_json(*value) : ordered_json(nullptr); };
  ordered_json lines = ordered_json::array();
  for (const AcrossLine& line : table.lines) {
    ordered_json values = ordered_json::array();
    for (std::size_t i = 0; i < table.devices.size(); ++i) {
      const AcrossValue& v = line.values[i];
      values.push_back({{"device_description", table.devices[i]},
                        {"state", v.state.empty() ? "measured" : v.state},
                        {"n_sessions", v.n_sessions},
                        {"decode_tok_per_s", number(v.tok_per_s)},
                        {"decode_tok_per_s_min", number(v.low)},
                        {"decode_tok_per_s_max", number(v.high)},
                        {"ratio", number(v.ratio)},
                        {"tok_per_s_per_watt", number(v.tok_per_s_per_watt)},
                        {"tok_per_money", number(v.tok_per_money)}});
    }
    lines.push_back(
        {{"model", line.model}, {"precision", line.precision}, {"prompt", line.prompt}, {"settings", line.settings}, {"values", values}});
  }
  const ordered_json document{{"devices", table.devices}, {"lines", lines}, {"notes", table.notes}};
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace qbench::report
