#include "recommend/choose.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "recommend_examples.h"

using namespace qbench;
using namespace qbench::recommend;

namespace {

TaskNeeds needs() {
  TaskNeeds out;
  out.digest = "digest-unseen";
  out.prompt_tokens = 100;
  out.complexity.score = 3;
  return out;
}

Choice chosen(const Evidence& evidence, const std::string& constraints = {}, Preference preference = Preference::kBalanced) {
  return choose(evidence, predict(evidence, needs()), constraints.empty() ? std::vector<Constraint>{} : parse_constraints(constraints),
                preference);
}

/// A fast model that passes half, a slow one (4 times as long) that passes nine tenths.
Evidence fast_and_slow(int tasks) {
  record::ResultSet set;
  test::add_model(set, "fast", 10, tasks, tasks / 2);
  test::add_model(set, "slow", 40, tasks, tasks * 9 / 10);
  return gather_evidence({set}, {});
}

std::string first(const Evidence& evidence, const Choice& choice) { return evidence.candidates[choice.ranked.front().candidate].model; }

bool holds(const std::vector<std::string>& lines, std::string_view words) {
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(words) != std::string::npos; });
}

}  // namespace

TEST_CASE("the preference decides between a fast and a good model") {
  const Evidence evidence = fast_and_slow(60);
  CHECK(first(evidence, chosen(evidence)) == "fast");  // 2 s / 0.5 is less than 8 s / 0.9
  CHECK(first(evidence, chosen(evidence, "", Preference::kQuality)) == "slow");
  CHECK(first(evidence, chosen(evidence, "", Preference::kSpeed)) == "fast");
  CHECK(*chosen(evidence, "", Preference::kQuality).confidence > 0.99);
}

TEST_CASE("constraints rule candidates out, with the predicted value as the reason") {
  const Evidence evidence = fast_and_slow(60);
  const Choice choice = chosen(evidence, "success>80%");
  CHECK(first(evidence, choice) == "slow");
  CHECK(holds(choice.reasons, "fast on cpu (Some CPU), bf16 breaks success>80%: predicted 50 %"));
  const Choice none = chosen(evidence, "success>80%,tok_per_s>50");
  CHECK_FALSE(none.chosen());
  CHECK(none.reasons.size() == 2);
}

TEST_CASE("a model alone that holds a constraint only just is said to") {
  record::ResultSet set;
  test::add_model(set, "alone", 10, 40, 21);
  const Choice choice = chosen(gather_evidence({set}, {}), "success>50%");
  CHECK(*choice.confidence < 0.8);
  CHECK(holds(choice.caveats, "of the resamples only: more"));
}

TEST_CASE("a model that failed its only task is not preferred to one that passed some of many") {
  record::ResultSet set;
  test::add_model(set, "tried", 10, 40, 5);
  test::add_model(set, "hardly", 10, 1, 0);
  const Evidence evidence = gather_evidence({set}, {});
  CHECK(first(evidence, chosen(evidence)) == "tried");
  CHECK(first(evidence, chosen(evidence, "", Preference::kQuality)) == "tried");
}

TEST_CASE("a prompt much shorter or longer than those measured is said to be extrapolated") {
  record::ResultSet set;
  test::add_model(set, "a", 10, 20, 10);  // prompts of 100 tokens
  const Evidence evidence = gather_evidence({set}, {});
  const auto is_said = [&](double tokens) {
    TaskNeeds task = needs();
    task.prompt_tokens = tokens;
    return holds(choose(evidence, predict(evidence, task), {}, Preference::kBalanced).caveats, "TTFT is extrapolated");
  };
  CHECK(is_said(40));
  CHECK_FALSE(is_said(80));
  CHECK_FALSE(is_said(125));
  CHECK(is_said(126));
}

