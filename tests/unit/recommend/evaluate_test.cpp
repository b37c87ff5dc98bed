#include "recommend/evaluate.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.h"
#include "base/text_file.h"
#include "recommend_examples.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::recommend;

namespace {

Prediction prediction(double e2e_ms, double success) {
  Prediction out;
  out.prompt_tokens = 100;
  out.e2e_ms = Estimate{e2e_ms, e2e_ms * 0.9, e2e_ms * 1.1, 12};
  out.success_ratio = Estimate{success, 0, 1, 12};
  return out;
}

StoredPrediction stored(const std::string& prompt, const Prediction& a, const Prediction& b) {
  StoredPrediction out;
  out.created_utc = "2026-11-21T03:22:00Z";
  out.task = prompt + ".txt";
  out.digest = "digest-" + prompt;
  out.complexity = 3.5;
  out.preference = "balanced";
  const std::string key_a = candidate_of(test::row("a", prompt, record::Pass::kText, 1, 1, 1)).key(),
                    key_b = candidate_of(test::row("b", prompt, record::Pass::kText, 1, 1, 1)).key();
  out.chosen = key_a;
  out.candidates = {{key_a, "a", true, a}, {key_b, "b", true, b}};
  return out;
}

/// A result of a run that began after the predictions, or at `utc`.
record::ResultSet run_of(std::vector<record::ResultRow> rows, const std::string& utc = "2026-11-22T03:22:00Z") {
  record::ResultSet out = test::set_of(std::move(rows));
  out.started_utc = utc;
  return out;
}

}  // namespace

TEST_CASE("predictions are kept and read back as they were") {
  const test::TempDir folder;
  const auto path = folder.path() / "deep" / "predictions.jsonl";
  append_prediction(path, stored("p", prediction(1000, 0.5), prediction(2000, 0.75)));
  append_prediction(path, stored("q", prediction(3000, 0.5), prediction(4000, 0.75)));
  const auto read = read_predictions(path).predictions;
  REQUIRE(read.size() == 2);
  CHECK(read[0].digest == "digest-p");
  CHECK(read[0].complexity == 3.5);
  CHECK(*read[0].chosen == read[0].candidates[0].key);
  CHECK(*read[1].candidates[1].prediction.e2e_ms->high == doctest::Approx(4400));
  CHECK(read[1].candidates[1].prediction.success_ratio->n == 12);
  CHECK_FALSE(read[1].candidates[1].prediction.ttft_ms);
  CHECK(read[1].candidates[1].can_win);
}

TEST_CASE("an estimate without interval is read back without one") {
  const test::TempDir folder;
  StoredPrediction one = stored("p", prediction(1000, 0.5), prediction(2000, 0.75));
  one.candidates[0].prediction.e2e_ms = Estimate{1000, std::nullopt, std::nullopt, 1};
  append_prediction(folder.path() / "predictions.jsonl", one);
  const auto read = read_predictions(folder.path() / "predictions.jsonl").predictions;
  CHECK_FALSE(read[0].candidates[0].prediction.e2e_ms->low);
  CHECK(read[0].candidates[0].prediction.e2e_ms->value == doctest::Approx(1000));
}

TEST_CASE("a file of predictions that is broken is refused with its line") {
  const test::TempDir folder;
  const auto path = folder.path() / "predictions.jsonl";
  append_prediction(path, stored("p", prediction(1000, 0.5), prediction(2000, 0.75)));
  const std::string good = read_text_file(path);
  for (const std::string& bad : {std::string("{"), std::string("[]"), std::string("{\"version\":2}"), good.substr(0, good.size() / 2)}) {
    write_text_file_atomic(path, good + bad + "\n");
    CAPTURE(bad);
    CHECK_THROWS_WITH_AS(read_predictions(path), doctest::Contains("line 2"), Error);
  }
  CHECK_THROWS_AS(read_predictions(folder.path() / "none.jsonl"), Error);
}

TEST_CASE("half a line at the end, as a killed process leaves it, is left out when read and cut off before the next") {
  const test::TempDir folder;
  const auto path = folder.path() / "predictions.jsonl";
  append_prediction(path, stored("p", prediction(1000, 0.5), prediction(2000, 0.75)));
  const std::string good = read_text_file(path);
  for (const std::size_t length : {std::size_t{1}, std::size_t{12}, good.size() / 2, good.size() - 2}) {
    CAPTURE(length);
    write_text_file_atomic(path, good + good.substr(0, length));
    const StoredPredictions read = read_predictions(path);
    CHECK(read.predictions.size() == 1);
    CHECK(read.half_line == path.string() + ", line 2");
    CHECK(append_prediction(path, stored("q", prediction(1, 0.5), prediction(2, 0.5))) == path.string() + ", line 2");
    CHECK(read_predictions(path).predictions.size() == 2);
    CHECK_FALSE(read_predictions(path).half_line);
  }
}

TEST_CASE("a last line that only lacks its newline counts, and a file that is someone else's is left as it is") {
  const test::TempDir folder;
  const auto path = folder.path() / "predictions.jsonl";
  append_prediction(path, stored("p", prediction(1000, 0.5), prediction(2000, 0.75)));
  const std::string good = read_text_file(path);
  write_text_file_atomic(path, good.substr(0, good.size() - 1));
  CHECK(read_predictions(path).predictions.size() == 1);
  CHECK_FALSE(append_prediction(path, stored("q", prediction(1, 0.5), prediction(2, 0.5))));
  CHECK(read_predictions(path).predictions.size() == 2);
  write_text_file_atomic(path, "my notes");
  CHECK_THROWS_WITH_AS(append_prediction(path, stored("q", prediction(1, 0.5), prediction(2, 0.5))), doctest::Contains("line 1"), Error);
  CHECK_THROWS_WITH_AS(read_predictions(path), doctest::Contains("line 1"), Error);
  CHECK(read_text_file(path) == "my notes");
}

