#include "report/run_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "record/columns.h"
#include "report/page.h"
#include "report/quality_matrix.h"
#include "report/row_choice.h"
#include "report/task_sections.h"
#include "report/text.h"

namespace qbench::report {
namespace {

using record::CellRecord;
using record::MetricId;
using record::MetricInfo;

constexpr std::size_t kMostTextBytes = 20'000;  // of a prompt or an output

std::string value_for_people(const MetricInfo& info, const std::optional<double>& value) {
  if (info.unit == "bytes" && value && *value >= 1000.0 && *value < 1e18) return format_bytes(static_cast<std::uint64_t>(*value));
  return metric_text(value);
}

std::string page_header(const record::RunRecord& run, const std::vector<CellRecord>& cells) {
  const auto ok = std::count_if(cells.begin(), cells.end(), [](const CellRecord& cell) { return record::is_measured(cell.status); });
  const std::string end = run.finished_utc.empty() ? "not finished" : "finished " + run.finished_utc;
  std::string out = fmt::format("<header><div><h1>{}</h1>\n<p class=\"dim\">started {}, {}; <span class=\"{}\">{} of {} rows worked</span></p></div>",
                                html_text(run.run_id), html_text(run.started_utc), html_text(end), ok == static_cast<std::ptrdiff_t>(cells.size()) ? "good" : "bad",
                                ok, cells.size());
  return out + "<button id=\"theme\" type=\"button\">dark / light</button></header>\n";
}

std::string disturbances_section(const record::RunRecord& run) {
  if (run.disturbances.empty()) return {};
  std::string out = "<details class=\"notice\"><summary>What may have disturbed the measurement: " + std::to_string(run.disturbances.size()) + "</summary><ul>";
  for (const std::string& line : run.disturbances) out += "<li>" + html_text(line) + "</li>";
  return out + "</ul></details>\n";
}

std::string status_cell(const CellRecord& cell) {
  const char* style = cell.status == record::Status::kOk ? "good" : cell.status == record::Status::kFailed ? "bad" : "warn";
  return fmt::format("<td><span class=\"badge {}\">{}</span></td>", style, name_of(cell.status));
}

std::string summary_head(const MetricOrder& order) {
  std::string out = "<thead><tr>";
  for (const char* name : {"model", "prompt", "pass", "status"}) out += fmt::format("<th data-column=\"{}\"><button type=\"button\">{}</button></th>", name, name);
  out += "<th class=\"n\" data-column=\"n_sessions\"><button type=\"button\">sessions</button></th>"
         "<th class=\"n\" data-column=\"n_samples\"><button type=\"button\">n</button><span class=\"unit\">repetitions</span></th>";
  for (std::size_t i = 0; i < order.ids.size(); ++i) {
    const MetricInfo& info = record::info_of(order.ids[i]);
    out += fmt::format("<th class=\"n{}\" data-column=\"{}\" title=\"{}\"><button type=\"button\">{}</button><span class=\"unit\">{}</span></th>",
                       i < order.first ? "" : " more", record::column_name(info.id, info.main_statistic()), html_text(info.formula), info.name, info.unit == "1" ? "ratio" : html_text(info.unit));
  }
  for (const char* name : {"precision", "device"}) out += fmt::format("<th data-column=\"{}\"><button type=\"button\">{}</button></th>", name, name);
  return out + "</tr></thead>\n";
}

std::string summary_row(const CellRecord& cell, const MetricOrder& order) {
  const std::string synthetic = cell.model.weights == "synthetic" ? " <span class=\"badge\">drawn weights</span>" : "";
  std::string out = fmt::format("<tr><th scope=\"row\" data-value=\"{0}\">{0}{1}</th><td class=\"text\">{2}</td><td>{3}</td>", html_text(cell.cell.model), synthetic,
                                html_text(prompt_name(cell.cell)), name_of(cell.cell.pass));
  out += status_cell(cell) + fmt::format("<td class=\"n\">{}</td><td class=\"n\">{}</td>", cell.n_sessions, cell.n_samples);
  for (std::size_t i = 0; i < order.ids.size(); ++i) {
    const MetricInfo& info = record::info_of(order.ids[i]);
    const std::optional<double>& value = row_value(cell, info.id);
    out += fmt::format("<td class=\"n{}\" data-value=\"{}\">{}</td>", i < order.first ? "" : " more", record::format_value(value), value_for_people(info, value));
  }
  return out + fmt::format("<td>{}</td><td>{}</td></tr>\n", html_text(cell.model.precision), html_text(cell.cell.device));
}

std::string summary_section(const std::vector<CellRecord>& cells) {
  const MetricOrder order = metric_order();
  std::string out =
      "<section id=\"summary\"><h2>Summary</h2>\n<p class=\"note\">Medians over the sessions of the medians (of peaks the largest) over their timed repetitions; \xE2\x80\x93 means not measured or undefined. "
      "Rows with pass=speed are made to be compared: greedy, fixed length, EOS ignored. pass=text shows what the model wrote. A column's formula shows when the pointer "
      "rests on it; a click sorts.</p>\n<div class=\"controls\"><label><input type=\"checkbox\" id=\"all-columns\"> all metrics</label></div>\n"
      "<div class=\"scroll\"><table class=\"sortable brief\" id=\"summary-table\">";
  out += summary_head(order) + "<tbody>\n";
  for (const CellRecord& cell : cells) out += summary_row(cell, order);
  return out + "</tbody></table></div></section>\n";
}

std::string failures_section(const std::vector<CellRecord>& cells) {
  std::string rows;
  for (const CellRecord& cell : cells) {
    const std::string row = fmt::format("{}, {} ({})", html_text(cell.cell.model), html_text(prompt_name(cell.cell)), name_of(cell.cell.pass));
    if (cell.status != record::Status::kOk) rows += fmt::format("<li><b>{}</b>: {} ({}): {}</li>\n", row, name_of(cell.status), html_text(cell.failure.code), html_text(cell.failure.message));
    if (cell.disturbances && !cell.disturbances->empty()) rows += fmt::format("<li><b>{}</b>: disturbed: {}</li>\n", row, html_text(*cell.disturbances));
  }
  return rows.empty() ? rows : "<section id=\"failures\"><h2>Rows that need a look</h2><ul>\n" + rows + "</ul></section>\n";
}

std::string card(const char* id, const std::string& title, const std::string& note, bool wide = false) {
  return fmt::format("<figure class=\"card{}\"><h3>{}</h3><p class=\"note\">{}</p><div class=\"plot\"><canvas id=\"{}\" role=\"img\" aria-label=\"{}\"></canvas></div></figure>\n",
                     wide ? " wide" : "", title, note, id, title);
}

std::string metric_options(const nlohmann::ordered_json& data) {
  std::string out;
  for (const auto& metric : data["metrics"]) {
    const std::string name = metric["name"].get<std::string>();
    const bool any = std::any_of(data["rows"].begin(), data["rows"].end(), [&](const auto& row) { return row["metrics"].contains(name); });
    if (any) out += fmt::format("<option value=\"{0}\"{1}>{0}</option>", html_text(name), name == "decode_tok_per_s" ? " selected" : "");
  }
  return out;
}

std::string charts_section(const nlohmann::ordered_json& data) {
  if (data["groups"].empty()) return {};
  std::string out = "<section id=\"charts\"><h2>Charts</h2>\n<div class=\"controls\"><label>prompt <select id=\"group\">";
  int index = 0;
  for (const auto& group : data["groups"])
    out += fmt::format("<option value=\"{}\"{}>{}</option>", index++, group["chosen"].get<bool>() ? " selected" : "", html_text(group["label"].get<std::string>()));
  out += "</select></label></div>\n<div class=\"cards\">\n";
  out += "<figure class=\"card wide\"><h3>Speed, with intervals</h3><div class=\"controls\"><label>metric <select id=\"metric\">" + metric_options(data) +
         "</select></label></div><p class=\"note\" id=\"metric-note\"></p><p class=\"note\" id=\"metric-intervals\"></p>"
         "<div class=\"plot\"><canvas id=\"chart-metric\" role=\"img\" aria-label=\"The chosen metric of each row, with intervals\"></canvas></div></figure>\n";
  out += card("chart-latency", "Latency distribution", "Gaps between tokens of all timed repetitions: the further left and the steeper, the better.");
  out += card("chart-tokens", "Tokens over time", "The repetition with the middle end-to-end time. A curve begins at the first token.");
  out += card("chart-phases", "Where a request's time goes", "The same repetition; its parts add up.", true);
  out += card("chart-steps", "Where a phase's time goes", "Passes with each step timed (--breakdown); what no step accounts for is not attributed.", true);
  out += fmt::format("<figure class=\"card wide\"><h3>Roofline</h3><p class=\"note\" id=\"roofline-note\"></p><div class=\"plot\"><canvas id=\"chart-roofline\" role=\"img\" "
                     "aria-label=\"Roofline: rate of operations against operations per byte\"></canvas></div></figure>\n");
  out += card("chart-memory", "Memory over time", "Resident size of the first session's worker process of each model, all prompts; dotted: memory in use on the GPU. Before 0: loading.", true);
  if (!data["quality"].empty()) out += card("chart-quality", "Speed against quality", "Up and to the right is better.", true);
  return out + "</div></section>\n";
}

std::string history_section(const std::vector<HistorySeries>& history) {
  if (history.empty()) return {};
  std::string out = "<section id=\"history\"><h2>History</h2><div class=\"controls\"><label>series <select id=\"series\">";
  for (std::size_t i = 0; i < history.size(); ++i) out += fmt::format("<option value=\"{}\">{}: {}</option>", i, html_text(history[i].metric), html_text(history[i].label));
  return out + "</select></label></div><div class=\"cards\">" + card("chart-history", "Over the nights", "Triangles: the level changes here. Advisory, no verdict. The axis does not begin at 0.", true) + "</div></section>\n";
}

std::string row_section(const std::vector<CellRecord>& cells) {
  std::string out = "<section id=\"one-row\"><h2>Every metric of one row</h2>\n<div class=\"controls\"><label>row <select id=\"row\">";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out += fmt::format("<option value=\"{}\">{}: {} ({})</option>", i, html_text(cells[i].cell.model), html_text(prompt_name(cells[i].cell)), name_of(cells[i].cell.pass));
  }
  out += "</select></label></div>\n<div class=\"scroll\"><table id=\"row-table\"><thead><tr><th>metric</th><th>unit</th><th>better</th>";
  for (const char* name : {"value", "min", "max", "mean", "std. dev.", "by session"}) out += fmt::format("<th class=\"n\">{}</th>", name);
  return out + "<th>formula</th></tr></thead><tbody></tbody></table></div></section>\n";
}

/// At most so many bytes, whole characters.
std::string shortened(const std::string& text) {
  if (text.size() <= kMostTextBytes) return html_text(text);
  std::size_t end = kMostTextBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return html_text(text.substr(0, end)) + fmt::format("\n\xE2\x80\xA6 {} bytes more in samples.jsonl", text.size() - end);
}

std::string outputs_section(const std::vector<CellRecord>& cells, const std::vector<const record::SampleRecord*>& samples) {
  std::string out;
  for (const CellRecord& cell : cells) {
    const auto timed = timed_samples(cell, samples);
    if (timed.empty() || timed.front()->sequences.empty() || !timed.front()->sequences.front().text) continue;
    const record::SequenceRecord& sequence = timed.front()->sequences.front();
    out += fmt::format("<details class=\"card\"><summary><b>{}</b>, {} ({}): {} tokens, stopped by {}</summary>\n", html_text(cell.cell.model), html_text(prompt_name(cell.cell)),
                       name_of(cell.cell.pass), sequence.token_ns.size(), html_text(sequence.stop_reason));
    if (timed.front()->prompt_text) out += "<h3>Prompt as sent</h3><pre>" + shortened(*timed.front()->prompt_text) + "</pre>\n";
    out += "<h3>Output</h3><pre>" + shortened(*sequence.text) + "</pre></details>\n";
  }
  return out.empty() ? out : "<section id=\"outputs\"><h2>What the models wrote</h2>\n" + out + "</section>\n";
}

std::string facts_section(const record::RunRecord& run, const std::vector<CellRecord>& cells) {
  std::vector<const CellRecord*> all;
  for (const CellRecord& cell : cells) all.push_back(&cell);
  std::string out = "<section id=\"machine\"><h2>Machine, build, settings</h2>\n<div class=\"card\"><dl class=\"facts\">";
  const auto add = [&out](const std::string& name, const std::string& value) {
    if (!value.empty()) out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", html_text(name), html_text(value));
  };
  std::string command;
  for (const std::string& word : run.argv) command += (command.empty() ? "" : " ") + word;
  add("command", command);
  for (const auto& [name, value] : shared_facts(run, all)) add(name, value);
  return out + "</dl></div><p class=\"note\">What is the same for all rows; everything else stands in summary.csv.</p></section>\n";
}

}  // namespace

std::string run_page(const record::RunRecord& run, const record::SampleFileContent& content, const std::vector<HistorySeries>& history) {
  const std::vector<CellRecord> cells = record::latest_cells(content.cells);
  std::vector<const record::SampleRecord*> samples;
  for (const record::SampleRecord& sample : content.samples) samples.push_back(&sample);
  const nlohmann::ordered_json data = run_page_data(cells, content, history);
  const std::string body = page_header(run, cells) + "<main>\n" + disturbances_section(run) + summary_section(cells) + failures_section(cells) + tasks_html(content) + quality_html(content) +
                           charts_section(data) + history_section(history) + row_section(cells) + outputs_section(cells, samples) + facts_section(run, cells) + "</main>";
  return html_page("qbench " + run.run_id, body, data);
}

}  // namespace qbench::report
