#include "report/comparison_page.h"

#include <doctest/doctest.h>

#include <string>

using namespace qbench;
using namespace qbench::report;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

compare::Judgement judgement(const std::string& metric, compare::Verdict verdict, double base, double fresh) {
  compare::Judgement one;
  one.metric = metric;
  one.unit = "tok/s";
  one.verdict = verdict;
  one.reason = compare::Reason::kSessionsApart;
  one.sentence = "because of " + metric;
  one.base = base;
  one.fresh = fresh;
  one.ratio = fresh / base;
  one.delta = 0.03;
  one.band = 0.045;
  return one;
}

ComparisonReport example() {
  ComparisonReport report;
  compare::Comparison comparison;
  comparison.base.path = "results/base";
  comparison.fresh.path = "results/new";
  compare::CellOutcome cell;
  cell.model = "smol";
  cell.precision = "q4_1";
  cell.prompt = "smoke/fizzbuzz";
  cell.device = "cpu";
  cell.pass = "speed";
  cell.base_state = cell.new_state = compare::RowState::kMeasured;
  cell.judgements = {judgement("prefill_tok_per_s", compare::Verdict::kSame, 1000, 1001), judgement("decode_tok_per_s", compare::Verdict::kWorse, 200, 180)};
  cell.judgements.emplace_back();
  cell.judgements.back().metric = "energy_j_per_token";
  comparison.cells.push_back(cell);
  report.comparisons.push_back(comparison);
  return report;
}

}  // namespace

TEST_CASE("a comparison's page holds every judgement, worst first, and leaves out what neither side has") {
  const std::string page = comparison_page(example());
  const std::size_t worse = page.find("<code>decode_tok_per_s</code>"), same = page.find("<code>prefill_tok_per_s</code>");
  REQUIRE(worse != std::string::npos);
  REQUIRE(same != std::string::npos);
  CHECK(worse < same);
  CHECK(contains(page, "results/new against results/base"));
  CHECK(contains(page, "data-value=\"200\">200<"));
  CHECK(contains(page, "-10.00 %"));
  CHECK(contains(page, "\xC2\xB1" "3 %"));
  CHECK(contains(page, "because of decode_tok_per_s"));
  CHECK(contains(page, "1 worse"));
  CHECK_FALSE(contains(page, "energy_j_per_token"));
  CHECK_FALSE(contains(page, "Alerts"));
}

TEST_CASE("a gate's page says the nights and the band, alerts that there are none") {
  ComparisonReport report = example();
  report.comparisons.front().is_gate = true;
  report.monitored = true;
  const std::string page = comparison_page(report);
  CHECK(contains(page, "results/new against the nights of results/base"));
  CHECK(contains(page, "\xC2\xB1" "4.5 %"));
  CHECK(contains(page, "median of nights"));
  CHECK(contains(page, "<h2>Alerts</h2>\n<ul><li>none</li>"));
}

TEST_CASE("a row that failed and a comparison of nothing have pages") {
  ComparisonReport report = example();
  auto& cell = report.comparisons.front().cells.front();
  cell.judgements.clear();
  cell.new_state = compare::RowState::kFailed;
  cell.failure = "memory: <too> large";
  CHECK(contains(comparison_page(report), "failed: memory: &lt;too&gt; large"));
  CHECK(contains(comparison_page({}), "qbench compare"));
}
