#include "history/history.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "history_examples.h"

using namespace qbench;
using namespace qbench::test;
using compare::NightState;
using compare::Reason;
using compare::Verdict;
using history::History;
using record::MetricId;

TEST_CASE("a history keeps nights, series and values, and a run once") {
  const Place place;
  History history = place.open();
  fill(history, 3);
  CHECK(history.add(history::night_of(night_set(2, 100.2))).already_there);
  CHECK(history.night_count() == 3);
  const auto series = history.series("");
  REQUIRE(series.size() == 1);
  CHECK(series[0].nights == 3);
  CHECK(series[0].label == "smol q4_1 smoke/fizzbuzz cpu");
  CHECK(series[0].key.fact("model_fingerprint") == "sha256:smol");
  CHECK(history.series("smoke/fizz").size() == 1);
  CHECK(history.series(series[0].id.substr(0, 4)).size() == 1);
  CHECK(history.series("other").empty());
  const auto points = history.trend(series[0], "decode_tok_per_s", 0);
  REQUIRE(points.size() == 3);
  CHECK(points[1].value == 100.1);
  CHECK(points[1].git_sha == "c0ffee");
  CHECK(history.trend(series[0], "decode_tok_per_s", 2).front().run_id == "night1");
  CHECK(history.trend(series[0], "kv_bytes", 0).size() == 3);
  CHECK(history.trend(series[0], "itl_p95_ms", 0).empty());
  CHECK(refusal([&] { history.add(history::night_of(night_set(2, 90))); }).find("with other values") != std::string::npos);
  CHECK(history.night_count() == 3);
}

TEST_CASE("the gate goes from suspect to worse over two nights, and keeps both out of the baseline") {
  const Place place;
  {
    History history = place.open();
    fill(history);
    check(judgement(history.judge(night_set(20, 100), compare::default_rules()), "decode_tok_per_s"), Verdict::kSame, Reason::kWithinBand);
    const auto first = history.judge(night_set(21, 85), compare::default_rules());
    check(judgement(first, "decode_tok_per_s"), Verdict::kSuspect, Reason::kFirstExcess);
    CHECK(compare::exit_code({first}, false) == 0);
    CHECK(compare::exit_code({first}, true) == 4);
  }
  History history = place.open();  // another process, the next day
  CHECK(state_of(history, 21) == NightState::kSuspect);
  const auto second = history.judge(night_set(22, 85), compare::default_rules());
  const auto& worse = judgement(second, "decode_tok_per_s");
  check(worse, Verdict::kWorse, Reason::kConfirmedExcess);
  CHECK(worse.base == doctest::Approx(100.2).epsilon(0.001));
  CHECK(worse.band == 0.08);
  CHECK(worse.base_sessions.size() == 20);
  CHECK(compare::exit_code({second}, false) == 1);
  CHECK(state_of(history, 21) == NightState::kRejected);
  CHECK(state_of(history, 22) == NightState::kRejected);
  check(judgement(history.judge(night_set(23, 100), compare::default_rules()), "decode_tok_per_s"), Verdict::kSame, Reason::kWithinBand);
}

TEST_CASE("a suspect that the next night does not confirm is accepted, and judging a night again gives the same verdict") {
  const Place place;
  History history = place.open();
  fill(history);
  history.judge(night_set(20, 85), compare::default_rules());
  history.judge(night_set(21, 100), compare::default_rules());
  CHECK(state_of(history, 20) == NightState::kAccepted);
  for (int again = 0; again < 2; ++again) {
    check(judgement(history.judge(night_set(20, 85), compare::default_rules()), "decode_tok_per_s"), Verdict::kSuspect,
          Reason::kFirstExcess);
    check(judgement(history.judge(night_set(21, 100), compare::default_rules()), "decode_tok_per_s"), Verdict::kSame, Reason::kWithinBand);
  }
  CHECK(state_of(history, 20) == NightState::kAccepted);
  CHECK(history.night_count() == 22);
  history.judge(night_set(22, 85), compare::default_rules());
  for (int again = 0; again < 2; ++again) {
    check(judgement(history.judge(night_set(23, 85), compare::default_rules()), "decode_tok_per_s"), Verdict::kWorse,
          Reason::kConfirmedExcess);
  }
}

