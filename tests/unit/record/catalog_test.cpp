#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "base/environment.h"
#include "base/text_file.h"
#include "record/columns.h"
#include "record_examples.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::record;

TEST_CASE("every metric has a name of its own that ends in its unit") {
  std::set<std::string_view> names;
  for (const MetricInfo& info : metric_catalog()) {
    CAPTURE(info.name);
    CHECK(names.insert(info.name).second);
    CHECK(metric_from_name(info.name) == info.id);
    CHECK_FALSE(info.formula.empty());
    CHECK_FALSE(info.statistics.empty());
    if (info.unit == "ms") CHECK(info.name.ends_with("_ms"));
    if (info.unit == "tok/s") CHECK(info.name.ends_with("_tok_per_s"));
    if (info.unit == "bytes") CHECK(info.name.ends_with("_bytes"));
    if (info.unit == "tokens") CHECK(info.name.ends_with("_tokens"));
    if (info.unit == "1") CHECK(info.name.ends_with("_ratio"));
    CHECK(info.name != "tok_s");
    CHECK(info.name != "tpot");
  }
  CHECK_FALSE(metric_from_name("tpot").has_value());
}

TEST_CASE("every metric's column carries its statistic, except those of which a cell has one value") {
  std::set<std::string> bare;
  for (const Column& column : summary_columns()) {
    if (column.metric == MetricId::kCount) continue;
    if (column.by_session) {
      CHECK(column.name == std::string(info_of(column.metric).name) + "_by_session");
      CHECK(info_of(column.metric).by_session);
      continue;
    }
    if (column.statistic == Statistic::kNone) {
      bare.insert(column.name);
    } else {
      CHECK(column.name == std::string(info_of(column.metric).name) + "_" + std::string(name_of(column.statistic)));
    }
  }
  std::set<std::string> of_a_cell;
  for (const MetricInfo& info : metric_catalog())
    if (info.scope != MetricScope::kLoad && info.scope != MetricScope::kRepetition) of_a_cell.emplace(info.name);
  CHECK(bare == of_a_cell);
  for (const char* name : {"itl_p99_ms", "decode_roofline_ratio", "success_ratio", "pass_at_1_ratio", "response_relevance", "stars"}) CHECK(bare.contains(name));
}

TEST_CASE("the columns have unique names and begin with schema_version") {
  std::set<std::string> names;
  for (const Column& column : summary_columns()) {
    CAPTURE(column.name);
    CHECK(names.insert(column.name).second);
    CHECK_FALSE(column.meaning.empty());
  }
  CHECK(summary_columns().front().name == "schema_version");
  for (const char* wanted : {"run_id",
                             "status",
                             "error_code",
                             "error",
                             "model",
                             "architecture",
                             "parameters",
                             "precision",
                             "conversion",
                             "weights",
                             "prompt",
                             "suite",
                             "prompt_id",
                             "pass",
                             "batch",
                             "context",
                             "kv_type",
                             "threads",
                             "device_effective",
                             "stop_reason",
                             "n_samples",
                             "stop_rule",
                             "ttft_ms_median",
                             "ttft_ms_stddev",
                             "itl_mean_ms_median",
                             "prefill_tok_per_s_median",
                             "decode_tok_per_s_median",
                             "e2e_tok_per_s_median",
                             "chars_per_s_median",
                             "weight_bytes",
                             "kv_bytes",
                             "peak_bytes_max"}) {
    CAPTURE(wanted);
    CHECK(names.contains(wanted));
  }
}

