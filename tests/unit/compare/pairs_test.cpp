#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/random.h"
#include "compare/compare_pairs.h"
#include "compare/pair_rule.h"
#include "result_examples.h"

using namespace qbench;
using compare::Judgement;
using compare::Reason;
using compare::RunPair;
using compare::Verdict;
using record::Better;
using record::MetricId;
using Values = std::vector<double>;

namespace {

void check(const compare::PairResult& judged, Verdict verdict, Reason reason) {
  CHECK(name_of(judged.result.verdict) == name_of(verdict));
  CHECK(name_of(judged.result.reason) == name_of(reason));
}

/// The k-th of n pairs: a baseline near 100 that drifts upwards, the candidate `factor` times that, with up to `noise` of its own.
std::pair<Values, Values> pairs_of(std::size_t n, double factor, double noise, std::uint64_t seed = 1) {
  Random random(seed);
  Values base, candidate;
  for (std::size_t i = 0; i < n; ++i) {
    const double level = 100.0 + static_cast<double>(i);
    base.push_back(level * (1 + noise * (2 * random.next_uniform() - 1)));
    candidate.push_back(level * factor * (1 + noise * (2 * random.next_uniform() - 1)));
  }
  return {base, candidate};
}

compare::PairResult judged(std::size_t n, double factor, double noise, double delta, Better better = Better::kHigher) {
  const auto [base, candidate] = pairs_of(n, factor, noise);
  return compare::judge_pairs(base, candidate, better, delta);
}

/// Pairs of one row each, with these decoding rates.
std::vector<RunPair> runs(const Values& base, const Values& candidate) {
  std::vector<RunPair> all;
  for (std::size_t i = 0; i < base.size(); ++i) {
    record::ResultRow one = test::example_row(), other = test::example_row();
    test::set(one, MetricId::kDecodeTokPerS, {base[i]});
    test::set(other, MetricId::kDecodeTokPerS, {candidate[i]});
    test::set_fact(one, "kv_bytes", "1048576");
    test::set_fact(other, "kv_bytes", "1048576");
    all.push_back({test::example_set({one}), test::example_set({other})});
  }
  return all;
}

std::vector<RunPair> runs_of(std::size_t n, double factor, double noise) {
  const auto [base, candidate] = pairs_of(n, factor, noise);
  return runs(base, candidate);
}

const Judgement& metric_in(const compare::Comparison& comparison, const std::string& metric) {
  REQUIRE(comparison.cells.size() == 1);
  const auto& all = comparison.cells.front().judgements;
  const auto found = std::find_if(all.begin(), all.end(), [&](const Judgement& j) { return j.metric == metric; });
  REQUIRE_MESSAGE(found != all.end(), "no " << metric);
  return *found;
}

}  // namespace

TEST_CASE("pairs are worse where the whole interval of their ratio lies beyond delta, and better on the other side") {
  check(judged(10, 1 / 1.2, 0.02, 0.08), Verdict::kWorse, Reason::kPairsBeyond);
  check(judged(10, 1.2, 0.02, 0.08), Verdict::kBetter, Reason::kPairsBeyond);
  check(judged(10, 1.2, 0.02, 0.08, Better::kLower), Verdict::kWorse, Reason::kPairsBeyond);
  check(judged(10, 1 / 1.2, 0.02, 0.08, Better::kLower), Verdict::kBetter, Reason::kPairsBeyond);
}

TEST_CASE("pairs are the same where the whole interval lies within delta") {
  check(judged(10, 1.0, 0.02, 0.08), Verdict::kSame, Reason::kPairsWithin);
  check(judged(10, 1.0, 0, 0), Verdict::kSame, Reason::kPairsWithin);
  const auto result = judged(10, 1.01, 0.01, 0.03);
  check(result, Verdict::kSame, Reason::kPairsWithin);
  REQUIRE(result.interval.has_value());
  CHECK(result.interval->low <= *result.ratio);
  CHECK(*result.ratio <= result.interval->high);
}

