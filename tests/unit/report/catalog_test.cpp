#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "record/csv.h"
#include "report/junit.h"
#include "report/model_report.h"
#include "report/run_page.h"
#include "report/summary_csv.h"
#include "report/terminal_report.h"
#include "report/text.h"
#include "report_examples.h"

// Every format is made from the one catalogue: a metric that is added there appears everywhere, without another line of code.

using namespace qbench;
using namespace qbench::report;
using record::MetricInfo;
using record::Statistic;

namespace {

/// A value that no other metric and statistic of the record has, and that every format writes in full. Bytes stay below 1000, where no format
/// turns them into megabytes.
double value_of(const MetricInfo& info, Statistic statistic) {
  const double number = static_cast<double>(info.id) * 8 + static_cast<double>(statistic);
  return info.unit == "bytes" ? 500 + number / 8 * 0.5 : 700'001 + number;
}

/// One cell in which every metric of the catalogue has a value.
record::SampleFileContent full_content() {
  record::SampleFileContent content = test::small_content("x");
  content.cells.resize(1);
  content.samples.clear();
  auto& cell = content.cells.front();
  cell.metrics = {};
  cell.n_sessions = 2;
  cell.sessions.resize(2);
  for (const MetricInfo& info : record::metric_catalog()) {
    for (const Statistic statistic : info.statistics) cell.metrics.set(info.id, statistic, value_of(info, statistic));
    if (!info.by_session) continue;
    for (auto& session : cell.sessions) session[info.id] = value_of(info, info.main_statistic());
  }
  return content;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The line of a text that holds `name` as a word of its own.
std::string line_with(const std::string& text, const std::string& name) {
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    const std::size_t begin = text.rfind('\n', at) + 1;
    return text.substr(begin, text.find('\n', at) - begin);
  }
  return {};
}

}  // namespace

TEST_CASE("every metric of the catalogue, with each of its statistics, stands in CSV, markdown, HTML, JUnit and terminal") {
  const record::SampleFileContent content = full_content();
  const record::RunRecord run = test::small_run();
  const record::CsvTable csv = record::parse_csv(summary_csv(run, content.cells), "summary.csv");
  const std::string markdown = model_markdown(run, content, "smol");
  const std::string page = run_page(run, content);
  const nlohmann::ordered_json data = run_page_data(content.cells, content, {});
  const std::string junit = run_junit(run, content);
  const std::string terminal = terminal_report(run, content);
  std::size_t judged = 0;
  for (const MetricInfo& info : record::metric_catalog()) {
    CAPTURE(info.name);
    const std::string name(info.name);
    for (const Statistic statistic : info.statistics) {
      const double value = value_of(info, statistic);
      const std::string exact = record::format_value(value);
      const std::string column = record::column_name(info.id, statistic);
      CAPTURE(column);
      REQUIRE(csv.column(column).has_value());
      CHECK(csv.rows[0][*csv.column(column)] == exact);
      CHECK(contains(line_with(markdown, "| `" + name + "` |"), "| " + metric_text(value) + " |"));
      CHECK(contains(junit, "  " + column + " " + exact + " "));
      const bool main = statistic == info.main_statistic();
      CHECK(data["rows"][0]["metrics"][name][main ? "value" : std::string(name_of(statistic))] == value);
      if (!main) continue;
      CHECK(contains(page, "data-column=\"" + column + "\""));
      CHECK(contains(page, "data-value=\"" + exact + "\">" + metric_text(value) + "<"));
      CHECK(contains(line_with(terminal, "  " + name + " "), " " + metric_text(value)));
    }
    if (!info.by_session) continue;
    ++judged;
    CHECK(contains(junit, "name=\"" + name + "[smoke/fizzbuzz speed]\""));
    CHECK(data["rows"][0]["metrics"][name]["sessions"].size() == 2);
    CHECK(contains(page, "<option value=\"" + name + "\""));
  }
  CHECK(judged > 10);
}

TEST_CASE("a metric that was not measured is nowhere a zero") {
  record::SampleFileContent content = full_content();
  content.cells.front().metrics = {};
  content.cells.front().sessions.clear();
  const record::RunRecord run = test::small_run();
  CHECK(run_page_data(content.cells, content, {})["rows"][0]["metrics"].empty());
  CHECK_FALSE(contains(run_junit(run, content), "decode_tok_per_s"));
  CHECK_FALSE(contains(terminal_report(run, content), "decode_tok_per_s"));
  CHECK(contains(run_page(run, content), "data-value=\"\">\xE2\x80\x93<"));
}
