#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "workplace.h"

using namespace qbench;
using namespace qbench::test;

TEST_CASE("run shows where the time of a cell goes and what its paths are worth, in words, records and CSV") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(
      place.model(), {"--prompt", "Say hello.", "--pass", "speed", "-r", "2", "--gen-tokens", "6", "--breakdown", "--ablate", "flash,fusion,repack,simd"}));
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const Results results = read_results(place.results());
  REQUIRE(results.content.breakdowns.size() == 1);
  const record::BreakdownRecord& breakdown = results.content.breakdowns.front();
  CHECK(breakdown.phases.size() == 4);
  CHECK(breakdown.limits.matmul_tflops.has_value());
  for (const auto& phase : breakdown.phases) CHECK(phase.rest_ns().value() >= 0);
  REQUIRE(results.content.ablations.size() == 1);
  CHECK(results.content.ablations.front().rows.size() == 10);  // nothing and four paths, prefill and decode each
  for (const auto& row : results.content.ablations.front().rows) {
    CHECK(row.status == record::Status::kOk);
    CHECK(row.time_ns.size() == 2);
  }
  CHECK(results.summary.rows.front()[results.summary.column("paths").value()] == "flash, fused, repacked, simd");
  const record::CsvTable csv = record::parse_csv(read_file(results.folder / "breakdown.csv"), "breakdown.csv");
  std::int64_t sum = 0;
  for (const auto& row : csv.rows) {
    const std::int64_t time_ns = std::stoll(row[csv.column("time_ns").value()]);
    if (row[csv.column("step").value()] == "total") {
      CHECK(time_ns == sum);
      sum = 0;
    } else {
      sum += time_ns;
    }
  }
  CHECK(std::filesystem::exists(results.folder / "ablation.csv"));
  CHECK(outcome.out.find("where time goes") != std::string::npos);
  CHECK(outcome.out.find("taken apart: unfused pass") != std::string::npos);
  CHECK(outcome.out.find("what each optimisation is worth") != std::string::npos);
}

TEST_CASE("run on the emulated device shows every step and no time") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model(), {"--device", "cuda-emulated", "--prompt", "Say hello.", "--pass", "speed", "-r", "1",
                                                                 "--gen-tokens", "3", "--breakdown", "--ablate", "flash,graph,fusion,pdl"}));
  if (outcome.err.find("no emulated CUDA device") != std::string::npos) return report_skip("breakdown on cuda-emulated", "this build has none");
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const Results results = read_results(place.results());
  REQUIRE(results.content.breakdowns.size() == 1);
  for (const auto& phase : results.content.breakdowns.front().phases) {
    CHECK(phase.timed_ns.empty());
    CHECK(!phase.steps.empty());
    for (const auto& step : phase.steps) CHECK(!step.time_ns);
  }
  for (const auto& row : results.content.ablations.front().rows) CHECK((row.status == record::Status::kOk && row.time_ns.empty()));
}

TEST_CASE("bench follows its table with the breakdown and the ablation, and holds them in its JSON rows") {
  const Workplace place;
  const std::vector<std::string> test{"bench", "-m", place.model(), "-p", "8", "-n", "0", "-r", "2", "--breakdown", "--ablate", "flash"};
  const Outcome words = place.qbench(test);
  REQUIRE_MESSAGE(words.status == 0, words.err);
  CHECK(words.out.find("pp8: where time goes") != std::string::npos);
  CHECK(words.out.find("| flash | prefill | 8 |") != std::string::npos);
  std::vector<std::string> json = test;
  json.insert(json.end(), {"-o", "json"});
  const auto rows = nlohmann::json::parse(place.qbench(json).out);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0]["breakdown"]["phases"].size() == 2);
  CHECK(rows[0]["ablation"]["rows"].size() == 2);
  CHECK(rows[0]["paths"] == "flash, fused, repacked, simd");
}

TEST_CASE("a path that the device lacks is one line that lists those it has") {
  const Workplace place;
  const std::vector<std::string> ablate{"--ablate", "flash,graph"};
  std::vector<std::string> run = place.run(place.model(), {"--suite", "two"});
  std::vector<std::string> bench{"bench", "-m", place.model()};
  for (std::vector<std::string>* command : {&run, &bench}) {
    command->insert(command->end(), ablate.begin(), ablate.end());
    const Outcome outcome = place.qbench(*command);
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find("--ablate: 'graph' is nothing that the CPU can switch off; it has flash, fusion, repack, simd") != std::string::npos);
    CHECK(count_lines(outcome.err) == 1);
  }
}
