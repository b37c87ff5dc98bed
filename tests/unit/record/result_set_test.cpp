#include "record/result_set.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text_file.h"
#include "record/columns.h"
#include "record/csv.h"
#include "record/sample_file.h"
#include "record_examples.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::record;

namespace {

/// Two cells of a run of three sessions.
std::vector<CellRecord> example_cells() {
  std::vector<CellRecord> cells(2, test::example_cell());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i].cell.prompt_id = i == 0 ? "one" : "two";
    cells[i].sessions[2][MetricId::kTtftMs] = 13.0 + static_cast<double>(i);
    cells[i].metrics.set(MetricId::kQualityScore, Statistic::kNone, 8.5);
    for (MetricValues& session : cells[i].sessions) session[MetricId::kQualityScore] = 8.5;
    cells[i].sessions[1][MetricId::kLoadMs] = 250;
    cells[i].metrics.set(MetricId::kLoadMs, Statistic::kMedian, 250);
  }
  return cells;
}

CsvTable table_of(const std::vector<CellRecord>& cells) {
  CsvTable table;
  for (const Column& column : summary_columns()) table.header.push_back(column.name);
  for (const CellRecord& cell : cells) {
    auto& row = table.rows.emplace_back();
    for (const Column& column : summary_columns()) row.push_back(cell_text(column, test::example_run(), cell));
  }
  return table;
}

std::string csv_of(const CsvTable& table) {
  std::string text = csv_line(table.header);
  for (const auto& row : table.rows) text += csv_line(row);
  return text;
}

void set(CsvTable& table, std::string_view column, const std::string& text, std::size_t row = 0) {
  table.rows.at(row).at(table.column(column).value()) = text;
}

void check_same(const ResultSet& a, const ResultSet& b) {
  CHECK(a.run_id == b.run_id);
  CHECK(a.started_utc == b.started_utc);
  CHECK(a.machine == b.machine);
  REQUIRE(a.rows.size() == b.rows.size());
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    CHECK(a.rows[i].facts == b.rows[i].facts);
    CHECK(a.rows[i].status == b.rows[i].status);
    CHECK(a.rows[i].n_sessions == b.rows[i].n_sessions);
    for (const MetricInfo& info : metric_catalog()) {
      CAPTURE(info.name);
      CHECK(a.rows[i].metric(info.id).value == b.rows[i].metric(info.id).value);
      CHECK(a.rows[i].metric(info.id).sessions == b.rows[i].metric(info.id).sessions);
    }
  }
}

}  // namespace

TEST_CASE("a run's folder, a file in it and its summary give the same results") {
  const test::TempDir folder;
  write_run_json(folder.path() / "run.json", test::example_run());
  SampleFile file(folder.path() / "samples.jsonl");
  TaskRecord task = test::example_task();
  task.cell.prompt_id = "two";
  for (const CellRecord& cell : example_cells()) file.append(cell);
  task.iteration = 1;
  file.append(task);
  task.status = TaskStatus::kException;  // judged again
  file.append(task);
  task.iteration = 2;
  task.status = TaskStatus::kPass;  // repaired
  file.append(task);
  write_text_file_atomic(folder.path() / "summary.csv", csv_of(table_of(example_cells())));

  const ResultSet set = read_result_set(folder.path());
  REQUIRE(set.rows.size() == 2);
  CHECK(set.run_id == "20261121_032200-smoke");
  CHECK(set.schema_version == kSchemaVersion);
  const ResultRow& row = set.rows[1];
  CHECK(row.fact("prompt_id") == "two");
  CHECK(row.fact("model_fingerprint") == "sha256:abc");
  CHECK(row.fact("settings_digest").size() == 64);
  CHECK(row.fact("no such column").empty());
  CHECK(row.name() == "smol, smoke/two, turn 2, text, cpu, auto, batch 2");
  CHECK(row.metric(MetricId::kTtftMs).value == 12.5);
  CHECK(row.metric(MetricId::kTtftMs).sessions == std::vector<std::optional<double>>{12.0, 12.5, 14.0});
  CHECK(row.metric(MetricId::kLoadMs).sessions == std::vector<std::optional<double>>{std::nullopt, 250.0, std::nullopt});
  CHECK(row.metric(MetricId::kLoadMs).n_sessions() == 1);
  CHECK(row.metric(MetricId::kQualityScore).value == 8.5);
  CHECK(row.metric(MetricId::kOutputTokens).value == 128);
  CHECK(row.metric(MetricId::kOutputTokens).sessions.empty());
  REQUIRE(row.tasks.size() == 1);
  CHECK(row.tasks[0].status == TaskStatus::kPass);
  CHECK(row.tasks[0].first_status == TaskStatus::kException);
  CHECK(row.tasks[0].task_id == "he/12");
  CHECK(set.rows[0].tasks.empty());
  check_same(read_result_set(folder.path() / "run.json"), set);
  check_same(read_result_set(folder.path() / "samples.jsonl"), set);
  check_same(read_result_set(folder.path() / "summary.csv"), set);
}