TEST_CASE("a slowdown of just delta is unclear, a smaller delta and more pairs make it worse") {
  check(judged(10, 1 / 1.08, 0.02, 0.08), Verdict::kUnclear, Reason::kPairsStraddle);
  check(judged(10, 1 / 1.08, 0.08, 0.03), Verdict::kUnclear, Reason::kPairsStraddle);
  check(judged(60, 1 / 1.08, 0.08, 0.03), Verdict::kWorse, Reason::kPairsBeyond);
  check(judged(10, 1.0, 0.2, 0.03), Verdict::kUnclear, Reason::kPairsStraddle);
}

TEST_CASE("a time and the rate that is its inverse get one verdict") {
  for (const double factor : {0.8, 0.9, 0.925, 0.93, 1.0, 1.075, 1.08, 1.2}) {
    CAPTURE(factor);
    const auto [base, candidate] = pairs_of(12, factor, 0.004);
    Values base_ms, candidate_ms;
    for (const double rate : base) base_ms.push_back(1000 / rate);
    for (const double rate : candidate) candidate_ms.push_back(1000 / rate);
    const auto rate = compare::judge_pairs(base, candidate, Better::kHigher, 0.08);
    const auto time = compare::judge_pairs(base_ms, candidate_ms, Better::kLower, 0.08);
    CHECK(name_of(rate.result.verdict) == name_of(time.result.verdict));
    CHECK(*rate.ratio * *time.ratio == doctest::Approx(1));
  }
}

TEST_CASE("fewer than ten pairs carry no verdict, below six there is no interval") {
  const auto nine = judged(9, 0.5, 0.01, 0.03), five = judged(5, 0.5, 0.01, 0.03);
  check(nine, Verdict::kUnclear, Reason::kFewPairs);
  CHECK(nine.interval.has_value());
  check(five, Verdict::kUnclear, Reason::kFewPairs);
  CHECK(!five.interval.has_value());
  CHECK(five.ratio.has_value());
}

TEST_CASE("values without a ratio are unclear unless the pairs are equal") {
  const Values zeros(10, 0.0), ones(10, 1.0), below(10, -1.0);
  check(compare::judge_pairs(zeros, ones, Better::kLower, 0.03), Verdict::kUnclear, Reason::kNoRatio);
  check(compare::judge_pairs(ones, zeros, Better::kLower, 0.03), Verdict::kUnclear, Reason::kNoRatio);
  check(compare::judge_pairs(ones, below, Better::kLower, 0.03), Verdict::kUnclear, Reason::kNoRatio);
  check(compare::judge_pairs(zeros, zeros, Better::kLower, 0.03), Verdict::kSame, Reason::kPairsWithin);
}

TEST_CASE("two equal builds are worse in fewer than one comparison of a thousand, whatever the noise") {
  constexpr int kComparisons = 4'000;
  for (const double noise : {0.02, 0.1, 0.3}) {
    int worse = 0;
    for (int i = 0; i < kComparisons; ++i) {
      const auto [base, candidate] = pairs_of(10, 1.0, noise, static_cast<std::uint64_t>(i));
      worse += compare::judge_pairs(base, candidate, Better::kHigher, 0.08).result.verdict == Verdict::kWorse ? 1 : 0;
    }
    MESSAGE("uniform noise of +-" << 100 * noise << " %, delta 8 %: worse in " << worse << " of " << kComparisons << " comparisons of 10 pairs");
    CHECK(worse <= kComparisons / 1000);
  }
}

