#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"
#include "compare/across.h"
#include "compare/compare.h"
#include "compare/llama_bench.h"
#include "compare/monitor.h"
#include "result_examples.h"
#include "test_support.h"

using namespace qbench;
using compare::Severity;
using record::MetricId;
using record::ResultRow;
using test::example_row;
using test::example_set;
using test::set_fact;

namespace {

std::filesystem::path configs() { return test::fixtures_dir().parent_path().parent_path() / "configs"; }
std::filesystem::path bench_file(const char* name) { return test::fixtures_dir() / "compare" / name; }

ResultRow gpu_row(const std::string& gpu, double rate, double watts) {
  ResultRow row = example_row();
  set_fact(row, "device_effective", "cuda:0");
  set_fact(row, "device_description", gpu);
  test::set(row, MetricId::kDecodeTokPerS, {rate, rate * 1.01, rate * 0.99});
  row.metric(MetricId::kGpuPowerW).value = watts;
  return row;
}

template <class Action>
std::string refusal(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::string bench_error(const std::string& text) {
  const test::TempDir folder;
  std::ofstream(folder.path() / "bench.json") << text;
  return refusal([&] { compare::read_results(folder.path() / "bench.json"); });
}

std::string thresholds_error(const std::string& text) {
  const test::TempDir folder;
  std::ofstream(folder.path() / "limits.json") << text;
  return refusal([&] { compare::read_thresholds(folder.path() / "limits.json"); });
}

std::vector<std::string> alerts_of(const ResultRow& row, const record::ResultSet* base = nullptr) {
  std::vector<std::string> metrics;
  for (const auto& alert : compare::find_alerts(example_set({row}), compare::read_thresholds(configs() / "thresholds.json"), base))
    metrics.push_back(alert.metric);
  return metrics;
}

}  // namespace

TEST_CASE("models by devices have ratios to the first device, tokens a second per watt and tokens per money") {
  ResultRow slow = gpu_row("NVIDIA L4", 40, 70), other = gpu_row("NVIDIA L4", 10, 70);
  set_fact(other, "model", "big");
  const auto table = compare::across_devices({example_set({gpu_row("NVIDIA H100 NVL", 200, 400)}, "a"), example_set({slow, other}, "b")},
                                             {compare::parse_price("h100=2.5"), compare::parse_price("L4=0.5")});
  REQUIRE(table.devices == std::vector<std::string>{"NVIDIA H100 NVL", "NVIDIA L4"});
  REQUIRE(table.lines.size() == 2);
  const auto& h100 = table.lines[0].values[0];
  const auto& l4 = table.lines[0].values[1];
  CHECK(h100.ratio == 1.0);
  CHECK(l4.ratio == doctest::Approx(0.2));
  CHECK(h100.tok_per_s_per_watt == 0.5);
  CHECK(h100.tok_per_money == doctest::Approx(200 * 3600 / 2.5));
  CHECK(l4.tok_per_money == doctest::Approx(40 * 3600 / 0.5));
  CHECK(h100.n_sessions == 3);
  CHECK(h100.low == doctest::Approx(198));
  CHECK(table.lines[1].values[0].state == "absent");
  CHECK(table.lines[1].values[1].ratio == 1.0);  // the first that has a value
}

TEST_CASE("a row of other weights or token counts has its rate and no ratio, and a note says why") {
  const auto table_with = [](const ResultRow& other) {
    ResultRow first = gpu_row("NVIDIA H100 NVL", 200, 400);
    first.metric(MetricId::kPromptTokens).value = 20;
    first.metric(MetricId::kOutputTokens).value = 64;
    return compare::across_devices({example_set({first}, "a"), example_set({other}, "b")}, {});
  };
  ResultRow other = gpu_row("NVIDIA L4", 40, 70);
  other.metric(MetricId::kPromptTokens).value = 20;
  other.metric(MetricId::kOutputTokens).value = 64;
  CHECK(table_with(other).lines[0].values[1].ratio == doctest::Approx(0.2));
  CHECK(table_with(other).notes.empty());
  ResultRow weights = other, longer = other, generated = other;
  set_fact(weights, "model_fingerprint", "sha256:other");
  longer.metric(MetricId::kPromptTokens).value = 2000;
  generated.metric(MetricId::kOutputTokens).value = 8;
  for (const auto& [row, words] : {std::pair{weights, "model_fingerprint"}, {longer, "prompt_tokens: 20 against 2000"}, {generated, "output_tokens: 64 against 8"}}) {
    const auto table = table_with(row);
    REQUIRE(table.lines.size() == 1);
    CHECK(table.lines[0].values[0].ratio == 1.0);
    CHECK(table.lines[0].values[1].tok_per_s == 40);
    CHECK_FALSE(table.lines[0].values[1].ratio.has_value());
    REQUIRE(table.notes.size() == 1);
    CHECK(table.notes[0].find(words) != std::string::npos);
    CHECK(table.notes[0].find("no ratio") != std::string::npos);
  }
}

TEST_CASE("a price is of the device whose name holds it as whole words, and of one price only") {
  const std::vector<record::ResultSet> results{example_set({gpu_row("NVIDIA L40S", 80, 300)}), example_set({gpu_row("NVIDIA L4", 40, 70)})};
  const auto prices = [](const std::vector<const char*>& texts) {
    std::vector<compare::Price> all;
    for (const char* text : texts) all.push_back(compare::parse_price(text));
    return all;
  };
  const auto table = compare::across_devices(results, prices({"l4=0.5"}));
  CHECK_FALSE(table.lines[0].values[0].tok_per_money.has_value());
  CHECK(table.lines[0].values[1].tok_per_money == doctest::Approx(40 * 3600 / 0.5));
  const auto longest = compare::across_devices(results, prices({"NVIDIA=1", "NVIDIA L4=0.5"}));
  CHECK(longest.lines[0].values[0].tok_per_money == doctest::Approx(80 * 3600));
  CHECK(longest.lines[0].values[1].tok_per_money == doctest::Approx(40 * 3600 / 0.5));
  CHECK(refusal([&] { compare::across_devices(results, prices({"L4=0.5", "l4=0.6"})); }).find("'l4' has two prices") != std::string::npos);
  CHECK(refusal([&] { compare::across_devices({results[0]}, prices({"L4=0.5"})); }).find("'L4' is in no device's name") != std::string::npos);
}

TEST_CASE("prices that are none, or of a device that is not there, are refused") {
  for (const char* text : {"H100", "H100=", "=2", "H100=0", "H100=-1", "H100=nan", "H100=2.5x", "H100=inf"}) {
    CAPTURE(text);
    CHECK(refusal([&] { compare::parse_price(text); }).find("--price") == 0);
  }
  CHECK(refusal([&] {
          compare::across_devices({example_set({gpu_row("NVIDIA L4", 40, 70)})}, {compare::parse_price("A100=1")});
        }).find("there are: NVIDIA L4") != std::string::npos);
}

// Written by llama-bench of llama.cpp 0c1e570 on a busy machine: -p 16 -n 8 -pg 16,8 -r 3 -o json, and -p 0 -n 8 -d 32 -r 3 -o jsonl.
TEST_CASE("llama-bench's json and jsonl are read by their samples, not by their averages") {
  const auto json = compare::read_results(bench_file("llama_bench.json"));
  REQUIRE(json.rows.size() == 3);
  CHECK(json.started_utc == "2026-11-21T15:23:37Z");
  const ResultRow& prompt = json.rows[0];
  CHECK(prompt.fact("prompt_id") == "pp16");
  CHECK(prompt.fact("model") == "SmolLM2-135M-Instruct.Q4_1");
  CHECK(prompt.fact("precision") == "q4_1");
  CHECK(prompt.fact("device_effective") == "cpu");
  CHECK(prompt.metric(MetricId::kPrefillTokPerS).value == 2.13146);  // the median; avg_ts says 3.905146
  CHECK_FALSE(prompt.metric(MetricId::kDecodeTokPerS).value.has_value());
  CHECK(json.rows[1].fact("prompt_id") == "tg8");
  CHECK(json.rows[1].metric(MetricId::kDecodeTokPerS).value == 2.80506);
  CHECK(json.rows[1].metric(MetricId::kDecodeTokPerS).n_sessions() == 1);
  CHECK(json.rows[2].fact("prompt_id") == "pp16+tg8");
  CHECK_FALSE(json.rows[2].metric(MetricId::kDecodeTokPerS).value.has_value());  // one number for both phases
  const auto jsonl = compare::read_results(bench_file("llama_bench.jsonl"));
  REQUIRE(jsonl.rows.size() == 1);
  CHECK(jsonl.rows[0].fact("prompt_id") == "tg8@d32");
  CHECK(jsonl.rows[0].metric(MetricId::kDecodeTokPerS).value == 0.812036);
}

TEST_CASE("llama-bench and qbench bench compare line by line, unclear as both are one session") {
  const auto comparison = compare::compare_results(compare::read_results(bench_file("llama_bench.json")),
                                                   compare::read_results(bench_file("qbench_bench.json")), compare::default_rules());
  int paired = 0;
  for (const auto& cell : comparison.cells) {
    for (const auto& one : cell.judgements) {
      if (one.reason != compare::Reason::kFewSessions) continue;
      ++paired;
      CHECK(one.ratio.has_value());
    }
  }
  CHECK(paired == 2);
}

TEST_CASE("rows of a bench that break their format are refused with file and row") {
  const std::string good = R"({"model_filename":"m.gguf","n_prompt":512,"n_gen":0,"samples_ts":[100.0]})";
  CHECK(bench_error("[" + good + "]").empty());
  const auto refuses = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    const std::string error = bench_error(text);
    CAPTURE(error);
    CHECK(error.find("bench.json") != std::string::npos);
    CHECK(error.find(part) != std::string::npos);
  };
  refuses("", "is empty");
  refuses("[]", "holds no rows");
  refuses("[3]", "row 1: expected an object");
  refuses("[" + good, "not valid JSON");
  refuses("[" + good + "," + good + "]", "row 2 has the key of an earlier one");
  refuses(R"([{"n_prompt":512,"n_gen":0,"samples_ts":[1]}])", "has no 'model_filename'");
  refuses(R"([{"model_filename":"m","n_prompt":0,"n_gen":0,"samples_ts":[1]}])", "both 0");
  refuses(R"([{"model_filename":"m","n_prompt":-5,"n_gen":0,"samples_ts":[1]}])", "'n_prompt': expected a whole number");
  refuses(R"([{"model_filename":"m","n_prompt":5,"n_gen":0,"samples_ts":[0]}])", "expected numbers above 0");
  refuses(R"([{"model_filename":"m","n_prompt":5,"n_gen":0,"samples_ts":["x"]}])", "expected numbers above 0");
  refuses(R"([{"model_filename":"m","n_prompt":5,"n_gen":0,"samples_ts":[],"avg_ts":null}])", "neither samples_ts nor avg_ts");
  refuses(R"([{"hello":1}])", "has no 'model'");
}