TEST_CASE("calibration counts what lay inside, how far off the middle was, and whether the choice was right") {
  // Measured: a takes 1 s and passes, b takes 4 s and passes; a's prediction holds, b's is twice too small.
  record::ResultSet later = run_of({test::judged_row("a", "p", 91, 100, 10, true), test::judged_row("b", "p", 391, 100, 10, true)});
  const Calibration calibration = evaluate(
      {stored("p", prediction(1000, 0.8), prediction(2000, 0.6)), stored("unrun", prediction(1, 0.5), prediction(1, 0.5))}, {later});
  CHECK(calibration.predictions == 4);
  CHECK(calibration.checks == 2);
  const auto time =
      std::find_if(calibration.quantities.begin(), calibration.quantities.end(), [](const auto& one) { return one.metric == "e2e_ms"; });
  REQUIRE(time != calibration.quantities.end());
  CHECK(time->n == 2);
  CHECK(time->with_interval == 2);
  CHECK(time->inside == 1);
  CHECK(*time->median_ratio == doctest::Approx(1.5));
  CHECK(*calibration.brier == doctest::Approx((0.2 * 0.2 + 0.4 * 0.4) / 2));
  REQUIRE(calibration.bins.size() == 2);
  CHECK(calibration.bins[0].predicted == doctest::Approx(0.6));
  CHECK(calibration.bins[0].measured == doctest::Approx(1));
  CHECK(calibration.choices == 1);
  CHECK(calibration.choices_right == 1);
}

TEST_CASE("a choice that another model beat is counted as wrong, and the latest prediction of a task counts") {
  record::ResultSet later = run_of({test::judged_row("a", "p", 391, 100, 10, true), test::judged_row("b", "p", 91, 100, 10, true)});
  const Calibration calibration =
      evaluate({stored("p", prediction(9, 0.1), prediction(9, 0.1)), stored("p", prediction(4000, 0.8), prediction(1000, 0.6))}, {later});
  CHECK(calibration.checks == 2);
  CHECK(calibration.choices_right == 0);
  CHECK(calibration.choices == 1);
  CHECK(calibration.quantities.size() == 1);  // the time; a single task's success is no mean, and is not held against its interval
  for (const auto& one : calibration.quantities) CHECK(one.inside == 2);
}

TEST_CASE("a prediction made when the run had begun proves nothing: the one before it counts") {
  const auto rows = {test::judged_row("a", "p", 91, 100, 10, true), test::judged_row("b", "p", 391, 100, 10, true)};
  StoredPrediction early = stored("p", prediction(2000, 0.8), prediction(8000, 0.6)),
                   late = stored("p", prediction(1000, 1), prediction(4000, 1));
  late.created_utc = "2026-11-22T03:30:00Z";
  const Calibration both = evaluate({early, late}, {run_of(rows)});
  CHECK(both.checks == 2);
  CHECK(both.too_late == 0);
  CHECK(*both.quantities[0].median_ratio == doctest::Approx(0.5));
  const Calibration late_only = evaluate({late}, {run_of(rows)});
  CHECK(late_only.checks == 0);
  CHECK(late_only.too_late == 2);
  CHECK(late_only.quantities.empty());
  late.created_utc = "2026-11-22T03:22:00Z";  // the second in which the run began, which it may have ended in too
  CHECK(evaluate({late}, {run_of(rows)}).checks == 0);
  late.created_utc = "2026-11-22T03:30:00Z";
  const Calibration two_runs = evaluate({early, late}, {run_of(rows), run_of(rows, "2026-11-29T03:22:00Z")});
  CHECK(two_runs.checks == 4);
  CHECK(two_runs.quantities[0].inside == 2);  // the later run is held against the later prediction
}

TEST_CASE("predictions of a model that thinks are held against its own answers, and against the speed pass of either") {
  record::ResultRow plain = test::judged_row("a", "p", 91, 100, 10, false), thinks = test::judged_row("a", "p", 391, 100, 10, true);
  thinks.facts.emplace_back("sampling", R"({"enable_thinking":true})");
  const record::ResultRow speed = test::row("a", "p", record::Pass::kSpeed, 100, 50, 10);
  StoredPrediction one = stored("p", prediction(1000, 0), prediction(4000, 1));
  one.candidates[1].key = candidate_of(thinks).key();
  for (StoredCandidate& candidate : one.candidates) candidate.prediction.ttft_ms = Estimate{50, 45, 55, 12};
  const Calibration both = evaluate({one}, {run_of({plain, thinks, speed})});
  CHECK(both.checks == 2);
  CHECK(*both.brier == doctest::Approx(0));
  REQUIRE(both.quantities.size() == 2);
  for (const QuantityCalibration& quantity : both.quantities) CHECK(quantity.inside == 2);
  CHECK(evaluate({one}, {run_of({speed})}).checks == 2);
}

TEST_CASE("a candidate that the constraints ruled out does not beat the choice") {
  const auto later = run_of({test::judged_row("a", "p", 391, 100, 10, true), test::judged_row("b", "p", 91, 100, 10, true)});
  StoredPrediction one = stored("p", prediction(4000, 0.8), prediction(1000, 0.6));
  one.candidates[1].can_win = false;
  CHECK(evaluate({one}, {later}).choices == 0);
}
