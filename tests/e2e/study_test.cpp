#include <doctest/doctest.h>

#include <signal.h>

#include <nlohmann/json.hpp>
#include <utility>

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

TEST_CASE("a study keeps within the limit that holds the model, on the device that feeds itself too, and changes no memory column") {
  const Workplace place;
  // One float32 cache of 500,000 positions takes 256 MB of the limit; a second one would not fit.
  const std::vector<std::string> common{"--device", "cuda-emulated", "--prompt", "Say hello.", "--pass", "speed", "-r", "1", "--warmup", "0", "--gen-tokens", "3",
                                        "--context", "500000", "--kv-type", "f32", "--vram-limit", "480MB"};
  std::vector<std::string> studied = common;
  studied.insert(studied.end(), {"--breakdown", "--ablate", "graph"});
  const Outcome plain = place.qbench(place.run("synthetic:long", common));
  if (plain.err.find("no emulated CUDA device") != std::string::npos) return report_skip("studies on cuda-emulated", "this build has none");
  REQUIRE_MESSAGE(plain.status == 0, plain.err);
  const Results before = read_results(place.results());
  std::filesystem::remove_all(place.results());
  const Outcome outcome = place.qbench(place.run("synthetic:long", studied));
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const Results after = read_results(place.results());
  for (const std::string column : {"peak_allocated_bytes", "workspace_bytes", "activation_bytes", "kv_bytes", "free_after_load_bytes"}) {
    CAPTURE(column);
    CHECK(after.summary.rows.front()[after.summary.column(column).value()] == before.summary.rows.front()[before.summary.column(column).value()]);
  }
  CHECK(after.summary.rows.front()[after.summary.column("free_after_load_bytes").value()].empty());  // not comparable with what was free before
}

TEST_CASE("studies of one cell leave the memory columns of the next as they are, and fit beside a small limit") {
  const Workplace place;
  const std::vector<std::string> common{"--suite", "two", "--pass", "speed", "-r", "1", "--vram-limit", "100MB"};
  std::vector<std::string> studied = common;
  studied.insert(studied.end(), {"--breakdown", "--ablate", "flash,repack"});
  std::string peak[2], workspace[2];
  for (const auto& [i, arguments] : {std::pair{0, common}, std::pair{1, studied}}) {
    std::filesystem::remove_all(place.results());
    const Outcome outcome = place.qbench(place.run(place.model(), arguments));
    REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
    const Results results = read_results(place.results());
    peak[i] = results.cell("tiny", "second", "speed", "peak_allocated_bytes");
    workspace[i] = results.cell("tiny", "first", "speed", "workspace_bytes");
    if (i == 1) CHECK(results.content.ablations.size() == 2);
  }
  CHECK(peak[0] == peak[1]);
  CHECK(workspace[0] == workspace[1]);
}

TEST_CASE("a study that fails is said and ends the run with 3, and the cell's row stands as it was measured") {
  const Workplace place;
  // Attention with all scores in memory reads no windowed cache.
  const Outcome outcome = place.qbench(place.run(place.model(), {"--suite", "two", "--prompts", "first", "--pass", "speed", "-r", "2", "--kv-window", "32", "--ablate",
                                                                 "flash,fusion"}));
  CHECK(outcome.status == 3);
  CHECK(outcome.err.find("tiny, first: --ablate flash failed: ") != std::string::npos);
  const Results results = read_results(place.results());
  CHECK(results.cell("tiny", "first", "speed", "status") == "ok");
  CHECK(results.content.ablations.size() == 1);
  CHECK(outcome.out.find("failed: ") != std::string::npos);

  const Outcome bench = place.qbench({"bench", "-m", place.model(), "-p", "40", "-n", "0", "-r", "2", "--kv-window", "16", "--ablate", "flash"});
  CHECK(bench.status == 3);
  CHECK(bench.err.find("tiny, pp40: --ablate flash failed: ") != std::string::npos);
  CHECK(bench.out.find(" ± ") != std::string::npos);  // the rate was measured
}

