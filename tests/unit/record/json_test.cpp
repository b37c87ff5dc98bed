#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "base/error.h"
#include "base/text_file.h"
#include "record/record_json.h"
#include "record_examples.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::record;

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

/// The message of the Error{kFormat} that reading the line gives.
std::string read_failure(const std::string& line) {
  try {
    parse_json_line(line, "samples.jsonl:7");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kFormat);
    return error.what();
  }
  return "no error";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("each kind of line reads back to the same bytes") {
  const std::string load = to_json_line(test::example_load());
  const std::string sample = to_json_line(test::example_sample());
  const std::string cell = to_json_line(test::example_cell());
  CHECK(to_json_line(std::get<LoadRecord>(parse_json_line(load, "x"))) == load);
  CHECK(to_json_line(std::get<SampleRecord>(parse_json_line(sample, "x"))) == sample);
  CHECK(to_json_line(std::get<CellRecord>(parse_json_line(cell, "x"))) == cell);
  const std::string task = to_json_line(test::example_task());
  CHECK(to_json_line(std::get<TaskRecord>(parse_json_line(task, "x"))) == task);
  const std::string quality = to_json_line(test::example_quality());
  CHECK(to_json_line(std::get<QualityRecord>(parse_json_line(quality, "x"))) == quality);
  CHECK(std::get<TaskRecord>(parse_json_line(task, "x")).iteration == 3);
  CHECK_FALSE(std::get<QualityRecord>(parse_json_line(quality, "x")).values.at(1).value.has_value());
  for (const std::string& line : {load, sample, cell, task, quality}) CHECK(line.find('\n') == std::string::npos);
}

TEST_CASE("a line begins with its kind and the schema's version") {
  CHECK(to_json_line(test::example_sample()).starts_with(R"({"kind":"sample","schema_version":4,)"));
  CHECK(to_json_line(LoadRecord{}).starts_with(R"({"kind":"load","schema_version":4,)"));
  CHECK(to_json_line(CellRecord{}).starts_with(R"({"kind":"cell","schema_version":4,)"));
}

