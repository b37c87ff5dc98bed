#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/text_file.h"
#include "record/study_records.h"
#include "report/comparison_page.h"
#include "report/render.h"
#include "report_examples.h"
#include "test_support.h"

// Opens pages in Chromium by scripts/check_page.py. A program of its own: it takes seconds, and under sanitizers it would show nothing more.

using namespace qbench;
namespace fs = std::filesystem;

namespace {

constexpr int kNoBrowser = 77;

/// Exit status of the check; its words go to the log.
int check_page(const fs::path& page, const std::string& more) {
  const std::string command = "python3 " QB_SOURCE_DIR "/scripts/check_page.py '" + page.string() + "' " + more;
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// True when the page was checked and is right, or when there is no browser, which is said.
bool right_or_skipped(const char* name, const fs::path& page, const std::string& more) {
  const int status = check_page(page, more);
  if (status == kNoBrowser) test::report_skip(name, "no Chromium here (scripts/setup.sh --reports installs it)");
  return status == 0 || status == kNoBrowser;
}

record::BreakdownRecord breakdown(const record::CellKey& key) {
  record::BreakdownRecord record;
  record.cell = key;
  record.limits = {20.0, 10.0, 0.3};
  for (const char* name : {"prefill", "decode"}) {
    record::BreakdownPhase phase;
    phase.phase = name;
    phase.passes = 2;
    phase.tokens = 8;
    phase.plain_ns = {9'000'000, 9'100'000};
    phase.timed_ns = {10'000'000, 10'200'000};
    phase.steps = {{"attention", 8, 8'000'000, 80'000'000, 400'000'000, 8}, {"norm+head", 8, 11'000'000, 90'000'000, 300'000'000, 8}};
    record.phases.push_back(phase);
  }
  return record;
}

/// Several models with awkward names, a failed row, sessions, telemetry, a breakdown and quality: every chart has something to draw.
record::SampleFileContent everything() {
  record::SampleFileContent all;
  int speed = 1;
  for (const char* label : {"smol", "comma, \"quote\" </script><script>window.broken=1</script>", "third"}) {
    record::SampleFileContent one = test::small_content("<img src=x onerror='window.broken=2'>\n</pre><script>window.broken=3</script>", label, label);
    for (auto& sample : one.samples) {
      sample.prompt_text = "<script>window.broken=4</script>";
      for (int i = 0; i < 5; ++i) {
        sample.telemetry.time_ns.push_back(i * 10'000'000);
        sample.telemetry.rss_bytes.push_back(300'000'000 + i * speed * 1'000'000);
        sample.telemetry.cpu_time_ns.push_back(i * 9'000'000);
      }
    }
    for (auto& cell : one.cells) {
      cell.n_sessions = 3;
      for (int session = 0; session < 3; ++session) {
        cell.sessions.emplace_back();
        cell.sessions.back()[record::MetricId::kDecodeTokPerS] = 100.0 * speed + session;
      }
      cell.metrics.set(record::MetricId::kDecodeTokPerS, record::Statistic::kMedian, 100.0 * speed + 1);
      cell.metrics.set(record::MetricId::kQualityScore, record::Statistic::kNone, 9.0 - speed);
    }
    speed = speed == 1 ? 9 : 3;  // so that file order is neither rising nor falling
    all.breakdowns.push_back(breakdown(one.cells.front().cell));
    all.loads.insert(all.loads.end(), one.loads.begin(), one.loads.end());
    all.samples.insert(all.samples.end(), one.samples.begin(), one.samples.end());
    all.cells.insert(all.cells.end(), one.cells.begin(), one.cells.end());
  }
  all.cells.push_back(all.cells.back());
  all.cells.back().cell.prompt_id = "broken";
  all.cells.back().status = record::Status::kFailed;
  all.cells.back().failure = {"crash", "</li><script>window.broken=5</script>"};
  all.cells.back().metrics = {};
  all.cells.back().sessions.clear();
  return all;
}

}  // namespace

TEST_CASE("a browser shows a run's page: no message, no script from any text, tables that sort, the numbers of summary.csv") {
  const test::TempDir folder;
  report::write_reports(folder.path(), test::small_run(), everything());
  const std::string csv = "--csv '" + (folder.path() / "summary.csv").string() + "'";
  const std::string checks = csv + " --sort decode_tok_per_s_median --sort ttft_ms_median --absent broken --expect 'window.broken=3' --charts 8";
  CHECK(right_or_skipped("report.html in a browser", folder.path() / "report.html", checks));
}

TEST_CASE("a page fits a phone, dark too") {
  const test::TempDir folder;
  report::write_reports(folder.path(), test::small_run(), everything());
  CHECK(right_or_skipped("report.html on a phone", folder.path() / "report.html", "--width 360 --height 740 --dark --charts 8"));
}

TEST_CASE("the check of pages finds what is wrong") {
  const test::TempDir folder;
  report::write_reports(folder.path(), test::small_run(), everything());
  const fs::path page = folder.path() / "report.html";
  const std::string text = read_text_file(page);
  const auto status_with = [&](const std::string& from, const std::string& to) {
    std::string broken = text;
    REQUIRE(broken.find(from) != std::string::npos);
    broken.replace(broken.find(from), from.size(), to);
    write_text_file_atomic(folder.path() / "broken.html", broken);
    return check_page(folder.path() / "broken.html", "--csv '" + (folder.path() / "summary.csv").string() + "' >/dev/null");
  };
  const int number = status_with("data-value=\"20\">20<", "data-value=\"21\">21<");
  if (number == kNoBrowser) {
    test::report_skip("the check of pages finds what is wrong", "no Chromium here (scripts/setup.sh --reports installs it)");
    return;
  }
  CHECK(number == 1);
  CHECK(status_with("<h2>Summary</h2>", "<h2>Summary</h2><script>1</script>") == 1);      // the policy refuses it, and that is a message
  CHECK(status_with("<h2>Summary</h2>", "<img src=\"https://example.invalid/x.png\">") == 1);
  CHECK(status_with("\"use strict\";", "\"use strict\"; ") == 1);  // a script that is not the build's does not run
}

TEST_CASE("a browser shows a comparison's page: a table that sorts and filters, the changes, hostile texts as text") {
  const char* hostile = "</td><script>window.broken=6</script>";
  report::ComparisonReport shown;
  shown.monitored = true;
  shown.alerts.push_back({compare::Severity::kCritical, hostile, "ttft_ms", "ms", 900, 500, hostile});
  compare::Comparison comparison;
  comparison.base.path = hostile;
  comparison.fresh.path = "results/new";
  comparison.notes = {hostile};
  compare::CellOutcome cell;
  cell.model = hostile;
  cell.prompt = "smoke/fizzbuzz";
  cell.base_state = cell.new_state = compare::RowState::kMeasured;
  for (const auto verdict : {compare::Verdict::kSame, compare::Verdict::kWorse, compare::Verdict::kUnclear, compare::Verdict::kBetter}) {
    compare::Judgement judgement;
    judgement.metric = "decode_tok_per_s";
    judgement.unit = "tok/s";
    judgement.verdict = verdict;
    judgement.reason = compare::Reason::kOverlap;
    judgement.sentence = hostile;
    judgement.base = 200;
    judgement.fresh = 200 - 10.0 * static_cast<double>(verdict);
    judgement.ratio = *judgement.fresh / *judgement.base;
    judgement.delta = 0.03;
    cell.judgements.push_back(judgement);
  }
  comparison.cells.push_back(cell);
  shown.comparisons.push_back(comparison);
  const test::TempDir folder;
  write_text_file_atomic(folder.path() / "comparison.html", report::comparison_page(shown));
  CHECK(right_or_skipped("a comparison's page in a browser", folder.path() / "comparison.html", "--absent broken --charts 1 --width 390 --expect 'window.broken=6'"));
}