TEST_CASE("a device that is lost during a study costs the study, and the next cell gets a new worker") {
  const Workplace place;
  const std::vector<std::string> common{"--device", "cuda-emulated", "--suite", "two", "--pass", "speed", "-r", "1", "--warmup", "0"};
  RunOptions options = place.options();
  std::string operations;
  for (std::int64_t n = 256; n < 1'000'000 && operations.empty(); n *= 2) {
    std::filesystem::remove_all(place.results());
    options.environment["QBENCH_EMULATED_LOSE_DEVICE"] = std::to_string(n);
    std::vector<std::string> first = common;
    first.insert(first.end(), {"--prompts", "first"});
    const Outcome outcome = qbench::test::qbench(place.run(place.model(), first), options);
    if (outcome.err.find("no emulated CUDA device") != std::string::npos) return report_skip("a device lost in a study", "this build has none");
    if (outcome.status == 0) operations = std::to_string(n);
  }
  REQUIRE(!operations.empty());
  std::filesystem::remove_all(place.results());
  options.environment["QBENCH_EMULATED_LOSE_DEVICE"] = operations;
  std::vector<std::string> studied = common;
  studied.insert(studied.end(), {"--breakdown", "--ablate", "flash,graph,fusion,pdl"});
  const Outcome outcome = qbench::test::qbench(place.run(place.model(), studied), options);
  CHECK(outcome.status == 3);
  CAPTURE(outcome.err);
  const Results results = read_results(place.results());
  CHECK(results.content.loads.size() >= 2);
  CHECK(results.content.breakdowns.size() >= 1);
  bool lost = false;
  for (const auto& record : results.content.breakdowns) lost = lost || record.failure.code == "device";
  for (const auto& record : results.content.ablations) {
    for (const auto& row : record.rows) lost = lost || row.failure.code == "device";
  }
  CHECK(lost);
}

TEST_CASE("a worker that dies during a study costs the study alone, and the run can be resumed for it") {
  const Workplace place;
  Program program(place.run("synthetic:slow", {"--suite", "two", "--prompts", "first", "--pass", "speed", "-r", "8", "--warmup", "0", "--gen-tokens", "32", "--ablate",
                                               "repack,simd"}),  // far slower than the cell itself: there is time to kill it
                  place.options());
  const auto row_is_there = [&] {
    std::error_code ignored;
    if (!std::filesystem::exists(place.results(), ignored) || std::filesystem::is_empty(place.results(), ignored)) return false;
    const auto samples = only_folder(place.results()) / "samples.jsonl";
    return std::filesystem::exists(samples, ignored) && read_file(samples).find("\"kind\":\"cell\"") != std::string::npos;
  };
  REQUIRE(wait_until(row_is_there));
  for (const pid_t child : program.children()) ::kill(child, SIGKILL);
  const Outcome outcome = program.wait();
  CHECK(outcome.status == 3);
  CAPTURE(outcome.err);
  const Results results = read_results(place.results());
  CHECK(results.cell("slow-synthetic", "first", "speed", "status") == "ok");
  REQUIRE(results.content.ablations.size() == 1);
  CHECK(results.content.ablations.front().rows.front().failure.code == "killed");
  const Outcome resumed = place.qbench({"run", "--resume", results.folder.string()});
  CHECK(resumed.status == 0);
  CAPTURE(resumed.err);
  CHECK(read_results(place.results()).content.ablations.size() == 2);
}

TEST_CASE("rows of studies say what ran, phase by phase: no graph in a prompt, none under the stopwatch, and what is off already is refused") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model(), {"--device", "cuda-emulated", "--prompt", "Say hello.", "--pass", "speed", "-r", "1", "--gen-tokens", "6",
                                                                    "--breakdown", "--ablate", "graph"}));
  if (outcome.err.find("no emulated CUDA device") == std::string::npos) {
    REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
    const Results results = read_results(place.results());
    for (const auto& phase : results.content.breakdowns.front().phases) CHECK(phase.paths == (phase.fused ? "flash, launches, fused, serial" : "flash, launches, unfused, serial"));
    for (const auto& row : results.content.ablations.front().rows) {
      CAPTURE(row.phase);
      CAPTURE(row.off);
      const bool graph = row.phase == "decode" && row.off.empty();
      CHECK(row.paths == (graph ? "flash, graph, fused, pdl" : "flash, launches, fused, pdl"));
    }
  } else {
    report_skip("paths on cuda-emulated", "this build has none");
  }
  const Outcome scalar = place.qbench({"bench", "-m", place.model(), "--isa", "scalar", "--ablate", "simd"});
  CHECK(scalar.status == 2);
  CHECK(scalar.err.find("--ablate: 'simd' is off already: --isa scalar") != std::string::npos);
}

TEST_CASE("studies without a speed pass are refused in one line") {
  const Workplace place;
  for (const std::vector<std::string>& study : {std::vector<std::string>{"--breakdown"}, {"--ablate", "flash"}}) {
    std::vector<std::string> arguments{"--suite", "two", "--pass", "text"};
    arguments.insert(arguments.end(), study.begin(), study.end());
    const Outcome outcome = place.qbench(place.run(place.model(), arguments));
    CHECK(outcome.status == 2);
    CHECK(outcome.err.find(study.front() + ": follows the cells of the speed pass") != std::string::npos);
    CHECK(count_lines(outcome.err) == 1);
  }
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
