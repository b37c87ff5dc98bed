#include "compare/compare.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "compare/pairing.h"
#include "result_examples.h"

using namespace qbench;
using compare::Reason;
using compare::Verdict;
using record::MetricId;
using record::ResultRow;
using record::ResultSet;
using test::example_row;
using test::example_set;
using test::set_fact;

namespace {

ResultRow timed_row(double rate, int sessions = 3) {
  ResultRow row = example_row();
  std::vector<double> rates, times;
  for (int i = 0; i < sessions; ++i) {
    rates.push_back(rate * (1 + 0.002 * i));
    times.push_back(1000 / rate * (1 + 0.002 * i));
  }
  test::set(row, MetricId::kDecodeTokPerS, rates);
  test::set(row, MetricId::kTtftMs, times);
  row.metric(MetricId::kPeakBytes).value = 1e9;
  row.metric(MetricId::kPromptTokens).value = 20;
  row.metric(MetricId::kOutputTokens).value = 64;
  return row;
}

compare::Comparison compared(const ResultRow& base, const ResultRow& fresh) {
  return compare::compare_results(example_set({base}), example_set({fresh}), compare::default_rules());
}

const compare::Judgement& judgement(const compare::Comparison& comparison, std::string_view metric) {
  for (const auto& cell : comparison.cells) {
    for (const auto& one : cell.judgements) {
      if (one.metric == metric) return one;
    }
  }
  FAIL("no judgement of " << metric);
  throw;
}

void check(const compare::Comparison& comparison, std::string_view metric, Verdict verdict, Reason reason) {
  const auto& one = judgement(comparison, metric);
  CAPTURE(one.sentence);
  CAPTURE(metric);
  CHECK(name_of(one.verdict) == name_of(verdict));
  CHECK(name_of(one.reason) == name_of(reason));
  CHECK_FALSE(one.sentence.empty());
}

void add_tasks(ResultRow& row, int tasks, const std::function<record::TaskStatus(int)>& status) {
  int passed = 0;
  for (int i = 0; i < tasks; ++i) {
    row.tasks.push_back({0, "task" + std::to_string(i), 0, status(i)});
    passed += status(i) == record::TaskStatus::kPass ? 1 : 0;
  }
  row.metric(MetricId::kSuccessRatio).value = static_cast<double>(passed) / tasks;
}

record::TaskStatus passes_above(int i, int first) { return i >= first ? record::TaskStatus::kPass : record::TaskStatus::kWrong; }

}  // namespace

TEST_CASE("a result compared with itself is the same, with nothing worse and nothing unclear but what was not measured") {
  const auto comparison = compared(timed_row(100), timed_row(100));
  check(comparison, "output_digest", Verdict::kSame, Reason::kEqual);
  check(comparison, "decode_tok_per_s", Verdict::kSame, Reason::kWithinDelta);
  check(comparison, "peak_bytes", Verdict::kSame, Reason::kEqual);
  check(comparison, "quality_score", Verdict::kMissing, Reason::kNoValue);
  CHECK(comparison.count(Verdict::kWorse) == 0);
  CHECK(comparison.count(Verdict::kUnclear) == 0);
  CHECK(comparison.cells.front().judgements.front().metric == "output_digest");  // digests first
  CHECK(compare::exit_code({comparison}, true) == 0);
}

TEST_CASE("20 % slower is worse on every metric of time, and the exit code says so") {
  const auto comparison = compared(timed_row(100), timed_row(80));
  check(comparison, "decode_tok_per_s", Verdict::kWorse, Reason::kSessionsApart);
  check(comparison, "ttft_ms", Verdict::kWorse, Reason::kSessionsApart);
  CHECK(judgement(comparison, "decode_tok_per_s").ratio == doctest::Approx(0.8));
  CHECK(compare::exit_code({comparison}, false) == 1);
  check(compared(timed_row(80), timed_row(100)), "decode_tok_per_s", Verdict::kBetter, Reason::kSessionsApart);
}