TEST_CASE("results of two models under one name are said to be mixed") {
  record::ResultSet set;
  test::add_model(set, "a", 10, 20, 10);
  for (record::ResultRow& row : set.rows) row.facts.emplace_back("model_fingerprint", "sha256:1");
  CHECK_FALSE(holds(chosen(gather_evidence({set}, {})).caveats, "different weights"));
  set.rows[3].facts.back().second = "sha256:2";
  CHECK(holds(chosen(gather_evidence({set}, {})).caveats, "2 models of that name, with different weights"));
}

TEST_CASE("where nothing is chosen, nothing is said of a choice") {
  record::ResultSet set;
  test::add_model(set, "hopeless", 10, 5, 0);
  CHECK(holds(chosen(gather_evidence({set}, {})).caveats, "it passed no task"));
  const Choice none = chosen(gather_evidence({set}, {}), "success>50%");
  CHECK_FALSE(none.chosen());
  CHECK(none.caveats == std::vector<std::string>{"the prompt's tokens are an estimate: no result holds this prompt"});
}

TEST_CASE("answers that ended at the most tokens allowed are said to") {
  record::ResultSet set;
  test::add_model(set, "a", 10, 20, 10);  // 200 to 238 tokens
  for (record::ResultRow& row : set.rows) row.facts.emplace_back("gen_tokens", "220");
  for (record::ResultRow& row : set.rows) {
    auto& tokens = row.metric(record::MetricId::kOutputTokens).value;
    tokens = std::min(*tokens, 220.0);
  }
  CHECK(holds(chosen(gather_evidence({set}, {})).caveats, "half of its answers or more ended at the most tokens"));
  for (record::ResultRow& row : set.rows) row.facts.back().second = "221";
  CHECK_FALSE(holds(chosen(gather_evidence({set}, {})).caveats, "ended at the most tokens"));
}

TEST_CASE("a model whose context cannot hold prompt and answer is never the choice, and says so") {
  record::ResultSet set;
  test::add_model(set, "short", 10, 20, 19);  // writes 200 to 238 tokens, and prompts are estimated at 100
  test::add_model(set, "long", 40, 20, 10);
  const auto limit = [&](const char* model, const char* tokens) {
    for (record::ResultRow& row : set.rows) {
      if (row.fact("model") == model) row.facts.emplace_back("context_trained", tokens);
    }
  };
  limit("long", "8192");
  CHECK(first(gather_evidence({set}, {}), chosen(gather_evidence({set}, {}))) == "short");
  limit("short", "256");
  const Evidence evidence = gather_evidence({set}, {});
  const Choice choice = chosen(evidence);
  CHECK(first(evidence, choice) == "long");
  CHECK(*choice.confidence == 1);
  CHECK(choice.ranked[1].win_ratio == 0);
  CHECK(holds(choice.reasons,
              "short on cpu (Some CPU), bf16 breaks the model's context of 256 positions: prompt (100, estimated) and answer need 318"));
  for (record::ResultRow& row : set.rows) {
    if (row.fact("model") == "short") row.facts.back().second = "318";  // just enough
  }
  CHECK(first(gather_evidence({set}, {}), chosen(gather_evidence({set}, {}))) == "short");
  TaskNeeds huge = needs();
  huge.prompt_tokens = 9000;
  const Choice none = choose(evidence, predict(evidence, huge), {}, Preference::kBalanced);
  CHECK_FALSE(none.chosen());
  CHECK(none.reasons.size() == 2);
}

