#include "report/study_sections.h"

#include <doctest/doctest.h>

#include <string>

#include "record/csv.h"
#include "record/record_json.h"

namespace qbench::report {
namespace {

record::BreakdownRecord example() {
  record::BreakdownRecord record;
  record.cell = {.model = "m", .suite = "s", .prompt_id = "p", .device = "cpu", .precision = "auto", .kv_type = "f16", .context = 64, .threads = 2};
  record.limits.read_gbps = 20.0;
  record::BreakdownPhase phase;
  phase.phase = "decode";
  phase.paths = "flash, fused, repacked, simd";
  phase.passes = 2;
  phase.tokens = 10;
  phase.plain_ns = {900, 1000};
  phase.timed_ns = {1000, 1050};
  phase.steps = {{"attention", 20, 500, 5000, 0, 20}, {"norm+head", 2, 1000, 0, 8000, 2}};
  record.phases = {phase};
  return record;
}

}  // namespace

TEST_CASE("rows and the unattributed rest add up to the total, and rates are set against the limits that were measured") {
  const record::BreakdownRecord record = example();
  CHECK(record.phases[0].total_ns() == 2050);
  CHECK(record.phases[0].rest_ns() == 550);
  CHECK(record.phases[0].overhead_ratio().value() == doctest::Approx(1025.0 / 950.0 - 1.0));
  const record::CsvTable csv = record::parse_csv(breakdown_csv({record}), "breakdown.csv");
  REQUIRE(csv.rows.size() == 4);
  const auto cell = [&](std::size_t row, const char* column) { return csv.rows[row][csv.column(column).value()]; };
  std::int64_t sum = 0;
  for (std::size_t row = 0; row < 3; ++row) sum += std::stoll(cell(row, "time_ns"));
  CHECK(sum == std::stoll(cell(3, "time_ns")));
  CHECK(cell(0, "step") == "attention");
  CHECK(cell(0, "achieved_gb_per_s") == "10");
  CHECK(cell(0, "read_limit_ratio") == "0.5");
  CHECK(cell(1, "matmul_limit_ratio").empty());  // not measured
  CHECK(cell(2, "step") == "not attributed");
  CHECK(cell(3, "step") == "total");
  CHECK(cell(3, "bytes") == "5000");
}

TEST_CASE("an emulated device's breakdown has calls and bytes, and neither times nor rates") {
  record::BreakdownRecord record = example();
  record.limits = {};
  record.phases[0].plain_ns.clear();
  record.phases[0].timed_ns.clear();
  for (auto& step : record.phases[0].steps) step.time_ns.reset();
  const record::CsvTable csv = record::parse_csv(breakdown_csv({record}), "breakdown.csv");
  for (const auto& row : csv.rows) {
    for (const char* column : {"time_ns", "share_ratio", "achieved_gb_per_s", "achieved_tflop_per_s", "overhead_ratio"})
      CHECK(row[csv.column(column).value()].empty());
  }
  CHECK(csv.rows[0][csv.column("bytes").value()] == "5000");
  CHECK(breakdown_tables(record).find("an emulated device has no speed") != std::string::npos);
}

TEST_CASE("an ablation's ratio is that of neighbouring repetitions, with its spread") {
  record::AblationRecord record;
  record.cell = example().cell;
  record.rows = {{"", "all", "decode", 10, {100, 200, 100}, record::Status::kOk, {}},
                 {"flash", "less", "decode", 10, {150, 220, 120}, record::Status::kOk, {}},
                 {"repack", "none", "", 0, {}, record::Status::kFailed, {"memory", "does not fit"}}};
  const record::CsvTable csv = record::parse_csv(ablation_csv({record}), "ablation.csv");
  REQUIRE(csv.rows.size() == 3);
  const auto cell = [&](std::size_t row, const char* column) { return csv.rows[row][csv.column(column).value()]; };
  CHECK(cell(1, "ratio_median") == "1.2");
  CHECK(cell(1, "ratio_min") == "1.1");
  CHECK(cell(1, "ratio_max") == "1.5");
  CHECK(cell(2, "status") == "failed");
  CHECK(cell(2, "error") == "does not fit");
  CHECK(ablation_tables(record).find("| flash | decode | 10 |") != std::string::npos);
}

TEST_CASE("breakdowns and ablations read back from their lines, and the last of a cell counts") {
  record::SampleFileContent content;
  record::BreakdownRecord first = example();
  record::BreakdownRecord second = example();
  second.phases[0].tokens = 11;
  for (const auto& record : {first, second}) {
    const record::Line line = record::parse_json_line(record::to_json_line(record), "test");
    content.breakdowns.push_back(std::get<record::BreakdownRecord>(line));
    CHECK(record::to_json_line(content.breakdowns.back()) == record::to_json_line(record));
  }
  const auto latest = latest_breakdowns(content.breakdowns);
  REQUIRE(latest.size() == 1);
  CHECK(latest[0].phases[0].tokens == 11);
  record::AblationRecord ablation;
  ablation.cell = first.cell;
  ablation.rows = {{"pdl", "flash, graph, fused, serial", "decode", 3, {1, 2}, record::Status::kOk, {}}};
  CHECK(record::to_json_line(std::get<record::AblationRecord>(record::parse_json_line(record::to_json_line(ablation), "test"))) ==
        record::to_json_line(ablation));
  content.ablations.push_back(ablation);
  const std::string text = study_sections(content, "m");
  CHECK(text.find("## Where time goes") != std::string::npos);
  CHECK(text.find("## What each optimisation is worth") != std::string::npos);
  CHECK(study_sections(content, "another").empty());
}

}  // namespace qbench::report