TEST_CASE("8 % slower is unclear at the CPU's delta of 8 % and worse with --delta 3%") {
  const auto base = example_set({timed_row(100)}), fresh = example_set({timed_row(92.2)});
  check(compare::compare_results(base, fresh, compare::default_rules()), "decode_tok_per_s", Verdict::kUnclear, Reason::kOverlap);
  compare::Rules rules = compare::default_rules();
  compare::set_delta(rules, 0.03);
  check(compare::compare_results(base, fresh, rules), "decode_tok_per_s", Verdict::kWorse, Reason::kSessionsApart);
}

TEST_CASE("one session has a ratio and no verdict, except for bytes and output ids") {
  const auto comparison = compared(timed_row(100, 1), timed_row(50, 1));
  check(comparison, "decode_tok_per_s", Verdict::kUnclear, Reason::kFewSessions);
  CHECK(judgement(comparison, "decode_tok_per_s").ratio == 0.5);
  check(comparison, "peak_bytes", Verdict::kSame, Reason::kEqual);
  check(comparison, "output_digest", Verdict::kSame, Reason::kEqual);
  CHECK(compare::exit_code({comparison}, false) == 0);
  CHECK(compare::exit_code({comparison}, true) == 4);
}

TEST_CASE("unlike machines, weights, prompts and token counts are unclear, and the sentence says what differs") {
  const auto differs = [](const char* column, const char* text, Reason reason) {
    CAPTURE(column);
    ResultRow base = timed_row(100), fresh = timed_row(50);
    if (base.fact(column).empty()) set_fact(base, column, "known");
    set_fact(fresh, column, text);
    const auto comparison = compared(base, fresh);
    check(comparison, "decode_tok_per_s", Verdict::kUnclear, reason);
    CHECK(judgement(comparison, "decode_tok_per_s").sentence.find(column) != std::string::npos);
    CHECK(comparison.notes.empty() == (reason != Reason::kUnlikeMachines));
    CHECK(compare::exit_code({comparison}, false) == 0);
  };
  differs("cpu_model", "Another CPU", Reason::kUnlikeMachines);
  differs("cores_usable", "8", Reason::kUnlikeMachines);
  differs("host_hash", "beef", Reason::kUnlikeMachines);
  for (const auto& [column, text] : {std::pair{"batch", "8"}, {"context", "8192"}, {"kv_type", "fp8"}, {"kv_policy", "window 64"}, {"threads", "2"},
                                     {"gen_tokens", "32"}, {"build_type", "Debug"}, {"weights", "synthetic"}}) {
    differs(column, text, Reason::kUnlikeWork);
  }
  differs("model_fingerprint", "sha256:other", Reason::kUnlikeWork);
  differs("prompt_fingerprint", "sha256:other", Reason::kUnlikeWork);
  ResultRow longer = timed_row(50);
  longer.metric(MetricId::kOutputTokens).value = 128;
  check(compared(timed_row(100), longer), "decode_tok_per_s", Verdict::kUnclear, Reason::kUnlikeWork);
}

TEST_CASE("a row that does not name its machine is unclear") {
  ResultRow fresh = timed_row(50);
  set_fact(fresh, "cpu_model", "");
  set_fact(fresh, "device_description", "");
  const auto comparison = compared(timed_row(100), fresh);
  check(comparison, "decode_tok_per_s", Verdict::kUnclear, Reason::kUnlikeMachines);
  CHECK(judgement(comparison, "decode_tok_per_s").sentence.find("NEW does not name its machine") != std::string::npos);
}