TEST_CASE("the owner's limits raise alerts with their severity, and only where something was measured") {
  ResultRow row = gpu_row("NVIDIA H100 NVL", 50, 300);
  CHECK(alerts_of(row).empty());  // no quality, no memory, no response time: no alert
  set_fact(row, "model_name", "Qwen3-8B");
  row.metric(MetricId::kE2eTokPerS).value = 40;
  row.metric(MetricId::kE2eMs).value = 31'000;
  row.metric(MetricId::kGpuUsedBytes).value = 17e9;
  row.metric(MetricId::kSuccessRatio).value = 0.84;
  row.metric(MetricId::kContextEfficiencyRatio).value = 0.74;
  row.metric(MetricId::kQualityScore).value = 7.9;
  const auto alerts = compare::find_alerts(example_set({row}), compare::read_thresholds(configs() / "thresholds.json"));
  REQUIRE(alerts.size() == 6);
  CHECK(alerts[0].severity == Severity::kCritical);  // critical ones first
  CHECK(alerts[1].severity == Severity::kCritical);
  CHECK(alerts[2].severity == Severity::kWarning);
  bool memory = false;
  for (const auto& alert : alerts) {
    if (alert.metric != "memory_bytes") continue;
    memory = true;
    CHECK(alert.sentence == "memory_bytes is 17 GB, above the limit of 12 GB");
    CHECK(alert.limit == 12e9);
  }
  CHECK(memory);
  row.metric(MetricId::kE2eTokPerS).value = 50;
  row.metric(MetricId::kE2eMs).value = 30'000;
  row.metric(MetricId::kGpuUsedBytes).value = 12e9;
  row.metric(MetricId::kSuccessRatio).value = 0.85;
  row.metric(MetricId::kContextEfficiencyRatio).value = 0.75;
  row.metric(MetricId::kQualityScore).value = 8;
  CHECK(alerts_of(row).empty());  // a limit that is just kept
}

