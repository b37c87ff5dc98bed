#include "report/page.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <limits>
#include <string>

#include "report/run_page.h"
#include "report_examples.h"

using namespace qbench;
using namespace qbench::report;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

/// The data of a page, parsed back.
nlohmann::json data_of(const std::string& page) {
  const std::string begin = "<script type=\"application/json\" id=\"data\">";
  const std::size_t at = page.find(begin);
  REQUIRE(at != std::string::npos);
  const std::size_t from = at + begin.size();
  return nlohmann::json::parse(page.substr(from, page.find("</script>", from) - from));
}

constexpr const char* kHostile = "</script><script>window.broken=1</script><!--<script>&\"'`<img src=x onerror=alert(1)>\xE2\x80\xA8";

}  // namespace

TEST_CASE("text of a page cannot become markup") {
  CHECK(html_text("a<b>&\"c'") == "a&lt;b&gt;&amp;&quot;c&#39;");
  CHECK(html_text("bad \xFF byte, bell \a") == "bad \xEF\xBF\xBD byte, bell \xE2\x90\x87");
}

TEST_CASE("data of a page cannot end its element and reads back unchanged") {
  const nlohmann::ordered_json data{{"text", kHostile}, {"<key>", 1.5}};
  const std::string text = script_json(data);
  for (const char* part : {"<", ">", "&", "\xE2\x80\xA8"}) CHECK_FALSE(contains(text, part));
  CHECK(nlohmann::ordered_json::parse(text) == data);
}

TEST_CASE("a page names no other file, and its policy lets only its own scripts run") {
  const std::string page = html_page("t", "<p>body</p>", {{"x", 1}});
  CHECK(count(page, "<script") == 3);  // data, library, script
  CHECK(contains(page, "default-src 'none'; script-src 'sha256-"));
  CHECK_FALSE(contains(page, "unsafe"));
  CHECK_FALSE(contains(page, " src="));
  CHECK_FALSE(contains(page, "<link"));
  CHECK_FALSE(contains(page, "url("));
}

TEST_CASE("hostile prompts, outputs, names and messages stay text in a run's page") {
  auto content = test::small_content(kHostile, kHostile, kHostile);
  for (auto& sample : content.samples) sample.prompt_text = kHostile;
  content.cells[0].status = record::Status::kFailed;
  content.cells[0].failure = {"crash", kHostile};
  content.cells[1].disturbances = kHostile;
  record::RunRecord run = test::small_run();
  run.run_id = kHostile;
  run.argv.emplace_back(kHostile);
  run.disturbances = {kHostile};
  run.machine.cpu_model = kHostile;
  HistorySeries series{kHostile, "ttft_ms", "ms", {{kHostile, 1.0}}, {}};
  const std::string page = run_page(run, content, {series});
  CHECK(count(page, "<script") == 3);
  CHECK(count(page, "</script>") == 3);
  CHECK_FALSE(contains(page, "<img"));
  CHECK(data_of(page)["rows"][1]["label"] == kHostile);
}

TEST_CASE("a run's page holds rows, the middle repetition and the gaps that the charts draw") {
  const nlohmann::json data = data_of(run_page(test::small_run(), test::small_content("x")));
  REQUIRE(data["rows"].size() == 2);
  const auto& row = data["rows"][0];
  CHECK(row["metrics"]["ttft_ms"]["value"] == 20);
  CHECK_FALSE(row["metrics"]["ttft_ms"].contains("stddev"));  // of one repetition
  CHECK(row["gaps"].size() == 3);
  CHECK(row["gaps"][2] == nlohmann::json({5.0, 1.0}));
  CHECK(row["tokens"].front() == nlohmann::json({0.02, 1.0}));
  CHECK(row["tokens"].back() == nlohmann::json({0.035, 4.0}));
  double sum = 0;
  for (const auto& [name, ms] : row["phases"].items()) sum += ms.get<double>();
  CHECK(sum == doctest::Approx(35));
  CHECK(data["groups"].size() == 2);
  CHECK(data["groups"][0]["chosen"] == true);
  CHECK(data["quality"].empty());
}

TEST_CASE("rows of one model and prompt are told apart by what differs") {
  auto content = test::small_content("x");
  content.cells.push_back(content.cells.front());
  content.cells.back().cell.batch = 4;
  content.cells.back().cell.kv_window = 64;
  const nlohmann::json data = data_of(run_page(test::small_run(), content));
  CHECK(data["rows"][0]["label"] == "smol, KV full, batch 1");
  CHECK(data["rows"][2]["label"] == "smol, KV window 64, batch 4");
  CHECK(data["groups"][0]["rows"] == nlohmann::json({0, 2}));
}