TEST_CASE("what is not known of a model's context is a caveat, and so is one that only a usual answer fits in") {
  record::ResultSet set;
  test::add_model(set, "only", 10, 20, 19);
  CHECK_FALSE(holds(chosen(gather_evidence({set}, {})).caveats, "positions"));  // it was measured with 4096
  TaskNeeds longer = needs();
  longer.prompt_tokens = 5000;
  const auto caveats = [&](const TaskNeeds& task) {
    const Evidence evidence = gather_evidence({set}, {});
    return choose(evidence, predict(evidence, task), {}, Preference::kBalanced).caveats;
  };
  CHECK(holds(caveats(longer), "the largest context measured is 4096, and no result says how many the model holds"));
  for (record::ResultRow& row : set.rows) row.facts.emplace_back("context_trained", "8192");
  CHECK(holds(caveats(longer), "the largest context measured is 4096"));
  CHECK_FALSE(holds(caveats(longer), "no result says"));
  for (record::ResultRow& row : set.rows) row.facts.back().second = "325";
  CHECK(holds(caveats(needs()), "a long answer would be cut off"));
}

TEST_CASE("two alike models win about half of the resamples each") {
  record::ResultSet set;
  for (int i = 0; i < 40; ++i) {
    set.rows.push_back(test::judged_row("one", "task" + std::to_string(i), 200, 100, 10, i % 2 == 0));
    set.rows.push_back(test::judged_row("two", "task" + std::to_string(i), 200, 100, 10, i % 2 == 1));
  }
  const Evidence evidence = gather_evidence({set}, {});
  const Choice choice = chosen(evidence, "", Preference::kQuality);
  CHECK(*choice.confidence > 0.35);
  CHECK(*choice.confidence < 0.65);
  CHECK(holds(choice.caveats, "of the resamples only, " + evidence.candidates[choice.ranked[1].candidate].name() + " in "));
}

TEST_CASE("without judged tasks the choice is by speed and says so") {
  const Evidence evidence = gather_evidence({test::set_of({test::row("slow", "p", record::Pass::kText, 100, 100, 40),
                                                           test::row("fast", "p", record::Pass::kText, 100, 100, 10)})},
                                            {});
  TaskNeeds task = needs();
  task.output_tokens = 100;
  const Choice choice = choose(evidence, predict(evidence, task), {}, Preference::kBalanced);
  CHECK(first(evidence, choice) == "fast");
  CHECK(holds(choice.caveats, "by speed alone"));
  CHECK_FALSE(chosen(evidence, "success>10%").chosen());
}

TEST_CASE("a model that no task was judged of ranks behind those that have some, and nothing measured chooses nothing") {
  record::ResultSet set;
  test::add_model(set, "judged", 40, 10, 1);
  set.rows.push_back(test::row("unknown", "p", record::Pass::kText, 100, 10, 1));
  set.rows.back().metric(record::MetricId::kOutputTokens).value = 200;
  const Evidence evidence = gather_evidence({set}, {});
  CHECK(first(evidence, chosen(evidence)) == "judged");
  CHECK_FALSE(chosen(Evidence{}).chosen());
  CHECK(chosen(Evidence{}).ranked.empty());
}

TEST_CASE("a choice that passed nothing is said to be none that works") {
  record::ResultSet set;
  test::add_model(set, "hopeless", 10, 30, 0);
  const Evidence evidence = gather_evidence({set}, {});
  const Choice choice = chosen(evidence);
  CHECK(choice.chosen());
  CHECK(holds(choice.caveats, "it passed no task"));
  CHECK_FALSE(holds(choice.reasons, "working code"));
}

TEST_CASE("without anything to order by there is no choice") {
  record::ResultSet set;
  for (const char* model : {"one", "two"}) {
    record::ResultRow row = test::row(model, "p", record::Pass::kText, 100, 1, 1);
    row.metric(record::MetricId::kTtftMs) = {};
    row.metric(record::MetricId::kOutputTokens).value = 100;
    set.rows.push_back(row);
  }
  const Evidence evidence = gather_evidence({set}, {});
  for (const Preference preference : {Preference::kBalanced, Preference::kQuality, Preference::kSpeed}) {
    const Choice choice = chosen(evidence, "", preference);
    CHECK_FALSE(choice.chosen());
    CHECK(holds(choice.reasons, "its time is unknown"));
    CHECK(choice.ranked[0].win_ratio == 0);
  }
}