TEST_CASE("in a container the host's name says nothing; kernel and memory do") {
  ResultRow base = timed_row(100), fresh = timed_row(50);
  for (ResultRow* row : {&base, &fresh}) {
    set_fact(*row, "container", "docker");
    set_fact(*row, "kernel", "6.1");
    set_fact(*row, "memory_total_bytes", "64000000000");
  }
  set_fact(fresh, "host_hash", "beef");
  set_fact(fresh, "memory_total_bytes", "64000004096");
  check(compared(base, fresh), "decode_tok_per_s", Verdict::kWorse, Reason::kSessionsApart);
  ResultRow kernel = fresh, memory = fresh;
  set_fact(kernel, "kernel", "6.8");
  set_fact(memory, "memory_total_bytes", "128000000000");
  check(compared(base, kernel), "decode_tok_per_s", Verdict::kUnclear, Reason::kUnlikeMachines);
  check(compared(base, memory), "decode_tok_per_s", Verdict::kUnclear, Reason::kUnlikeMachines);
}

TEST_CASE("an effective precision that differs under the same request is other work, and every difference is named") {
  ResultRow fresh = timed_row(50);
  set_fact(fresh, "precision", "q8_0");
  set_fact(fresh, "build_type", "Debug");
  ResultRow base = timed_row(100);
  set_fact(base, "build_type", "Release");
  const auto comparison = compared(base, fresh);
  check(comparison, "decode_tok_per_s", Verdict::kUnclear, Reason::kUnlikeWork);
  const std::string& sentence = judgement(comparison, "decode_tok_per_s").sentence;
  CHECK(sentence.find("precision: q4_1 against q8_0; build_type: Release against Debug") != std::string::npos);
}

TEST_CASE("output ids that vary within a side are unclear, though the first repetitions agree") {
  ResultRow fresh = timed_row(100);
  set_fact(fresh, "output_digests", "3");
  check(compared(timed_row(100), fresh), "output_digest", Verdict::kUnclear, Reason::kDiffers);
  check(compared(fresh, timed_row(100)), "output_digest", Verdict::kUnclear, Reason::kDiffers);
  CHECK(judgement(compared(timed_row(100), fresh), "output_digest").sentence.find("1 kinds in BASE, 3 in NEW") != std::string::npos);
}

TEST_CASE("runs that began hours apart are noted, with where to look instead") {
  const auto notes = [](const std::string& started) {
    return compare::compare_results(example_set({timed_row(100)}), example_set({timed_row(100)}, "later", started), compare::default_rules()).notes;
  };
  CHECK(notes("2026-11-21T04:00:00Z").empty());
  CHECK(notes("no time").empty());
  REQUIRE(notes("2026-11-22T03:22:00Z").size() == 1);
  CHECK(notes("2026-11-22T03:22:00Z")[0].find("24 hours apart") != std::string::npos);
  CHECK(notes("2026-11-20T03:22:00Z")[0].find("qbench ab") != std::string::npos);
}

TEST_CASE("what an older file does not know is no difference") {
  ResultRow base = timed_row(100);
  set_fact(base, "cores_usable", "");
  set_fact(base, "settings_digest", "");
  check(compared(base, timed_row(100)), "decode_tok_per_s", Verdict::kSame, Reason::kWithinDelta);
}

TEST_CASE("a throttled side is unclear, never a regression") {
  ResultRow fresh = timed_row(50);
  fresh.status = record::Status::kThrottled;
  const auto comparison = compared(timed_row(100), fresh);
  check(comparison, "decode_tok_per_s", Verdict::kUnclear, Reason::kThrottled);
  CHECK(compare::exit_code({comparison}, false) == 0);
}

TEST_CASE("other output ids are unclear, and worse where the rules say so") {
  ResultRow fresh = timed_row(100);
  set_fact(fresh, "output_digest", "ffff");
  check(compared(timed_row(100), fresh), "output_digest", Verdict::kUnclear, Reason::kDiffers);
  compare::Rules rules = compare::default_rules();
  rules.output_change = Verdict::kWorse;
  check(compare::compare_results(example_set({timed_row(100)}), example_set({fresh}), rules), "output_digest", Verdict::kWorse,
        Reason::kDiffers);
  set_fact(fresh, "model_fingerprint", "sha256:other");
  check(compare::compare_results(example_set({timed_row(100)}), example_set({fresh}), rules), "output_digest", Verdict::kUnclear,
        Reason::kUnlikeWork);
}

