#include "compare/rules.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "compare/night_series.h"
#include "compare/session_rule.h"
#include "test_support.h"

using namespace qbench;
using compare::NightState;
using compare::Reason;
using compare::Verdict;
using record::Better;
using Values = std::vector<double>;

namespace {

compare::RuleResult judged(const Values& base, const Values& fresh, Better better = Better::kHigher, double delta = 0.03) {
  return compare::judge_sessions(base, fresh, better, delta);
}

void check(compare::RuleResult result, Verdict verdict, Reason reason) {
  CHECK(name_of(result.verdict) == name_of(verdict));
  CHECK(name_of(result.reason) == name_of(reason));
}

std::string config_error(const std::string& text) {
  const test::TempDir folder;
  std::ofstream(folder.path() / "gate.json") << text;
  try {
    compare::read_rules(folder.path() / "gate.json");
  } catch (const Error& error) {
    CHECK(error.code() != ErrorCode::kIo);
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("worse needs every new session beyond every base one and the medians beyond delta") {
  check(judged({100, 101, 99}, {90, 91, 92}), Verdict::kWorse, Reason::kSessionsApart);
  check(judged({100, 101, 99}, {90, 91, 99.5}), Verdict::kUnclear, Reason::kOverlap);  // one session reaches back
  check(judged({100, 101, 99}, {98.2, 98.3, 98.5}), Verdict::kSame, Reason::kWithinDelta);
  check(judged({90, 91, 92}, {100, 101, 99}), Verdict::kBetter, Reason::kSessionsApart);
  check(judged({10, 10.1, 9.9}, {11, 11.1, 11.2}, Better::kLower), Verdict::kWorse, Reason::kSessionsApart);
  check(judged({11, 11.1, 11.2}, {10, 10.1, 9.9}, Better::kLower), Verdict::kBetter, Reason::kSessionsApart);
}

TEST_CASE("same needs every pairwise ratio within delta, not only the medians") {
  check(judged({100, 100, 100}, {100, 100, 104}), Verdict::kUnclear, Reason::kOverlap);
  check(judged({100, 100, 100}, {100, 100, 103}), Verdict::kSame, Reason::kWithinDelta);
  check(judged({98, 100, 102}, {98, 100, 102}), Verdict::kUnclear, Reason::kOverlap);  // 102/98 is 4.1 %
  check(judged({98, 100, 102}, {98, 100, 102}, Better::kHigher, 0.05), Verdict::kSame, Reason::kWithinDelta);
}

TEST_CASE("fewer than three sessions on a side carry no verdict, however far apart") {
  check(judged({100}, {50}), Verdict::kUnclear, Reason::kFewSessions);
  check(judged({100, 100, 100}, {50, 50}), Verdict::kUnclear, Reason::kFewSessions);
  check(judged({100, 100}, {50, 50, 50}), Verdict::kUnclear, Reason::kFewSessions);
}

TEST_CASE("a base of zero has no ratio") {
  check(judged({0, 0, 0}, {1, 1, 1}, Better::kLower), Verdict::kUnclear, Reason::kNoRatio);
  check(judged({0, 0, 0}, {0, 0, 0}, Better::kLower), Verdict::kSame, Reason::kWithinDelta);
}

TEST_CASE("bytes are settled by one value") {
  check(compare::judge_counted(1000, 1000, Better::kLower, 0), Verdict::kSame, Reason::kEqual);
  check(compare::judge_counted(1000, 1001, Better::kLower, 0), Verdict::kWorse, Reason::kDiffers);
  check(compare::judge_counted(1000, 999, Better::kLower, 0), Verdict::kBetter, Reason::kDiffers);
  check(compare::judge_counted(1000, 1010, Better::kLower, 0.01), Verdict::kSame, Reason::kEqual);
  check(compare::judge_counted(1000, 1001, Better::kNeither, 0), Verdict::kUnclear, Reason::kDiffers);
}

TEST_CASE("tasks are judged in pairs: six lost against none is worse, five is unclear, two rates alone say nothing") {
  check(compare::judge_tasks(0, 0, 0.05), Verdict::kSame, Reason::kPairedTasks);
  check(compare::judge_tasks(5, 0, 0.05), Verdict::kUnclear, Reason::kPairedTasks);
  check(compare::judge_tasks(6, 0, 0.05), Verdict::kWorse, Reason::kPairedTasks);
  check(compare::judge_tasks(0, 6, 0.05), Verdict::kBetter, Reason::kPairedTasks);
  check(compare::judge_tasks(12, 3, 0.05), Verdict::kWorse, Reason::kPairedTasks);
  check(compare::judge_tasks(20, 16, 0.05), Verdict::kUnclear, Reason::kPairedTasks);
}

TEST_CASE("the gate file of the repository says what holds without one") {
  const auto folder = test::fixtures_dir().parent_path().parent_path() / "configs" / "gates";
  CHECK(compare::read_rules(folder / "nightly.json") == compare::default_rules());
  CHECK(compare::read_rules(folder / "strict.json").output_change == Verdict::kWorse);
}

TEST_CASE("a gate file that is wrong is refused with file and key") {
  CHECK(config_error("{\"metrics\": {\"decode_tok_per_s\": {}}}").empty());
  const auto refuses = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    const std::string error = config_error(text);
    CAPTURE(error);
    CHECK(error.find("gate.json") != std::string::npos);
    CHECK(error.find(part) != std::string::npos);
  };
  refuses("{}", "metrics: expected an object");
  refuses("{\"metrics\": {\"tok_s\": {}}}", "metrics.tok_s: no such metric");
  refuses("{\"metrics\": {\"prompt_tokens\": {}}}", "no better direction");
  refuses("{\"metrics\": {\"load_ms\": {\"delta\": -0.1}}}", "metrics.load_ms.delta: expected a number from 0 on");
  refuses("{\"metrics\": {\"load_ms\": {\"delta\": 3}}}", "metrics.load_ms.delta: expected a ratio from 0 to 1");
  refuses("{\"metrics\": {\"ttft_ms\": {\"delta_cpu\": 1.01}}}", "metrics.ttft_ms.delta_cpu: expected a ratio from 0 to 1");
  refuses("{\"metrics\": {\"load_ms\": {\"detla\": 1}}}", "metrics.load_ms.detla: unknown key");
  refuses("{\"metrics\": {\"load_ms\": 3}}", "metrics.load_ms: expected an object");
  refuses("{\"metrics\": {\"load_ms\": {\"gated\": 1}}}", "expected true or false");
  refuses("{\"window\": 20, \"warn_from\": 21, \"metrics\": {\"load_ms\": {}}}", "warn_from <= fail_from <= window");
  refuses("{\"window\": 100000, \"metrics\": {\"load_ms\": {}}}", "at most 1000");
  refuses("{\"window\": 0, \"metrics\": {\"load_ms\": {}}}", "above 0");
  refuses("{\"output_change\": \"better\", \"metrics\": {\"load_ms\": {}}}", "output_change");
  refuses("[]", "expected an object");
  refuses("{\"metrics\": ", "not valid JSON");
}

TEST_CASE("--delta replaces every tolerance, bytes included") {
  compare::Rules rules = compare::default_rules();
  compare::set_delta(rules, 0.2);
  for (const auto& rule : rules.metrics) {
    CHECK(compare::delta_of(rule, true, 1000) == 0.2);
    CHECK(compare::delta_of(rule, false, 1000) == 0.2);
  }
  CHECK(compare::delta_of(*compare::default_rules().find("peak_bytes"), true, 1e9) == doctest::Approx(0.033554432));
  CHECK(compare::delta_of(*compare::default_rules().find("peak_bytes"), true, 1e11) == 0.01);
  CHECK(compare::delta_of(*compare::default_rules().find("ttft_ms"), true, 1) == 0.08);
}

namespace {

/// A series of one metric and the gate that goes with it.
struct Series {
  compare::Rules rules = compare::default_rules();
  std::vector<compare::Night> nights;
  Better better = Better::kHigher;

  explicit Series(int accepted) {
    for (int i = 0; i < accepted; ++i) nights.push_back({100 + (i % 3) * 0.2});
  }
  compare::JudgedNight next(double value, bool throttled = false, std::optional<double> clock_ratio = {}) {
    compare::Night fresh{value};
    compare::GateQuestion question;
    question.better = better;
    question.throttled = throttled;
    question.clock_ratio = clock_ratio;
    auto judged = compare::judge_next(nights, fresh, question, rules, *rules.find("decode_tok_per_s"), false);
    nights.push_back(fresh);
    return judged;
  }
};

}  // namespace

TEST_CASE("a first excess is a suspect, the next night in excess is worse, and neither is accepted") {
  Series series(20);
  check(series.next(100).answer.result, Verdict::kSame, Reason::kWithinBand);
  check(series.next(95).answer.result, Verdict::kSuspect, Reason::kFirstExcess);
  CHECK(series.nights.back().state == NightState::kSuspect);
  check(series.next(95).answer.result, Verdict::kWorse, Reason::kConfirmedExcess);
  CHECK(series.nights[series.nights.size() - 2].state == NightState::kRejected);
  CHECK(series.nights.back().state == NightState::kRejected);
  check(series.next(95).answer.result, Verdict::kWorse, Reason::kConfirmedExcess);  // as long as it lasts
  check(series.next(100).answer.result, Verdict::kSame, Reason::kWithinBand);
  check(series.next(95).answer.result, Verdict::kSuspect, Reason::kFirstExcess);  // a new one begins anew
}

TEST_CASE("a suspect that the next night does not confirm is accepted") {
  Series series(20);
  series.next(95);
  const auto judged = series.next(100);
  check(judged.answer.result, Verdict::kSame, Reason::kWithinBand);
  CHECK(judged.decided == 20);
  CHECK(series.nights[20].state == NightState::kAccepted);
}

TEST_CASE("8 to 19 nights warn only, fewer say that there is no baseline, and all are accepted") {
  Series short_series(8);
  check(short_series.next(80).answer.result, Verdict::kUnclear, Reason::kShortBaseline);
  check(short_series.next(80).answer.result, Verdict::kUnclear, Reason::kShortBaseline);
  check(short_series.next(100).answer.result, Verdict::kSame, Reason::kWithinBand);
  Series new_series(7);
  check(new_series.next(80).answer.result, Verdict::kUnclear, Reason::kNoBaseline);
  CHECK(new_series.nights.back().state == NightState::kAccepted);
  Series empty(0);
  check(empty.next(80).answer.result, Verdict::kUnclear, Reason::kNoBaseline);
  Series nineteen(19);
  check(nineteen.next(80).answer.result, Verdict::kUnclear, Reason::kShortBaseline);
  check(nineteen.next(80).answer.result, Verdict::kSuspect, Reason::kFirstExcess);
}

TEST_CASE("a throttled night is no regression and decides nothing about the suspect before it") {
  Series series(20);
  series.next(95);
  const auto judged = series.next(80, true);
  check(judged.answer.result, Verdict::kUnclear, Reason::kThrottled);
  CHECK(series.nights[20].state == NightState::kSuspect);
  CHECK(series.nights.back().state == NightState::kExcluded);
  check(series.next(95).answer.result, Verdict::kWorse, Reason::kConfirmedExcess);
}

TEST_CASE("slower in time but not in clock cycles is unclear") {
  Series series(20);
  check(series.next(90, false, 1.1).answer.result, Verdict::kUnclear, Reason::kClocks);
  check(series.next(90, false, 1.01).answer.result, Verdict::kSuspect, Reason::kFirstExcess);
  check(series.next(90, false, 0.9).answer.result, Verdict::kWorse, Reason::kConfirmedExcess);
  Series times(20);
  times.better = Better::kLower;
  check(times.next(110, false, 1.1).answer.result, Verdict::kUnclear, Reason::kClocks);
}

TEST_CASE("a history that scatters by more than 2 % gives no verdict") {
  Series series(0);
  for (int i = 0; i < 20; ++i) series.nights.push_back({100.0 + (i % 7) * 2});
  check(series.next(60).answer.result, Verdict::kUnclear, Reason::kNoisy);
  CHECK(series.nights.back().state == NightState::kExcluded);
  check(series.next(100).answer.result, Verdict::kUnclear, Reason::kNoisy);
  CHECK(series.nights.back().state == NightState::kAccepted);
}

TEST_CASE("an improvement beyond the band is better and never fails") {
  Series series(20);
  check(series.next(110).answer.result, Verdict::kBetter, Reason::kImproved);
  CHECK(series.nights.back().state == NightState::kAccepted);
}
