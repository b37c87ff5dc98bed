#include <doctest/doctest.h>

#include <string>

#include "history_examples.h"

/// What a night is, which output is accepted, and what vanishes.

using namespace qbench;
using namespace qbench::test;
using compare::NightState;
using compare::Reason;
using compare::Verdict;
using history::History;
using record::ResultSet;

namespace {

compare::Comparison judge(History& history, const ResultSet& set) { return history.judge(set, compare::default_rules()); }

auto with_output(const std::string& digest) {
  return [digest](record::ResultRow& row) { test::set_fact(row, "output_digest", digest); };
}

/// Rows of the example with other facts, as one night.
ResultSet night_of_rows(int night, const std::vector<std::pair<std::string, bool>>& models, const std::string& host = "feed",
                        const std::string& suite = "smoke") {
  ResultSet set = night_set(night, 100);
  const record::ResultRow one = set.rows.front();
  set.rows.clear();
  for (const auto& [model, works] : models) {
    record::ResultRow row = one;
    test::set_fact(row, "model", model);
    test::set_fact(row, "model_fingerprint", works ? "sha256:" + model : "");
    test::set_fact(row, "host_hash", host);
    test::set_fact(row, "suite", suite);
    if (!works) {
      test::set_fact(row, "precision", "");
      row.status = record::Status::kFailed;
      row.failure = {"format", "is damaged"};
    }
    set.rows.push_back(row);
  }
  set.run_id += "-" + host + "-" + suite;
  return set;
}

std::size_t missing_rows(const compare::Comparison& comparison) {
  std::size_t n = 0;
  for (const auto& cell : comparison.cells) {
    for (const auto& one : cell.judgements) n += one.reason == Reason::kNoPartner ? 1 : 0;
  }
  return n;
}

}  // namespace

TEST_CASE("a rerun of the night neither confirms nor clears a suspect; the next night does") {
  for (const double next : {80.0, 100.0}) {
    CAPTURE(next);
    const Place place;
    History history = place.open();
    fill(history);
    check(judgement(judge(history, night_set(20, 80)), "decode_tok_per_s"), Verdict::kSuspect, Reason::kFirstExcess);
    const auto rerun = judge(history, rerun_set(20, 10, 80));
    check(judgement(rerun, "decode_tok_per_s"), Verdict::kSuspect, Reason::kSameNight);
    CHECK(judgement(rerun, "decode_tok_per_s").sentence.find("same night") != std::string::npos);
    CHECK(compare::exit_code({rerun}, false) == 0);
    CHECK(compare::exit_code({rerun}, true) == 4);
    check(judgement(judge(history, rerun_set(20, 20, 100)), "decode_tok_per_s"), Verdict::kSame, Reason::kWithinBand);
    check(judgement(judge(history, rerun_set(20, 719, 80)), "decode_tok_per_s"), Verdict::kSuspect, Reason::kSameNight);
    CHECK(state_of(history, 20) == NightState::kSuspect);
    for (const char* run : {"+10", "+20", "+719"}) CHECK(state_of(history, 20, run) == NightState::kExcluded);
    const bool worse = next < 90;
    const auto decided = judge(history, rerun_set(20, 720, next));
    check(judgement(decided, "decode_tok_per_s"), worse ? Verdict::kWorse : Verdict::kSame,
          worse ? Reason::kConfirmedExcess : Reason::kWithinBand);
    CHECK(state_of(history, 20) == (worse ? NightState::kRejected : NightState::kAccepted));
    // The rerun seen again is what it was, although its night is decided now.
    check(judgement(judge(history, rerun_set(20, 10, 80)), "decode_tok_per_s"), Verdict::kSuspect, Reason::kSameNight);
    CHECK(state_of(history, 20, "+10") == NightState::kExcluded);
  }
}

TEST_CASE("many runs of one night count once in a baseline: the latest") {
  const Place place;
  History history = place.open();
  for (int minute = 0; minute < 20; ++minute) history.add(history::night_of(rerun_set(0, minute, 100 + minute)));
  check(judgement(judge(history, rerun_set(0, 29, 80)), "decode_tok_per_s"), Verdict::kUnclear, Reason::kNoBaseline);
  CHECK(judgement(judge(history, rerun_set(0, 30, 80)), "decode_tok_per_s").base_sessions.empty());
  const auto next = judge(history, night_set(1, 80));
  check(judgement(next, "decode_tok_per_s"), Verdict::kUnclear, Reason::kNoBaseline);
  CHECK(judgement(next, "decode_tok_per_s").base_sessions == std::vector<double>{80});
}

