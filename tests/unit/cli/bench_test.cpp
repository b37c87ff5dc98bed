#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/bench_format.h"
#include "cli/bench_tests.h"
#include "record/csv.h"

using namespace qbench;

TEST_CASE("tests are named as llama-bench names them, prompts before generation at each depth") {
  std::vector<std::string> names;
  for (const auto& test : cli::make_bench_tests({512, 0}, {32}, {0, 4096})) names.push_back(test.name());
  CHECK(names == std::vector<std::string>{"pp512", "tg32", "pp512@d4096", "tg32@d4096"});
  CHECK(cli::make_bench_tests({0}, {0}, {0}).empty());
  CHECK(cli::BenchTest{.gen_tokens = 32, .depth = 4096}.positions() == 4128);
}

TEST_CASE("random ids stay inside the vocabulary, repeat with the seed, and begin with BOS only at the start") {
  cli::BenchTokens tokens(300, 7, 1), again(300, 7, 1);
  const auto ids = tokens.sequence(1000, true);
  CHECK(ids == again.sequence(1000, true));
  CHECK(ids.front() == 7);
  for (const auto id : ids) {
    CHECK(id >= 0);
    CHECK(id < 300);
  }
  cli::BenchTokens without(300, std::nullopt, 1);
  CHECK(std::equal(ids.begin() + 1, ids.end(), without.sequence(1000, true).begin() + 1));
}

TEST_CASE("all formats hold the same row") {
  cli::BenchRow row;
  row.model = "a, \"b\"";
  row.test = "pp8";
  row.samples = {10.0, 30.0, 20.0};
  row.samples_ns = {800'000'000, 266'666'666, 400'000'000};
  const auto json = nlohmann::json::parse(cli::bench_head(cli::BenchFormat::kJson) + cli::bench_row(cli::BenchFormat::kJson, row, true) +
                                          cli::bench_row(cli::BenchFormat::kJson, row, false) + cli::bench_tail(cli::BenchFormat::kJson));
  REQUIRE(json.size() == 2);
  CHECK(json[0]["tok_per_s_median"] == 20.0);
  CHECK(json[0]["samples"].size() == 3);
  CHECK(nlohmann::json::parse(cli::bench_row(cli::BenchFormat::kJsonl, row, true)) == json[0]);
  const auto table = record::parse_csv(cli::bench_head(cli::BenchFormat::kCsv) + cli::bench_row(cli::BenchFormat::kCsv, row, true), "bench");
  CHECK(table.rows[0][*table.column("model")] == "a, \"b\"");
  CHECK(table.rows[0][*table.column("tok_per_s_median")] == "20");
  CHECK(table.rows[0][*table.column("samples")] == "10 30 20");
  CHECK(cli::bench_row(cli::BenchFormat::kMarkdown, row, true).find("20.00 ± 10.00") != std::string::npos);
  CHECK_THROWS_AS(cli::bench_format_from_name("xml"), Error);
}

TEST_CASE("what was not measured is null in JSON and empty in CSV and markdown, never zero") {
  cli::BenchRow row;
  row.model = "gone";
  row.status = "failed";
  row.error = "gone: not found | at all";
  const auto json = nlohmann::json::parse(cli::bench_row(cli::BenchFormat::kJsonl, row, true));
  for (const auto& [key, value] : json.items()) {
    CAPTURE(key);
    if (key == "model" || key == "status" || key == "error") {
      CHECK(value.is_string());
    } else {
      CHECK(value.empty());
    }
  }
  const auto table = record::parse_csv(cli::bench_head(cli::BenchFormat::kCsv) + cli::bench_row(cli::BenchFormat::kCsv, row, true), "bench");
  std::string all;
  for (const std::string& field : table.rows[0]) all += field;
  CHECK(all == "gonefailed" + row.error);
  CHECK(cli::bench_row(cli::BenchFormat::kMarkdown, row, true) == "| gone |  |  |  |  |  |  | failed: gone: not found \\| at all |\n");
}