TEST_CASE("a column's text is the record's value, and empty where nothing was measured") {
  const RunRecord run = test::example_run();
  const CellRecord cell = test::example_cell();
  const auto text = [&](std::string_view name) {
    for (const Column& column : summary_columns()) {
      if (column.name == name) return cell_text(column, run, cell);
    }
    return std::string("no such column");
  };
  CHECK(text("schema_version") == "4");
  CHECK(text("n_sessions") == "3");
  CHECK(text("n_discarded") == "1");
  CHECK(text("ttft_ms_by_session") == "12 12.5 -");
  CHECK(text("load_ms_by_session") == "");
  CHECK(text("gpu_power_limit_w") == "310.5");
  CHECK(text("gpu_throttle_mask") == "0x4");
  CHECK(text("gpu_ecc") == "on, off after a reset");
  CHECK(text("decode_bound") == "bandwidth");
  CHECK(text("prefill_bound") == "compute");
  CHECK(text("governor") == "powersave");
  CHECK(text("kv_policy") == "sinks 4 + window 512");
  CHECK(text("ttft_ms_median") == "12.5");
  CHECK(text("ttft_ms_stddev") == "0.125");
  CHECK(text("ttft_ms_max") == "");
  CHECK(text("itl_p50_ms") == "3.25");
  CHECK(text("itl_p99_ms") == "");
  CHECK(text("output_tokens_median") == "128");
  CHECK(text("weight_bytes") == "98000000");
  CHECK(text("build_git_dirty") == "true");
  CHECK(text("build_type") == "Release+address");
  CHECK(text("sampling") == R"({"seed":1,"temperature":0.7})");
  CHECK(text("pass") == "text");
  CHECK(text("turn") == "2");
}

TEST_CASE("values are printed with the digits that read back to them") {
  CHECK(format_value(std::nullopt) == "");
  CHECK(format_value(std::numeric_limits<double>::quiet_NaN()) == "");
  CHECK(format_value(std::numeric_limits<double>::infinity()) == "");
  CHECK(format_value(0.0) == "0");
  CHECK(format_value(0.1) == "0.1");
  CHECK(format_value(1.0 / 3) == "0.3333333333333333");
  CHECK(format_value(65'500'000'000.0) == "65500000000");
  CHECK(format_value(-2.5) == "-2.5");
  CHECK(std::stod(format_value(1e300 / 3)) == 1e300 / 3);
}

TEST_CASE("cells that differ in anything have different ids") {
  const CellKey key = test::example_key();
  std::set<std::string> ids{cell_id(key)};
  const auto changed = [&](auto change) {
    CellKey other = key;
    change(other);
    CHECK_FALSE(other == key);
    CHECK(ids.insert(cell_id(other)).second);
  };
  changed([](CellKey& k) { k.model = "m"; });
  changed([](CellKey& k) { k.suite = "s"; });
  changed([](CellKey& k) { k.prompt_id = "p"; });
  changed([](CellKey& k) { k.turn = 1; });
  changed([](CellKey& k) { k.pass = Pass::kSpeed; });
  changed([](CellKey& k) { k.device = "cuda:0"; });
  changed([](CellKey& k) { k.precision = "q8_0"; });
  changed([](CellKey& k) { k.kv_type = "f32"; });
  changed([](CellKey& k) { k.batch = 1; });
  changed([](CellKey& k) { k.context = 1; });
  changed([](CellKey& k) { k.threads = 1; });
}

TEST_CASE("results/README.md lists the columns as the catalogue has them") {
  const auto path = std::filesystem::path(QB_SOURCE_DIR) / "results" / "README.md";
  const std::string text = read_text_file(path);
  const std::string begin = "<!-- columns: begin -->\n", end = "<!-- columns: end -->\n";
  const std::size_t from = text.find(begin), to = text.find(end);
  REQUIRE(from != std::string::npos);
  REQUIRE(to != std::string::npos);
  const std::string expected = "\n" + columns_markdown() + "\n";
  const std::string actual = text.substr(from + begin.size(), to - from - begin.size());
  if (actual != expected && environment_variable("QBENCH_UPDATE_DOCS")) {
    write_text_file_atomic(path, text.substr(0, from + begin.size()) + expected + text.substr(to));
    return;
  }
  INFO("run QBENCH_UPDATE_DOCS=1 test_record to write the list anew");
  CHECK((actual == expected));
}
