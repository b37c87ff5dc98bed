#include "report/history_series.h"

#include <doctest/doctest.h>

#include <string>

#include "base/error.h"
#include "history/history.h"
#include "report_examples.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::report;

namespace {

/// `nights` nights of a model, at 100 tokens/s and from the night `change` on at 80.
void fill(const std::filesystem::path& path, const std::string& model, int nights, int change) {
  history::History history(path, history::Database::Mode::kWrite);
  std::vector<history::NightInput> all;
  for (int i = 0; i < nights; ++i) {
    const double value = (i < change ? 100.0 : 80.0) + 0.1 * (i % 3);
    history::NightRow row{{{{"model", model}, {"prompt_id", "fizzbuzz"}, {"pass", "speed"}}}, i == 2, "", {{"decode_tok_per_s", value}, {"render_ms", 1.0}}};
    all.push_back({model + std::to_string(i), "", "test", 1'800'000'000 + i * 86'400, {row}});
  }
  history.add_all(all);
}

}  // namespace

TEST_CASE("a run's page draws the nights of its models, with their change points, without those that were throttled") {
  const test::TempDir folder;
  const auto path = folder.path() / "h.sqlite";
  fill(path, "smol", 40, 25);
  fill(path, "another", 10, 10);
  const auto content = test::small_content("x");
  const std::vector<HistorySeries> series = read_history_series(path, test::small_run(), content.cells);
  REQUIRE(series.size() == 1);  // no gate judges render_ms
  CHECK(series[0].metric == "decode_tok_per_s");
  CHECK(series[0].unit == "tok/s");
  CHECK(series[0].points.size() == 39);
  CHECK(series[0].points.front().first == "2027-01-15T08:00:00Z");
  REQUIRE(series[0].changes.size() == 1);
  CHECK(series[0].points[series[0].changes[0]].second == doctest::Approx(80.0).epsilon(0.01));
  CHECK(series[0].points[series[0].changes[0] - 1].second == doctest::Approx(100.0).epsilon(0.01));
  CHECK(run_page(test::small_run(), content, series).find("chart-history\"") != std::string::npos);
}

TEST_CASE("a history that is not there is an error") {
  const test::TempDir folder;
  CHECK_THROWS_AS(read_history_series(folder.path() / "absent.sqlite", test::small_run(), {}), Error);
}