TEST_CASE("another driver, other weights or another prompt begin a series without a baseline") {
  for (const char* column : {"model_fingerprint", "prompt_fingerprint", "settings_digest", "cpu_model", "cores_usable", "host_hash"}) {
    CAPTURE(column);
    const Place place;
    History history = place.open();
    fill(history);
    const auto comparison =
        history.judge(night_set(20, 50, [&](auto& row) { test::set_fact(row, column, "9"); }), compare::default_rules());
    check(judgement(comparison, "decode_tok_per_s"), Verdict::kUnclear, Reason::kNoBaseline);
    REQUIRE(comparison.notes.size() == 1);
    CHECK(comparison.notes[0].find("a new series begins") != std::string::npos);
    CHECK(compare::exit_code({comparison}, false) == 0);
  }
}

TEST_CASE("in a container the host's name is no part of the key, and a GPU that has a number of its own needs no place") {
  record::ResultRow row = test::example_row();
  test::set_fact(row, "container", "docker");
  const auto before = history::key_of(row).text();
  test::set_fact(row, "host_hash", "another");
  CHECK(history::key_of(row).text() == before);
  test::set_fact(row, "device_effective", "cuda:0");
  test::set_fact(row, "gpu_driver", "550.54");
  const auto unnamed = history::key_of(row).text();
  test::set_fact(row, "device_effective", "cuda:1");
  CHECK(history::key_of(row).text() != unnamed);  // two cards of one kind that nothing else tells apart
  test::set_fact(row, "gpu_uuid", "GPU-1");
  test::set_fact(row, "device_effective", "cuda:0");
  const auto gpu = history::key_of(row);
  test::set_fact(row, "device_effective", "cuda:1");
  CHECK(history::key_of(row).text() == gpu.text());
  CHECK(gpu.fact("gpu_driver") == "550.54");
  CHECK(gpu.fact("cpu_model").empty());
  CHECK(history::parse_key(gpu.text()).text() == gpu.text());
}

TEST_CASE("an empty history, a short one, and a metric without a value give no verdict and no pass") {
  const Place place;
  History history = place.open();
  const auto first = history.judge(night_set(0, 100), compare::default_rules());
  check(judgement(first, "decode_tok_per_s"), Verdict::kUnclear, Reason::kNoBaseline);
  check(judgement(first, "itl_p95_ms"), Verdict::kMissing, Reason::kNoValue);
  CHECK(first.notes.front().find("history is empty") != std::string::npos);
  CHECK(compare::exit_code({first}, false) == 0);
  CHECK(compare::exit_code({first}, true) == 4);
  for (int i = 1; i < 8; ++i) history.add(history::night_of(night_set(i, 100)));
  check(judgement(history.judge(night_set(8, 60), compare::default_rules()), "decode_tok_per_s"), Verdict::kUnclear,
        Reason::kShortBaseline);
}

TEST_CASE("a metric that earlier nights had and this one has not is missing, and strictly no pass") {
  const Place place;
  History history = place.open();
  fill(history);
  const auto night = history.judge(night_set(20, 100, [](auto& row) { row.metric(MetricId::kTtftMs) = {}; }), compare::default_rules());
  const auto& missing = judgement(night, "ttft_ms");
  check(missing, Verdict::kMissing, Reason::kNoValue);
  CHECK(missing.base.has_value());
  CHECK(missing.sentence == "NEW has no value");
  CHECK_FALSE(judgement(night, "itl_p95_ms").base.has_value());
  CHECK(compare::exit_code({night}, false) == 0);
  CHECK(compare::exit_code({night}, true) == 4);
  CHECK(compare::exit_code({history.judge(night_set(21, 100), compare::default_rules())}, true) == 0);
}