TEST_CASE("rows that failed, were skipped or are on one side only are missing; a failed one in NEW makes the exit code 3") {
  ResultRow failed = timed_row(100);
  failed.status = record::Status::kFailed;
  failed.failure = {"memory", "needs 99 GB"};
  const auto comparison = compared(timed_row(100), failed);
  check(comparison, "row", Verdict::kMissing, Reason::kFailed);
  CHECK(judgement(comparison, "row").sentence.find("needs 99 GB") != std::string::npos);
  CHECK(compare::exit_code({comparison}, false) == 3);
  CHECK(compare::exit_code({compared(failed, failed)}, false) == 3);
  ResultRow text = failed;
  text.pass = record::Pass::kText;
  set_fact(text, "pass", "text");
  ResultRow text_worked = text;
  text_worked.status = record::Status::kOk;
  const auto text_failed =
      compare::compare_results(example_set({timed_row(100), text_worked}), example_set({timed_row(100), text}), compare::default_rules());
  CHECK(text_failed.cells.size() == 2);
  CHECK(compare::exit_code({text_failed}, false) == 3);
  ResultRow other = timed_row(100);
  set_fact(other, "prompt_id", "other");
  const auto alone = compared(timed_row(100), other);
  CHECK(alone.cells.size() == 2);
  CHECK(alone.count(Verdict::kMissing) == 2);
  CHECK(compare::exit_code({alone}, false) == 0);
  CHECK(compare::exit_code({alone}, true) == 4);
}

TEST_CASE("several exit codes at once: 3 before 1 before 4") {
  ResultRow failed = timed_row(100);
  failed.status = record::Status::kFailed;
  const auto broken = compared(timed_row(100), failed), worse = compared(timed_row(100), timed_row(50)),
             unclear = compared(timed_row(100, 1), timed_row(50, 1));
  CHECK(compare::exit_code({broken, worse, unclear}, true) == 3);
  CHECK(compare::exit_code({worse, unclear}, true) == 1);
  CHECK(compare::exit_code({unclear}, true) == 4);
  CHECK(compare::exit_code({unclear}, false) == 0);
}

TEST_CASE("rows pair by their keys, then by model, prompt, precision and device class, then by the model's own name") {
  ResultRow base = timed_row(100), fresh = timed_row(100);
  set_fact(fresh, "kv_type", "fp8");
  set_fact(fresh, "threads", "8");
  auto comparison = compared(base, fresh);
  REQUIRE(comparison.cells.size() == 1);
  CHECK(comparison.cells[0].notes == std::vector<std::string>{"kv_type: f16 against fp8", "threads: 4 against 8"});
  set_fact(fresh, "model", "path/to/it.gguf");
  set_fact(fresh, "model_name", "SMOL-instruct");
  CHECK(compared(base, fresh).cells.size() == 1);
  set_fact(fresh, "precision", "bf16");
  CHECK(compared(base, fresh).cells.size() == 2);

  ResultRow gpu0 = timed_row(100), gpu1 = timed_row(100);
  set_fact(gpu0, "device_effective", "cuda:0");
  set_fact(gpu1, "device_effective", "cuda:1");
  const ResultSet two = example_set({gpu0, gpu1});
  for (const auto& pair : compare::pair_rows(two, two)) CHECK(pair.base == pair.fresh);  // each with itself
  CHECK(compare::pair_rows(example_set({gpu0}), example_set({gpu1})).size() == 1);       // the same class, alone on both sides
  const ResultSet alone = example_set({gpu0, base}), one = example_set({gpu1, base});
  CHECK(compare::pair_rows(alone, one).size() == 2);

  ResultRow batch1 = timed_row(100), batch4 = timed_row(100), batch8 = timed_row(100);
  set_fact(batch4, "batch", "4");
  set_fact(batch8, "batch", "8");
  // Neither of two is the one that batch 8 belongs to.
  const ResultSet many = example_set({batch1, batch4}), single = example_set({batch8});
  CHECK(compare::pair_rows(many, single).size() == 3);
}