TEST_CASE("a night that a later one decided keeps its state when it is judged again") {
  const Place place;
  History history = place.open();
  fill(history);
  judge(history, night_set(20, 80));
  judge(history, night_set(21, 100));
  judge(history, night_set(22, 80));
  judge(history, night_set(23, 80));
  const NightState states[] = {NightState::kAccepted, NightState::kAccepted, NightState::kRejected, NightState::kRejected};
  for (int again = 20; again < 24; ++again) {
    judge(history, night_set(again, again == 21 ? 100 : 80));
    for (int night = 20; night < 24; ++night) {
      CAPTURE(again);
      CAPTURE(night);
      CHECK(state_of(history, night) == states[night - 20]);
    }
  }
  // A run that is kept late sees the suspect as undecided, and leaves what was decided.
  judge(history, rerun_set(22, 780, 100));
  CHECK(state_of(history, 22) == NightState::kRejected);
}

TEST_CASE("other output ids are said every night until a rebaseline accepts them") {
  const Place place;
  History history = place.open();
  fill(history, 3);
  for (int night = 3; night < 6; ++night) {
    const auto other = judge(history, night_set(night, 100, with_output("bb")));
    check(judgement(other, "output_digest"), Verdict::kUnclear, Reason::kDiffers);
    CHECK(judgement(other, "output_digest").base_text == "0123456789abcdef");
    CHECK(judgement(other, "output_digest").sentence.find("rebaseline") != std::string::npos);
  }
  compare::Rules strict = compare::default_rules();
  strict.output_change = Verdict::kWorse;
  for (int night = 6; night < 8; ++night) {
    CHECK(compare::exit_code({history.judge(night_set(night, 100, with_output("bb")), strict)}, false) == 1);
  }
  CHECK(history.rebaseline("night5", "decode_tok_per_s") == 1);
  check(judgement(judge(history, night_set(8, 100, with_output("bb"))), "output_digest"), Verdict::kUnclear, Reason::kDiffers);
  CHECK(history.rebaseline("night5", history::kOutputDigest) == 1);
  check(judgement(judge(history, night_set(9, 100, with_output("bb"))), "output_digest"), Verdict::kSame, Reason::kEqual);
  check(judgement(judge(history, night_set(10, 100)), "output_digest"), Verdict::kUnclear, Reason::kDiffers);
}

TEST_CASE("nights of other hosts and suites between do not hide a row that vanishes, and are none themselves") {
  const Place place;
  History history = place.open();
  judge(history, night_of_rows(0, {{"a", true}, {"b", true}}));
  const auto first = judge(history, night_of_rows(1, {{"c", true}}, "beef"));
  CHECK(missing_rows(first) == 0);
  CHECK(first.notes.front().find("no earlier night of this host and suite") != std::string::npos);
  CHECK(missing_rows(judge(history, night_of_rows(2, {{"a", true}}, "feed", "codegen"))) == 0);
  CHECK(missing_rows(judge(history, night_of_rows(3, {{"c", true}}, "beef"))) == 0);
  CHECK(missing_rows(judge(history, night_of_rows(4, {{"a", true}}))) == 1);
}

TEST_CASE("a model that fails and then vanishes is said, one that comes back is no news") {
  const Place place;
  History history = place.open();
  judge(history, night_of_rows(0, {{"a", true}, {"b", true}}));
  const auto failed = judge(history, night_of_rows(1, {{"a", true}, {"b", false}}));
  CHECK(missing_rows(failed) == 0);
  CHECK(compare::exit_code({failed}, false) == 3);
  CHECK(history.series("").size() == 2);
  const auto vanished = judge(history, night_of_rows(2, {{"a", true}}));
  CHECK(missing_rows(vanished) == 1);
  CHECK(compare::exit_code({vanished}, true) == 4);
  judge(history, night_of_rows(3, {{"a", true}, {"b", false}}));
  const auto back = judge(history, night_of_rows(4, {{"a", true}, {"b", true}}));
  CHECK(missing_rows(back) == 0);
  CHECK(back.notes.empty());
}

TEST_CASE("one of two rows of a model and prompt that vanishes is said") {
  const Place place;
  History history = place.open();
  auto two = night_set(0, 100);
  two.rows.push_back(two.rows.front());
  test::set_fact(two.rows.back(), "batch", "4");
  judge(history, two);
  CHECK(missing_rows(judge(history, night_set(1, 100))) == 1);
}

TEST_CASE("a gate that has nothing to judge is no pass") {
  const Place place;
  History history = place.open();
  fill(history);
  compare::Rules nothing = compare::default_rules();
  for (auto& rule : nothing.metrics) rule.gated = false;
  const auto none_gated = history.judge(night_set(20, 100), nothing);
  auto text = night_set(21, 100, [](record::ResultRow& row) { row.pass = record::Pass::kText; });
  const auto text_alone = judge(history, text);
  for (const auto& comparison : {none_gated, text_alone}) {
    CHECK(compare::is_nothing_judged(comparison));
    CHECK(comparison.notes.back().find("nothing was judged") != std::string::npos);
    CHECK(compare::exit_code({comparison}, false) == 0);
    CHECK(compare::exit_code({comparison}, true) == 4);
  }
  CHECK_FALSE(compare::is_nothing_judged(judge(history, night_set(22, 100))));
}