TEST_CASE("a sample keeps what JSON readers tend to lose: large integers, small doubles, other alphabets, absent values") {
  const auto read = std::get<SampleRecord>(parse_json_line(to_json_line(test::example_sample()), "x"));
  CHECK(read.t0_ns == 9'007'199'254'740'993);
  CHECK(read.sequences.at(0).token_ns.at(1) == 9'007'199'254'740'993);
  CHECK(read.sequences.at(0).output_ids == std::vector<std::int32_t>{151643, -1});
  CHECK(read.prompt_text == test::example_sample().prompt_text);
  CHECK(read.failure.message == "line one\nline \"two\"");
  CHECK(read.metrics[MetricId::kTtftMs] == 0.1);
  CHECK(read.metrics[MetricId::kDecodeTokPerS] == 1e300);
  CHECK_FALSE(read.metrics[MetricId::kItlMeanMs].has_value());
  CHECK_FALSE(read.sequences.at(1).text.has_value());
  CHECK(read.cell == test::example_key());
  CHECK(read.telemetry.time_ns == std::vector<std::int64_t>{-5, 100'000'000, 200'000'000});
}

TEST_CASE("an undefined value is null, never 0 and never NaN") {
  SampleRecord sample = test::example_sample();
  sample.metrics[MetricId::kTtftMs] = std::numeric_limits<double>::quiet_NaN();
  sample.metrics[MetricId::kE2eMs] = std::numeric_limits<double>::infinity();
  const std::string line = to_json_line(sample);
  CHECK(contains(line, R"("ttft_ms":null)"));
  CHECK(contains(line, R"("e2e_ms":null)"));
  CHECK(contains(line, R"("itl_mean_ms":null)"));
  CHECK(contains(line, R"("peak_bytes":123456789012,)"));
  CHECK_FALSE(std::get<SampleRecord>(parse_json_line(line, "x")).metrics[MetricId::kTtftMs].has_value());
}

TEST_CASE("text that is not UTF-8 is written with replacement characters and stays readable") {
  SampleRecord sample = test::example_sample();
  sample.sequences[0].text = "ok \xff\xfe end";
  const auto read = std::get<SampleRecord>(parse_json_line(to_json_line(sample), "x"));
  CHECK(read.sequences.at(0).text == "ok \xEF\xBF\xBD\xEF\xBF\xBD end");
}

TEST_CASE("a line of the schema before is read, without what it does not know") {
  std::string old = replaced(to_json_line(test::example_sample()), "\"schema_version\":4", "\"schema_version\":1");
  old = replaced(old, ",\"kv_window\":512,\"kv_sinks\":4", "");
  old = replaced(old, ",\"session\":2", "");
  const auto read = std::get<SampleRecord>(parse_json_line(old, "x"));
  CHECK_FALSE(read.cell.kv_window.has_value());
  CHECK(kv_policy_text(read.cell) == "full");
  CHECK(read.repetition == test::example_sample().repetition);
  CHECK(read.session == 0);
}

TEST_CASE("a task of version 3 is read: one attempt, and how it was judged is not known") {
  const std::string old =
      R"({"kind":"task","schema_version":3,"cell":{"model":"m","suite":"s","prompt_id":"p","turn":1,"pass":"text","device":"cpu","precision":"auto","kv_type":"f16","batch":1,"context":512,"threads":2},"session":0,"task_id":"he/1","sample":0,"status":"wrong","seconds":0.25,"detail":"assert 2"})";
  const auto read = std::get<TaskRecord>(parse_json_line(old, "x"));
  CHECK(read.status == TaskStatus::kWrong);
  CHECK(read.iteration == 1);
  CHECK_FALSE(read.sandbox_level.has_value());
  CHECK_FALSE(read.answer.has_value());
}

TEST_CASE("a row keeps the values of its sessions, of the metrics that are judged") {
  const auto read = std::get<CellRecord>(parse_json_line(to_json_line(test::example_cell()), "x"));
  REQUIRE(read.sessions.size() == 3);
  CHECK(read.sessions[0][MetricId::kTtftMs] == 12.0);
  CHECK_FALSE(read.sessions[2][MetricId::kTtftMs].has_value());
  CHECK(read.n_sessions == 3);
  CHECK(read.state.gpu_power_limit_mw == 310'500);
  CHECK(read.roofline.decode_bytes == 2'000'000'000);
}

TEST_CASE("every way in which a task may end has a word of its own that reads back") {
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(TaskStatus::kHarnessError); ++i) {
    const auto status = static_cast<TaskStatus>(i);
    CHECK(words.insert(name_of(status)).second);
    CHECK(task_status_from_name(name_of(status)) == status);
  }
  CHECK(words.contains("sandbox_violation"));
  CHECK_THROWS_AS(task_status_from_name("passed"), Error);
}

TEST_CASE("another schema version is refused, naming both") {
  const std::string line = replaced(to_json_line(test::example_sample()), "\"schema_version\":4", "\"schema_version\":5");
  const std::string message = read_failure(line);
  CHECK(contains(message, "samples.jsonl:7"));
  CHECK(contains(message, "schema_version 5"));
  CHECK(contains(message, "versions 1 to 4"));
  CHECK(contains(read_failure(R"({"kind":"sample"})"), "no schema_version"));
  CHECK(contains(read_failure(R"([1])"), "expected a JSON object"));
}

TEST_CASE("a damaged line says which field is wrong and how") {
  const std::string good = to_json_line(test::example_sample());
  CHECK(contains(read_failure(replaced(good, "\"sample\"", "\"simple\"")), "kind is \"simple\""));
  CHECK(contains(read_failure(replaced(good, "\"repetition\":3", "\"repetition\":\"3\"")),
                 "'repetition': expected an integer, found string"));
  CHECK(contains(read_failure(replaced(good, "\"repetition\":3", "\"repetition\":3.5")), "a number with decimals"));
  CHECK(contains(read_failure(replaced(good, "\"repetition\":3", "\"repetitions\":3")), "'repetition': is missing"));
  CHECK(contains(read_failure(replaced(good, "\"phase\":\"warmup\"", "\"phase\":\"hot\"")), "'phase'"));
  CHECK(contains(read_failure(replaced(good, "151643", "3000000000")), "'sequences[0].output_ids[0]': is out of range"));
  CHECK(contains(read_failure(replaced(good, "9007199254740993", "18446744073709551615")), "is out of range"));
  CHECK(contains(read_failure(replaced(good, "\"cell\":{", "\"cell\":[],\"other\":{")), "'cell': expected an object, found array"));
  CHECK(contains(read_failure(replaced(good, "\"rss_bytes\":[1,2,3]", "\"rss_bytes\":[1,2]")), "columns of different lengths"));
  CHECK(contains(read_failure(good.substr(0, good.size() - 1)), "not valid JSON"));
}

TEST_CASE("a field that this version does not know is passed over") {
  const std::string line = replaced(to_json_line(test::example_cell()), "\"n_samples\":5", "\"from_the_future\":[{}],\"n_samples\":5");
  CHECK(std::get<CellRecord>(parse_json_line(line, "x")).n_samples == 5);
}

TEST_CASE("equal settings are equal texts whatever the order of their keys") {
  CellRecord cell = test::example_cell();
  cell.settings.sampling_json = R"({ "temperature": 0.7, "seed": 1 })";
  CHECK(to_json_line(cell) == to_json_line(test::example_cell()));
}

TEST_CASE("run.json reads back to the same bytes, and is written whole or not at all") {
  const test::TempDir folder;
  const auto path = folder.path() / "run.json";
  write_run_json(path, test::example_run());
  const RunRecord read = read_run_json(path);
  CHECK(to_json(read) == to_json(test::example_run()));
  CHECK(read_text_file(path) == to_json(test::example_run()));
  CHECK(read.argv.at(3) == "a b");
  CHECK(read.machine.cpu_quota_cores == 1.5);
  CHECK(read.build.git_dirty == true);
  CHECK_THROWS_WITH_AS(write_run_json(folder.path() / "absent" / "run.json", read), doctest::Contains("No such file"), Error);
}

TEST_CASE("a run.json of another version or another program is refused") {
  const std::string good = to_json(test::example_run());
  CHECK_THROWS_WITH_AS(parse_run_json(replaced(good, "\"schema_version\": 4", "\"schema_version\": 9"), "run.json"),
                       doctest::Contains("schema_version 9"), Error);
  CHECK_THROWS_WITH_AS(parse_run_json(replaced(good, "\"kind\": \"run\"", "\"kind\": \"walk\""), "run.json"),
                       doctest::Contains("no run.json"), Error);
}