TEST_CASE("the longest name decides whose limits hold, and the CPU's memory is the process's") {
  ResultRow row = example_row();
  row.metric(MetricId::kPeakBytes).value = 36e9;
  set_fact(row, "model_name", "Qwen3-30B-A3B-Instruct-2507");
  CHECK(alerts_of(row) == std::vector<std::string>{"memory_bytes"});
  set_fact(row, "model_name", "Qwen3-30B-A3B-Thinking-2507");
  CHECK(alerts_of(row).empty());
}

TEST_CASE("falling quality is an alert against BASE alone") {
  ResultRow before = example_row(), now = example_row();
  before.metric(MetricId::kQualityScore).value = 8;
  now.metric(MetricId::kQualityScore).value = 7.5;
  const auto base = example_set({before});
  CHECK(alerts_of(now).empty());
  CHECK(alerts_of(now, &base) == std::vector<std::string>{"quality_score"});
  now.metric(MetricId::kQualityScore).value = 7.61;
  CHECK(alerts_of(now, &base).empty());
}

TEST_CASE("a file of limits that is wrong is refused with file and key") {
  CHECK(thresholds_error(R"({"everywhere": {"ttft_ms": {"max": 5}}})").empty());
  const auto refuses = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    const std::string error = thresholds_error(text);
    CAPTURE(error);
    CHECK(error.find("limits.json") != std::string::npos);
    CHECK(error.find(part) != std::string::npos);
  };
  refuses("[]", "expected an object");
  refuses(R"({"everywhere": {"tps": {"min": 5}}})", "everywhere.tps: no such metric");
  refuses(R"({"everywhere": {"ttft_ms": {}}})", "needs min, max or fall_ratio");
  refuses(R"({"everywhere": {"ttft_ms": {"max": "5"}}})", "everywhere.ttft_ms.max: expected a number");
  refuses(R"({"everywhere": {"ttft_ms": {"max": 5, "severity": "bad"}}})", "severity");
  refuses(R"({"everywhere": {"ttft_ms": {"maximum": 5}}})", "unknown key 'maximum'");
  refuses(R"({"models": {"x": {}}})", "models.x: has no limits");
  refuses(R"({"models": {"x": {"match": [], "limits": {}}}})", "match");
  refuses(R"({"model": {}})", "unknown key 'model'");
}