// Written by the last qbench of schema version 2, with the paths of its machine shortened.
TEST_CASE("results of schema version 2 are one session") {
  const auto folder = std::filesystem::path(QB_SOURCE_DIR) / "tests" / "fixtures" / "record" / "version2";
  const ResultSet from_csv = read_result_set(folder / "summary.csv");
  const ResultSet from_folder = read_result_set(folder);
  CHECK(from_csv.schema_version == 2);
  CHECK(from_folder.schema_version == 2);
  REQUIRE(from_csv.rows.size() == 2);
  REQUIRE(from_folder.rows.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(from_csv.rows[i].n_sessions == 1);
    CHECK(from_csv.rows[i].key() == from_folder.rows[i].key());
    for (const MetricInfo& info : metric_catalog()) {
      CAPTURE(info.name);
      const MetricResult& metric = from_csv.rows[i].metric(info.id);
      CHECK(metric.value == from_folder.rows[i].metric(info.id).value);
      CHECK(metric.n_sessions() == (info.by_session && metric.value ? 1 : 0));
    }
  }
  CHECK(from_csv.rows[0].metric(MetricId::kDecodeTokPerS).value.has_value());
  CHECK(from_csv.rows[0].fact("stop_rule") == "fixed 2");
}

// Written by the last qbench of schema version 3, with the paths of its machine shortened and a task put in.
TEST_CASE("results of schema version 3 keep their sessions and tasks") {
  const auto folder = std::filesystem::path(QB_SOURCE_DIR) / "tests" / "fixtures" / "record" / "version3";
  const ResultSet from_csv = read_result_set(folder / "summary.csv");
  const ResultSet from_folder = read_result_set(folder);
  CHECK(from_csv.schema_version == 3);
  CHECK(from_folder.schema_version == 3);
  REQUIRE(from_csv.rows.size() == 2);
  REQUIRE(from_folder.rows.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(from_csv.rows[i].n_sessions == (from_csv.rows[i].pass == Pass::kSpeed ? 2 : 1));
    CHECK(from_csv.rows[i].key() == from_folder.rows[i].key());
    CHECK(from_csv.rows[i].metric(MetricId::kDecodeTokPerS).value == from_folder.rows[i].metric(MetricId::kDecodeTokPerS).value);
    CHECK_FALSE(from_folder.rows[i].metric(MetricId::kTasksJudged).value.has_value());
    const std::size_t tasks = from_folder.rows[i].pass == Pass::kText ? 1 : 0;
    REQUIRE(from_folder.rows[i].tasks.size() == tasks);
    if (tasks == 1) CHECK(from_folder.rows[i].tasks[0].status == TaskStatus::kWrong);
  }
}

TEST_CASE("a version 1 summary with a few columns is read, and what it lacks is empty") {
  const test::TempDir folder;
  const auto path = folder.path() / "published.csv";
  write_text_file_atomic(path, "schema_version,model,status,decode_tok_per_s_median\r\n1,a,ok,65.5\r\n1,b,,\r\n");
  const ResultSet set = read_result_set(path);
  REQUIRE(set.rows.size() == 2);
  CHECK(set.rows[0].metric(MetricId::kDecodeTokPerS).sessions == std::vector<std::optional<double>>{65.5});
  CHECK(set.rows[0].fact("prompt_id").empty());
  CHECK_FALSE(set.rows[1].metric(MetricId::kDecodeTokPerS).value.has_value());
}

TEST_CASE("a damaged summary is refused with the row and what is wrong") {
  const test::TempDir folder;
  const auto path = folder.path() / "summary.csv";
  const auto failure = [&](const std::function<void(CsvTable&)>& damage, std::size_t cut = 0) -> std::string {
    CsvTable table = table_of(example_cells());
    damage(table);
    const std::string text = csv_of(table);
    write_text_file_atomic(path, text.substr(0, text.size() - cut));
    try {
      read_result_set(path);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kFormat);
      return error.what();
    }
    return "no error";
  };
  const auto contains = [](const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; };
  const auto nothing = [](CsvTable&) {};
  CHECK(failure(nothing) == "no error");
  CHECK(contains(failure(nothing, 2), "the last line has no end: the file is cut off"));
  CHECK(contains(failure(nothing, 3), "cut off"));
  CHECK(contains(failure(nothing, 400), "line 3:"));
  CHECK(contains(failure([](CsvTable& t) { t.rows.clear(); }), "holds no rows"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "prompt_id", "one", 1); }), "row 2 has the key of row 1 (smol, smoke/one"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "ttft_ms_median", "nan"); }), "row 1 column 'ttft_ms_median': 'nan' is no finite number"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "ttft_ms_median", "inf"); }), "no finite number"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "ttft_ms_median", "12,5"); }), "no finite number"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "ttft_ms_by_session", "1  2"); }), "two spaces in a row"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "ttft_ms_by_session", "1 x 3"); }), "'x' is no finite number"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "ttft_ms_by_session", "1 2"); }), "ttft_ms_by_session has 2 values, n_sessions is 3"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "ttft_ms_median", ""); }), "has ttft_ms_by_session and no ttft_ms"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "n_sessions", "0"); }), "n_sessions is 0"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "n_sessions", "three"); }), "'three' is no whole number"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "status", "fine"); }), "column 'status': 'fine' is no status"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "pass", "fast"); }), "column 'pass'"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "model", ""); }), "row 1 has no model"));
  CHECK(contains(failure([](CsvTable& t) { set(t, "schema_version", "9"); }), "schema_version 9, this build reads versions 1 to 4"));
  CHECK(contains(failure([](CsvTable& t) { t.header.at(t.column("ttft_ms_median").value()) = "ttft_s_median"; }),
                 "line 1: column 'ttft_s_median' is in another unit than 'ttft_ms_median' (ms)"));
}