TEST_CASE("equal models share the wins, and that they are equal is said") {
  record::ResultSet set;
  for (const char* model : {"one", "two"}) {
    for (int i = 0; i < 10; ++i) set.rows.push_back(test::judged_row(model, "t" + std::to_string(i), 100, 100, 10, i < 5));
  }
  const Evidence evidence = gather_evidence({set}, {});
  const Choice choice = chosen(evidence);
  CHECK(*choice.confidence == doctest::Approx(0.5));
  CHECK(choice.ranked[1].win_ratio == doctest::Approx(0.5));
  CHECK(holds(choice.caveats, "as good by all that was measured"));
}

TEST_CASE("a model alone and speeds of one session are said to prove little") {
  record::ResultSet set;
  test::add_model(set, "alone", 10, 30, 20);
  const Choice one = chosen(gather_evidence({set}, {}));
  CHECK(holds(one.caveats, "the confidence says nothing"));
  CHECK(holds(one.caveats, "of one session"));
  const Choice two = chosen(gather_evidence({set, set}, {}));  // another run: other processes
  CHECK_FALSE(holds(two.caveats, "of one session"));
}

TEST_CASE("a model of which all rows failed is named with its failure and never chosen") {
  record::ResultSet set;
  test::add_model(set, "works", 10, 30, 20);
  set.rows.push_back(test::row("broken", "p", record::Pass::kText, 100, 1, 1));
  set.rows.back().status = record::Status::kFailed;
  set.rows.back().failure = {"memory", "needs 99 GB"};
  const Evidence evidence = gather_evidence({set}, {});
  CHECK(holds(chosen(evidence).reasons, "broken on cpu (Some CPU), bf16: all its rows failed (1): needs 99 GB"));
  CHECK_FALSE(chosen(evidence).ranked[1].can_win);
}

TEST_CASE("candidates of one name say what they differ in") {
  record::ResultSet set;
  for (const char* kv : {"f16", "q8_0"}) {
    set.rows.push_back(test::judged_row("a", "t", 100, 100, 10, true));
    for (auto& [column, text] : set.rows.back().facts) {
      if (column == "kv_type") text = kv;
    }
  }
  const Evidence evidence = gather_evidence({set}, {});
  REQUIRE(evidence.candidates.size() == 2);
  CHECK(evidence.candidates[0].name() == "a on cpu (Some CPU), bf16, kv f16");
  CHECK(evidence.candidates[1].name() == "a on cpu (Some CPU), bf16, kv q8_0");
}

TEST_CASE("a model that thinks and the same one told not to are two candidates, which share the speed pass") {
  record::ResultSet set;
  for (int i = 0; i < 12; ++i) {
    const std::string task = "t" + std::to_string(i);
    set.rows.push_back(test::row("a", task, record::Pass::kSpeed, 100, 100, 10));
    set.rows.back().facts.emplace_back("sampling", R"({"seed":1,"temperature":0})");
    set.rows.push_back(test::judged_row("a", task, 2000, 100, 10, true));
    set.rows.back().facts.emplace_back("sampling", R"({"seed":1,"temperature":0.6})");
    set.rows.push_back(test::judged_row("a", task, 100, 100, 10, i < 3));
    set.rows.back().facts.emplace_back("sampling", R"({"enable_thinking":false,"seed":1,"temperature":0.6})");
  }
  record::ResultRow failed = test::row("a", "t99", record::Pass::kText, 100, 1, 1);  // before anything was known of its settings
  failed.status = record::Status::kFailed;
  set.rows.push_back(failed);
  const Evidence evidence = gather_evidence({set}, {});
  REQUIRE(evidence.candidates.size() == 2);
  CHECK(evidence.rows == 37);
  CHECK(evidence.candidates[0].name() == "a on cpu (Some CPU), bf16, default thinking");
  CHECK(evidence.candidates[1].name() == "a on cpu (Some CPU), bf16, --no-thinking");
  for (const Candidate& one : evidence.candidates) {
    CHECK(one.speed.size() == 24);
    CHECK(one.samplings.size() == 1);
    CHECK(one.failed_rows == 1);
  }
  const Predictions predictions = predict(evidence, needs());
  CHECK(predictions.of[0].success_ratio->value == doctest::Approx(1));
  CHECK(predictions.of[1].success_ratio->value == doctest::Approx(0.25));
  CHECK(predictions.of[1].output_tokens->value == doctest::Approx(100));
  CHECK(candidate_of(set.rows[1]).key() != candidate_of(set.rows[2]).key());
}

