#include "compare/task_pool.h"

#include <doctest/doctest.h>

#include <string>

#include "compare/compare.h"
#include "compare/monitor.h"
#include "result_examples.h"

using namespace qbench;
using compare::Reason;
using compare::Verdict;
using record::MetricId;

namespace {

/// 26 prompts with a task each; those from `first_passed` on pass, with scores of `quality` where they do.
record::ResultSet suite_run(int first_passed, double quality = 9, const std::string& text = "aaaa") {
  std::vector<record::ResultRow> rows;
  for (int i = 0; i < 26; ++i) {
    record::ResultRow row = test::example_row();
    row.pass = record::Pass::kText;
    test::set_fact(row, "pass", "text");
    test::set_fact(row, "prompt_id", "task-" + std::to_string(i));
    test::set_fact(row, "output_digest", text + std::to_string(i));
    const bool passed = i >= first_passed;
    row.metric(MetricId::kSuccessRatio).value = passed ? 1 : 0;
    row.metric(MetricId::kQualityScore).value = passed ? quality : 4;
    row.tasks.push_back({0, "t" + std::to_string(i), 0, passed ? record::TaskStatus::kPass : record::TaskStatus::kWrong});
    rows.push_back(row);
  }
  return test::example_set(rows);
}

const compare::Judgement& of_suite(const compare::Comparison& comparison, std::string_view metric) {
  REQUIRE_FALSE(comparison.cells.empty());
  CHECK(comparison.cells.front().prompt.find("(26 prompts)") != std::string::npos);
  for (const auto& one : comparison.cells.front().judgements) {
    if (one.metric == metric) return one;
  }
  FAIL("no judgement of " << metric);
  throw;
}

compare::Comparison compared(const record::ResultSet& base, const record::ResultSet& fresh) {
  return compare::compare_results(base, fresh, compare::default_rules());
}

}  // namespace

TEST_CASE("tasks that are rows of their own are judged together: six lost are worse, five are not") {
  const auto worse = compared(suite_run(10), suite_run(16, 9, "bbbb"));
  const auto& success = of_suite(worse, "success_ratio");
  CHECK(success.verdict == Verdict::kWorse);
  CHECK(success.reason == Reason::kPairedTasks);
  CHECK(success.sentence ==
        "6 of 26 tasks lost, 0 gained, p = 0.031 (exact McNemar); lost: task-10, task-11, task-12, task-13, task-14, task-15");
  CHECK(*success.base == doctest::Approx(16.0 / 26));
  CHECK(compare::exit_code({worse}, false) == 1);
  const auto five = compared(suite_run(10), suite_run(15, 9, "bbbb"));
  CHECK(of_suite(five, "success_ratio").verdict == Verdict::kUnclear);
  CHECK(compare::exit_code({five}, false) == 0);
  CHECK(of_suite(compared(suite_run(16), suite_run(10, 9, "bbbb")), "success_ratio").verdict == Verdict::kBetter);
  const auto same = compared(suite_run(10), suite_run(10, 9, "bbbb"));
  CHECK(of_suite(same, "success_ratio").verdict == Verdict::kSame);
  CHECK(compare::exit_code({same}, true) == 0);
  CHECK(same.cells.size() == 1);  // nothing is said row by row
}

TEST_CASE("scores that all moved a little are the same, by more than delta they are worse") {
  CHECK(of_suite(compared(suite_run(10, 9), suite_run(10, 8.9, "bbbb")), "quality_score").verdict == Verdict::kSame);
  CHECK(of_suite(compared(suite_run(10, 9), suite_run(10, 7, "bbbb")), "quality_score").verdict == Verdict::kWorse);
}

TEST_CASE("rows of other work are left out of the suite and counted") {
  record::ResultSet fresh = suite_run(16, 9, "bbbb");
  for (int i = 10; i < 12; ++i) test::set_fact(fresh.rows[static_cast<std::size_t>(i)], "prompt_fingerprint", "another");
  const auto comparison = compared(suite_run(10), fresh);
  const auto& success = of_suite(comparison, "success_ratio");
  CHECK(success.verdict == Verdict::kUnclear);
  CAPTURE(success.sentence);
  CHECK(success.sentence.starts_with("4 of 24 tasks lost, 0 gained"));
  CHECK(success.sentence.find("2 rows left out") != std::string::npos);
}

TEST_CASE("the monitor holds limits on answers against the suite, not against each task") {
  compare::Thresholds thresholds;
  thresholds.everywhere = {{"success_ratio", 0.85, {}, {}, compare::Severity::kCritical},
                           {"quality_score", {}, {}, 0.05, compare::Severity::kWarning}};
  const auto poor = suite_run(16), good = suite_run(3);
  const auto alerts = compare::find_alerts(poor, thresholds, &good);
  REQUIRE(alerts.size() == 2);
  CHECK(alerts[0].metric == "success_ratio");
  CHECK(alerts[0].value == doctest::Approx(10.0 / 26));
  CHECK(alerts[0].cell.find("(26 prompts)") != std::string::npos);
  CHECK(alerts[1].sentence.find("fallen from") != std::string::npos);
  CHECK(compare::find_alerts(good, thresholds, &good).empty());  // 23 of 26 are more than 85 %
}