TEST_CASE("tasks are judged in pairs by the exact McNemar test, whatever the two rates are") {
  ResultRow base = timed_row(100), fresh = timed_row(100);
  set_fact(base, "pass", "text");
  set_fact(fresh, "pass", "text");
  base.pass = fresh.pass = record::Pass::kText;
  set_fact(fresh, "output_digest", "ffff");
  add_tasks(base, 50, [](int i) { return passes_above(i, 10); });
  ResultRow lost6 = fresh, lost5 = fresh, same = fresh;
  add_tasks(lost6, 50, [](int i) { return passes_above(i, 16); });
  add_tasks(lost5, 50, [](int i) { return passes_above(i, 15); });
  add_tasks(same, 50, [](int i) { return passes_above(i, 10); });
  check(compared(base, lost6), "success_ratio", Verdict::kWorse, Reason::kPairedTasks);
  CHECK(judgement(compared(base, lost6), "success_ratio").sentence == "6 of 50 tasks lost, 0 gained, p = 0.031 (exact McNemar)");
  check(compared(base, lost5), "success_ratio", Verdict::kUnclear, Reason::kPairedTasks);
  check(compared(lost6, base), "success_ratio", Verdict::kBetter, Reason::kPairedTasks);
  check(compared(base, same), "success_ratio", Verdict::kSame, Reason::kPairedTasks);
  // The harness's own failures count on neither side.
  ResultRow broken = fresh;
  add_tasks(broken, 50, [](int i) { return i < 20 ? record::TaskStatus::kHarnessError : record::TaskStatus::kPass; });
  check(compared(base, broken), "success_ratio", Verdict::kSame, Reason::kPairedTasks);
  // Equal outputs cannot end differently.
  set_fact(lost6, "output_digest", "0123456789abcdef");
  check(compared(base, lost6), "success_ratio", Verdict::kSame, Reason::kSameOutput);
  // The text pass has no timings that two runs share.
  CHECK(compared(base, same).cells.front().judgements.size() == 3);
}

TEST_CASE("an empty column of quality is missing and raises nothing") {
  const auto comparison = compared(timed_row(100), timed_row(100));
  check(comparison, "success_ratio", Verdict::kMissing, Reason::kNoValue);
  CHECK(compare::exit_code({comparison}, true) == 0);
  ResultRow fresh = timed_row(100);
  fresh.metric(MetricId::kQualityScore).value = 8;
  const auto one_side = compared(timed_row(100), fresh);
  check(one_side, "quality_score", Verdict::kMissing, Reason::kNoValue);
  CHECK(judgement(one_side, "quality_score").sentence == "BASE has no value");
  CHECK(compare::exit_code({one_side}, true) == 4);
}

TEST_CASE("rows of the text pass without quality are left out, unless BASE has nothing else") {
  ResultRow text = timed_row(100);
  text.pass = record::Pass::kText;
  set_fact(text, "pass", "text");
  const ResultSet both = example_set({timed_row(100), text});
  const auto comparison = compare::compare_results(both, both, compare::default_rules());
  CHECK(comparison.cells.size() == 1);
  REQUIRE(comparison.notes.size() == 1);
  CHECK(comparison.notes[0].find("1 rows of the text pass") != std::string::npos);
  const auto published = compare::compare_results(example_set({text}), both, compare::default_rules());
  check(published, "decode_tok_per_s", Verdict::kUnclear, Reason::kUnlikeWork);
}