TEST_CASE("what a candidate was told about its thoughts is said in the words of qbench run") {
  record::ResultRow row = test::judged_row("a", "t", 100, 100, 10, true);
  row.facts.emplace_back("sampling", R"({"enable_thinking":true,"max_thinking_tokens":512,"seed":1,"thinking_timeout_s":2.5})");
  CHECK(gather_evidence({test::set_of({row})}, {}).candidates[0].name() ==
        "a on cpu (Some CPU), bf16, --thinking --max-thinking-tokens 512 --thinking-timeout 2.5");
  row.facts.back().second = R"({"enable_thinking":"x","max_thinking_tokens":[],"seed":1})";
  CHECK(gather_evidence({test::set_of({row})}, {}).candidates[0].name() == "a on cpu (Some CPU), bf16");
}

TEST_CASE("a GPU's memory is what was used of the GPU, whatever its number, and equal GPUs are one machine") {
  record::ResultSet set;
  for (const char* device : {"cuda:0", "cuda:1"}) {
    set.rows.push_back(test::judged_row("a", device, 100, 100, 10, true));
    for (auto& [column, text] : set.rows.back().facts) {
      if (column == "device_effective") text = device;
    }
    set.rows.back().facts.emplace_back("device_description", "NVIDIA L4");
    set.rows.back().metric(record::MetricId::kGpuUsedBytes).value = 30e9;
  }
  const Evidence evidence = gather_evidence({set}, {});
  REQUIRE(evidence.candidates.size() == 1);
  CHECK(evidence.candidates[0].name() == "a on cuda (NVIDIA L4), bf16");
  const Choice choice = chosen(evidence, "vram<24GB");
  CHECK_FALSE(choice.chosen());
  CHECK(holds(choice.reasons, "breaks vram<24GB: predicted 30.0"));
}

TEST_CASE("success is that of first attempts, and of a table without tasks its columns'") {
  record::ResultSet set;
  for (int i = 0; i < 10; ++i) {
    set.rows.push_back(test::judged_row("a", "t" + std::to_string(i), 100, 100, 10, true));
    if (i < 7) set.rows.back().tasks[0].first_status = record::TaskStatus::kWrong;  // repaired later
  }
  CHECK(predict(gather_evidence({set}, {}), needs()).of[0].success_ratio->value == doctest::Approx(0.3));
  for (auto& row : set.rows) {
    row.metric(record::MetricId::kTasksJudged).value = 2;
    row.metric(record::MetricId::kFirstAttemptSuccessRatio).value = 0.5;
    row.tasks.clear();
  }
  CHECK(predict(gather_evidence({set}, {}), needs()).of[0].success_ratio->value == doctest::Approx(0.5));
}

TEST_CASE("rows of stages and of emulated devices are no candidates") {
  record::ResultSet set = test::set_of({test::judged_row("a", "p", 100, 100, 10, true), test::judged_row("a", "q", 100, 100, 10, true)});
  set.rows[0].facts.emplace_back("stage", "synthesis");
  for (auto& [column, text] : set.rows[1].facts) {
    if (column == "device_effective") text = "cuda-emulated";
  }
  const Evidence evidence = gather_evidence({set}, {});
  CHECK(evidence.candidates.empty());
  CHECK(evidence.skipped_rows == 2);
}