TEST_CASE("recommendations follow from what was measured, and without a measurement there is none") {
  const auto bounds = [](const ResultRow& row) {
    std::vector<std::string> all;
    for (const auto& one : compare::recommend(example_set({row}))) all.push_back(one.bound);
    return all;
  };
  using Bounds = std::vector<std::string>;
  CHECK(bounds(gpu_row("NVIDIA L4", 40, 70)).empty());
  ResultRow row = gpu_row("NVIDIA L4", 40, 70);
  row.metric(MetricId::kDecodeRooflineRatio).value = 0.82;
  row.metric(MetricId::kDecodeGbPerS).value = 246;
  set_fact(row, "decode_read_bytes", "6000000000");
  CHECK(bounds(row) == Bounds{"bandwidth"});
  const auto advice = compare::recommend(example_set({row})).front().sentence;
  CHECK(advice.find("82 %") != std::string::npos);
  CHECK(advice.find("246 GB/s") != std::string::npos);
  CHECK(advice.find("6 GB of weights") != std::string::npos);
  row.metric(MetricId::kDecodeRooflineRatio).value = 0.1;
  CHECK(bounds(row).empty());  // slow, but nothing says why
  row.metric(MetricId::kGpuUseRatio).value = 0.4;
  CHECK(bounds(row) == Bounds{"launch"});
  row.metric(MetricId::kGpuUseRatio).value = 0.95;
  CHECK(bounds(row).empty());
  row.metric(MetricId::kGpuUsedBytes).value = 23e9;
  set_fact(row, "memory_free_bytes", "1000000000");
  set_fact(row, "weight_bytes", "8000000000");
  set_fact(row, "kv_bytes", "14000000000");
  CHECK(bounds(row) == Bounds{"memory"});
  CHECK(compare::recommend(example_set({row})).front().sentence.find("a shorter context") != std::string::npos);
  ResultRow full = example_row();
  full.metric(MetricId::kContextUseRatio).value = 0.97;
  full.metric(MetricId::kTtftMs).value = 700;
  full.metric(MetricId::kE2eMs).value = 1000;
  full.metric(MetricId::kPromptTokens).value = 3000;
  full.metric(MetricId::kGpuThrottleRatio).value = 0.2;
  CHECK(bounds(full) == Bounds{"clocks", "context", "prefill"});
  full.status = record::Status::kFailed;
  CHECK(bounds(full).empty());
}

TEST_CASE("the published table is in the summary's columns and reads as five models on an H100") {
  const auto set = record::read_result_set(configs().parent_path() / "results" / "published" / "h100-nvl-transformers.csv");
  REQUIRE(set.rows.size() == 5);
  CHECK(set.rows[0].metric(MetricId::kE2eTokPerS).value == 53.1);
  CHECK(set.rows[3].fact("model_name") == "Qwen3-30B-A3B");
  CHECK(set.rows[4].metric(MetricId::kOutputTokens).value == 2275);
  for (const auto& row : set.rows) {
    CHECK(row.pass == record::Pass::kText);
    // The published numbers agree with each other to their last digit.
    CHECK(*row.metric(MetricId::kOutputTokens).value / *row.metric(MetricId::kE2eMs).value * 1000 ==
          doctest::Approx(*row.metric(MetricId::kE2eTokPerS).value).epsilon(0.01));
  }
}