TEST_CASE("a throttled night is unclear, stays out of baselines and decides no suspect") {
  const Place place;
  History history = place.open();
  fill(history);
  history.judge(night_set(20, 85), compare::default_rules());
  const auto throttled =
      history.judge(night_set(21, 60, [](auto& row) { row.status = record::Status::kThrottled; }), compare::default_rules());
  check(judgement(throttled, "decode_tok_per_s"), Verdict::kUnclear, Reason::kThrottled);
  CHECK(state_of(history, 21) == NightState::kExcluded);
  CHECK(state_of(history, 20) == NightState::kSuspect);
  CHECK(compare::exit_code({throttled}, false) == 0);
}

TEST_CASE("slower at lower clocks is unclear, not a regression of the code") {
  const Place place;
  History history = place.open();
  const auto gpu = [](double mhz) {
    return [mhz](record::ResultRow& row) {
      test::set_fact(row, "device_effective", "cuda:0");
      row.metric(MetricId::kGpuSmClockMhz).value = mhz;
    };
  };
  for (int i = 0; i < 20; ++i) history.add(history::night_of(night_set(i, 100, gpu(1980))));
  check(judgement(history.judge(night_set(20, 85, gpu(1680)), compare::default_rules()), "decode_tok_per_s"), Verdict::kUnclear,
        Reason::kClocks);
  check(judgement(history.judge(night_set(21, 85, gpu(1980)), compare::default_rules()), "decode_tok_per_s"), Verdict::kSuspect,
        Reason::kFirstExcess);
}

TEST_CASE("exact counts and output ids are judged against the history too") {
  const Place place;
  History history = place.open();
  fill(history);
  const auto bytes =
      history.judge(night_set(20, 100, [](auto& row) { test::set_fact(row, "kv_bytes", "8192"); }), compare::default_rules());
  check(judgement(bytes, "kv_bytes"), Verdict::kSuspect, Reason::kFirstExcess);
  check(judgement(bytes, "peak_bytes"), Verdict::kSame, Reason::kWithinBand);
  check(judgement(bytes, "output_digest"), Verdict::kSame, Reason::kEqual);
  const auto other =
      history.judge(night_set(21, 100, [](auto& row) { test::set_fact(row, "output_digest", "ffff"); }), compare::default_rules());
  check(judgement(other, "output_digest"), Verdict::kUnclear, Reason::kDiffers);
  compare::Rules strict = compare::default_rules();
  strict.output_change = Verdict::kWorse;
  check(judgement(history.judge(night_set(22, 100, [](auto& row) { test::set_fact(row, "output_digest", "ffff"); }), strict), "output_digest"),
        Verdict::kWorse, Reason::kDiffers);
}

TEST_CASE("a row that fails, and a row that vanishes, are no pass") {
  const Place place;
  History history = place.open();
  fill(history);
  auto failed = night_set(20, 100, [](auto& row) {
    row.status = record::Status::kFailed;
    row.failure = {"memory", "does not fit"};
  });
  const auto night = history.judge(failed, compare::default_rules());
  check(judgement(night, "row"), Verdict::kMissing, Reason::kFailed);
  CHECK(compare::exit_code({night}, false) == 3);
  fill(history);
  history.add(history::night_of(night_set(21, 100)));
  auto other = night_set(22, 100, [](auto& row) { test::set_fact(row, "model", "other"); });
  const auto gone = history.judge(other, compare::default_rules());
  check(judgement(gone, "row"), Verdict::kMissing, Reason::kNoPartner);
  CHECK(compare::exit_code({gone}, true) == 4);
}

TEST_CASE("a night that is added late is judged by those before it alone") {
  const Place place;
  History history = place.open();
  for (int i = 0; i < 30; ++i) history.add(history::night_of(night_set(2 * i, i < 22 ? 100 : 50)));
  check(judgement(history.judge(night_set(43, 100), compare::default_rules()), "decode_tok_per_s"), Verdict::kSame, Reason::kWithinBand);
}