TEST_CASE("long curves are thinned, and a peak of memory stays") {
  auto content = test::small_content("x");
  auto& sample = content.samples.front();
  for (std::int64_t i = 0; i < 5000; ++i) {
    sample.telemetry.time_ns.push_back(i * 1'000'000);
    sample.telemetry.rss_bytes.push_back(i == 1234 ? 9'000'000'000 : 1'000'000'000);
    sample.telemetry.cpu_time_ns.push_back(i);
    sample.sequences.front().token_ns.push_back(40'000'000 + i * 1'000'000);
  }
  const nlohmann::json data = data_of(run_page(test::small_run(), content));
  CHECK(data["rows"][0]["gaps"].size() == 300);
  CHECK(data["rows"][0]["tokens"].size() == 300);
  REQUIRE(data["memory"].size() == 1);
  CHECK(data["memory"][0]["points"].size() == 300);
  double largest = 0;
  for (const auto& point : data["memory"][0]["points"]) largest = std::max(largest, point[1].get<double>());
  CHECK(largest == 9e9);
}

TEST_CASE("speed against quality has a point for each model that has both") {
  auto content = test::small_content("x");
  content.cells[1].metrics.set(record::MetricId::kQualityScore, record::Statistic::kNone, 7.5);
  const nlohmann::json data = data_of(run_page(test::small_run(), content));
  REQUIRE(data["quality"].size() == 1);
  CHECK(data["quality"][0]["quality"] == 7.5);
  CHECK(data["quality"][0]["speed"] == 200);
  CHECK(contains(run_page(test::small_run(), content), "chart-quality\""));
}

TEST_CASE("the values of the sessions stand in the page") {
  auto content = test::small_content("x");
  content.cells[0].sessions.clear();
  for (const double value : {190.0, 200.0, 210.0}) {
    content.cells[0].sessions.emplace_back();
    content.cells[0].sessions.back()[record::MetricId::kDecodeTokPerS] = value;
  }
  const nlohmann::json data = data_of(run_page(test::small_run(), content));
  CHECK(data["rows"][0]["metrics"]["decode_tok_per_s"]["sessions"] == nlohmann::json({190.0, 200.0, 210.0}));
  CHECK(data["rows"][0]["metrics"]["ttft_ms"]["sessions"] == nlohmann::json({nullptr, nullptr, nullptr}));
}

TEST_CASE("one session has an interval over its repetitions, several have none but their values") {
  auto content = test::small_content("x");
  auto sample = content.samples.front();
  const auto interval = [&content] { return data_of(run_page(test::small_run(), content))["rows"][0]["metrics"]["ttft_ms"]; };
  CHECK_FALSE(interval().contains("interval"));  // one repetition
  for (const double ms : {21.0, 22.0, 23.0, 24.0, 25.0}) {
    sample.metrics[record::MetricId::kTtftMs] = ms;
    content.samples.push_back(sample);
    if (ms == 22.0) CHECK(interval()["interval"] == nlohmann::json({20.0, 22.0}));
    if (ms == 22.0) CHECK(interval()["interval_is"] == "from the smallest to the largest of 3 repetitions");
  }
  CHECK(interval()["interval_is"] == "95 % bootstrap interval of the median of 6 repetitions");
  content.cells[0].n_sessions = 3;
  CHECK_FALSE(interval().contains("interval"));
}

TEST_CASE("stamps that no clock gives break no page") {
  auto content = test::small_content("x");
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max(), kLeast = std::numeric_limits<std::int64_t>::min();
  auto& sample = content.samples.front();
  sample.t0_ns = kMost;
  sample.sequences.front().token_ns = {kLeast, kMost, kLeast, 5};
  sample.telemetry.time_ns = {kLeast, kMost};
  sample.telemetry.rss_bytes = {kMost, kLeast};
  sample.telemetry.cpu_time_ns = {0, 0};
  content.loads.front().telemetry = sample.telemetry;
  const record::SampleRecord copy = sample;  // the vector may move what `sample` names
  content.samples.push_back(copy);
  content.samples.back().t0_ns = kLeast;
  CHECK(data_of(run_page(test::small_run(), content))["rows"].size() == 2);
}

TEST_CASE("a run without any row has a page") {
  const std::string page = run_page(test::small_run(), {});
  CHECK(contains(page, "0 of 0 rows worked"));
  CHECK(data_of(page)["rows"].empty());
}