TEST_CASE("runs in pairs are judged cell by cell, with the delta of the device's class") {
  const compare::Comparison comparison = compare::compare_run_pairs(runs_of(10, 1 / 1.05, 0.005), compare::default_rules());
  CHECK(comparison.is_paired);
  const Judgement& decode = metric_in(comparison, "decode_tok_per_s");
  CHECK(*decode.delta == 0.08);
  CHECK(name_of(decode.verdict) == "same");
  CHECK(decode.base_sessions.size() == 10);
  CHECK(decode.ratio_low.has_value());
  CHECK(name_of(metric_in(comparison, "output_digest").verdict) == "same");
  CHECK(name_of(metric_in(comparison, "kv_bytes").verdict) == "same");
  CHECK(comparison.cells.front().judgements.size() == 3);  // what no side has is not there

  auto on_gpu = runs_of(10, 1 / 1.05, 0.005);
  for (RunPair& run : on_gpu) {
    for (record::ResultSet* set : {&run.base, &run.candidate}) test::set_fact(set->rows.front(), "device_effective", "cuda:0");
  }
  const compare::Comparison gpu = compare::compare_run_pairs(on_gpu, compare::default_rules());
  CHECK(*metric_in(gpu, "decode_tok_per_s").delta == 0.03);
  CHECK(name_of(metric_in(gpu, "decode_tok_per_s").verdict) == "worse");
  CHECK(compare::exit_code({gpu}, false) == 1);
  compare::Rules narrow = compare::default_rules();
  compare::set_delta(narrow, 0.03);
  CHECK(name_of(metric_in(compare::compare_run_pairs(runs_of(10, 1 / 1.05, 0.005), narrow), "decode_tok_per_s").verdict) == "worse");
}

TEST_CASE("bytes that grow by one are worse, other output is what the gate says it is") {
  auto all = runs_of(10, 1, 0);
  for (RunPair& run : all) {
    test::set_fact(run.candidate.rows.front(), "kv_bytes", "1048577");
    test::set_fact(run.candidate.rows.front(), "output_digest", "fedcba9876543210");
  }
  compare::Rules rules = compare::default_rules();
  compare::Comparison comparison = compare::compare_run_pairs(all, rules);
  CHECK(name_of(metric_in(comparison, "kv_bytes").verdict) == "worse");
  CHECK(name_of(metric_in(comparison, "output_digest").verdict) == "unclear");
  rules.output_change = Verdict::kWorse;
  CHECK(name_of(metric_in(compare::compare_run_pairs(all, rules), "output_digest").verdict) == "worse");
  test::set_fact(all[3].candidate.rows.front(), "output_digest", "0000000000000000");
  const Judgement varying = metric_in(compare::compare_run_pairs(all, rules), "output_digest");
  CHECK(name_of(varying.verdict) == "unclear");
  CHECK(varying.sentence.find("vary from process to process") != std::string::npos);
}

TEST_CASE("other work carries no verdict, lowered clocks leave a pair out, a missing row is said") {
  auto all = runs_of(12, 0.5, 0.01);
  all[2].base.rows.front().status = record::Status::kThrottled;
  all[7].candidate.rows.front().status = record::Status::kThrottled;
  compare::Comparison comparison = compare::compare_run_pairs(all, compare::default_rules());
  CHECK(metric_in(comparison, "decode_tok_per_s").base_sessions.size() == 10);
  CHECK(name_of(metric_in(comparison, "decode_tok_per_s").verdict) == "worse");
  REQUIRE(comparison.cells.front().notes.size() == 1);
  CHECK(comparison.cells.front().notes.front().find("2") != std::string::npos);

  auto other = runs_of(10, 0.5, 0.01);
  for (RunPair& run : other) test::set_fact(run.candidate.rows.front(), "prompt_fingerprint", "sha256:changed");
  comparison = compare::compare_run_pairs(other, compare::default_rules());
  CHECK(name_of(metric_in(comparison, "decode_tok_per_s").reason) == "unlike_work");
  CHECK(compare::exit_code({comparison}, false) == 0);
  CHECK(compare::exit_code({comparison}, true) == 4);

  auto gone = runs_of(10, 1, 0);
  for (RunPair& run : gone) test::set_fact(run.candidate.rows.front(), "prompt_id", "another");
  comparison = compare::compare_run_pairs(gone, compare::default_rules());
  REQUIRE(comparison.cells.size() == 2);
  for (const auto& cell : comparison.cells) CHECK(name_of(cell.judgements.front().reason) == "no_partner");

  for (RunPair& run : all) run.base.rows.front().status = record::Status::kThrottled;
  CHECK(name_of(metric_in(compare::compare_run_pairs(all, compare::default_rules()), "row").reason) == "throttled");
  CHECK(compare::compare_run_pairs({}, compare::default_rules()).cells.empty());
}