TEST_CASE("rebaseline accepts a new level from a night on") {
  const Place place;
  History history = place.open();
  fill(history);
  history.judge(night_set(20, 85), compare::default_rules());
  history.judge(night_set(21, 85), compare::default_rules());
  CHECK(history.rebaseline("night20", "decode_tok_per_s") == 1);
  CHECK(state_of(history, 20) == NightState::kAccepted);
  CHECK(state_of(history, 21) == NightState::kAccepted);
  check(judgement(history.judge(night_set(22, 85), compare::default_rules()), "decode_tok_per_s"), Verdict::kUnclear, Reason::kNoBaseline);
  for (int i = 23; i < 40; ++i) history.add(history::night_of(night_set(i, 85)));
  check(judgement(history.judge(night_set(40, 85), compare::default_rules()), "decode_tok_per_s"), Verdict::kSame, Reason::kWithinBand);
  CHECK(refusal([&] { history.rebaseline("night99", ""); }).find("no run 'night99'") != std::string::npos);
}

TEST_CASE("a night that is taken out leaves no trace, and its suspect waits again") {
  const Place place;
  History history = place.open();
  fill(history);
  history.judge(night_set(20, 85), compare::default_rules());
  history.judge(night_set(21, 85), compare::default_rules());
  history.remove("night21");
  CHECK(history.night_count() == 21);
  CHECK(state_of(history, 20) == NightState::kSuspect);
  check(judgement(history.judge(night_set(21, 100), compare::default_rules()), "decode_tok_per_s"), Verdict::kSame, Reason::kWithinBand);
  CHECK(state_of(history, 20) == NightState::kAccepted);
}

TEST_CASE("change points are found as nights come in, and are those of the whole series") {
  const Place place;
  History history = place.open();
  Random random(3);
  std::vector<history::NightInput> nights;
  for (int i = 0; i < 260; ++i) {
    const double level = i < 40 ? 100 : i < 130 ? 95 : i < 200 ? 99 : 92;
    nights.push_back(history::night_of(night_set(i, level * (1 + 0.005 * random.next_normal()))));
  }
  for (const auto& night : nights) history.add(night);
  const Place at_once;
  History whole = at_once.open();
  whole.add_all(nights);
  const auto one_by_one = history.changes("", "decode_tok_per_s"), together = whole.changes("", "decode_tok_per_s");
  REQUIRE(together.size() == 3);
  REQUIRE(one_by_one.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) CHECK(one_by_one[i].run_id == together[i].run_id);
  CHECK(together[0].run_id == "night200");  // newest first
  CHECK(together[2].run_id == "night40");
  CHECK(together[2].before == doctest::Approx(100).epsilon(0.005));
  CHECK(together[2].after == doctest::Approx(95).epsilon(0.005));
  CHECK(history.changes("no such series", "").empty());
  CHECK(history.changes("", "kv_bytes").empty());
}

namespace {

/// Night number `night` of a suite whose first `failed` of 26 tasks fail.
record::ResultSet suite_night(int night, int failed) {
  record::ResultSet out = night_set(night, 100);
  const record::ResultRow row = out.rows.front();
  out.rows.clear();
  for (int i = 0; i < 26; ++i) {
    record::ResultRow one = row;
    one.pass = record::Pass::kText;
    set_fact(one, "pass", "text");
    set_fact(one, "prompt_id", "task-" + std::to_string(i));
    one.metric(MetricId::kSuccessRatio).value = i < failed ? 0 : 1;
    out.rows.push_back(one);
  }
  return out;
}

}  // namespace

TEST_CASE("the gate judges the tasks of a suite together: one lost task is never a regression, six are on the second night") {
  for (const int failed : {1, 6}) {
    CAPTURE(failed);
    const Place place;
    History history = place.open();
    for (int i = 0; i < 20; ++i) history.add(history::night_of(suite_night(i, 0)));
    const auto first = history.judge(suite_night(20, failed), compare::default_rules());
    const auto second = history.judge(suite_night(21, failed), compare::default_rules());
    CHECK(judgement(first, "success_ratio").verdict == (failed == 6 ? Verdict::kSuspect : Verdict::kUnclear));
    CHECK(judgement(second, "success_ratio").verdict == (failed == 6 ? Verdict::kWorse : Verdict::kUnclear));
    CHECK(compare::exit_code({second}, false) == (failed == 6 ? 1 : 0));
    CHECK(judgement(second, "success_ratio").sentence.find("of 26 tasks lost") != std::string::npos);
  }
}