TEST_CASE("values that cannot be are refused with line, column and value") {
  const auto failure = [](const std::string& text) -> std::string {
    const test::TempDir folder;
    write_text_file_atomic(folder.path() / "summary.csv", text);
    try {
      read_result_set(folder.path() / "summary.csv");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kFormat);
      return error.what();
    }
    return "no error";
  };
  const auto with = [&](const std::string& column, const std::string& value) {
    return failure("schema_version,model,n_sessions," + column + "\r\n3,good,1,\r\n3,a,1," + value + "\r\n");
  };
  const auto contains = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    CHECK(text.find(part) != std::string::npos);
  };
  contains(with("decode_tok_per_s_median", "-5"), "row 2 column 'decode_tok_per_s_median': '-5' is below 0 (line 3)");
  contains(with("ttft_ms_by_session", "-5"), "row 2 column 'ttft_ms_by_session': '-5' is below 0 (line 3)");
  contains(with("kv_bytes", "-1"), "'-1' is below 0");
  contains(with("kv_bytes", "much"), "'much' is no finite number");
  contains(with("success_ratio", "1.7"), "row 2 column 'success_ratio': '1.7' is not between 0 and 1 (line 3)");
  contains(with("quality_score", "10.5"), "not between 0 and 10");
  CHECK(with("success_ratio", "1") == "no error");
  CHECK(with("decode_tok_per_s_median", "0") == "no error");
  CHECK(with("gpu_temperature_c_max", "-4") == "no error");
  CHECK(with("decode_roofline_ratio", "1.2") == "no error");  // the limit is measured too
  const auto sessions = [&](const std::string& value) {
    return failure("schema_version,model,n_sessions,decode_tok_per_s_median,decode_tok_per_s_by_session\r\n3,a,3," + value + ",100 - 102\r\n");
  };
  contains(sessions("200"), "column 'decode_tok_per_s_median': 200 lies outside its own sessions, 100 to 102 (line 2)");
  contains(sessions("99"), "lies outside its own sessions");
  CHECK(sessions("101") == "no error");
  CHECK(sessions("100") == "no error");
}

TEST_CASE("a column of ours in another unit or spelling is refused, columns of others are kept") {
  const auto set_with = [](const std::string& column) {
    CsvTable table;
    table.header = {"schema_version", "model", column};
    table.rows = {{"3", "a", "7"}};
    return result_set_from_table(table, "summary.csv");
  };
  for (const char* column : {"ttft_seconds", "ttft_s", "TTFT_S", "peak_megabytes", "peak_mib_max", "decode_ktok_per_s", "decode_tok_per_min_median",
                             "prefill_tokens_per_second", "e2e_tps", "gpu_power_mw_median", "energy_kwh_per_token", "kv_mb", "weight_gib",
                             "success_percent", "first_request_ttft_s"}) {
    CAPTURE(column);
    CHECK_THROWS_WITH_AS(set_with(column), doctest::Contains("is in another unit than"), Error);
  }
  CHECK_THROWS_WITH_AS(set_with("first_request_ttft_s"), doctest::Contains("'first_request_ttft_ms_median'"), Error);
  for (const char* column : {"site", "decode_notes", "ttft_comment", "peak_hour", "load_average_5m", "context_source"}) {
    CAPTURE(column);
    CHECK(set_with(column).rows[0].fact(column) == "7");
  }
}

TEST_CASE("what is no result at all is said so") {
  const test::TempDir folder;
  CHECK_THROWS_WITH_AS(read_result_set(folder.path() / "absent"), doctest::Contains("no such file or folder"), Error);
  CHECK_THROWS_WITH_AS(read_result_set(folder.path()), doctest::Contains("run.json"), Error);
  write_text_file_atomic(folder.path() / "other.jsonl", "{}\n");
  CHECK_THROWS_WITH_AS(read_result_set(folder.path() / "other.jsonl"), doctest::Contains("expected samples.jsonl, run.json"), Error);
  write_run_json(folder.path() / "run.json", test::example_run());
  write_text_file_atomic(folder.path() / "samples.jsonl", "");
  CHECK_THROWS_WITH_AS(read_result_set(folder.path()), doctest::Contains("holds no rows"), Error);
}
