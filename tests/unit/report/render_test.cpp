#include "report/render.h"

#include <doctest/doctest.h>

#include <string>

#include "base/error.h"
#include "base/text_file.h"
#include "record/csv.h"
#include "report/summary_csv.h"
#include "report_examples.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::report;

TEST_CASE("the summary has a row per cell and reads back, awkward text included") {
  auto content = test::small_content("x");
  const std::string awkward = "comma, \"quote\", new\r\nline, bad \xff byte, \u4f60";
  content.cells[1].status = record::Status::kFailed;
  content.cells[1].failure = {"format", awkward};
  const record::CsvTable table = record::parse_csv(summary_csv(test::small_run(), content.cells), "summary.csv");
  REQUIRE(table.rows.size() == 2);
  const auto text = [&](std::size_t row, std::string_view column) { return table.rows[row][table.column(column).value()]; };
  CHECK(text(1, "error") == awkward);
  CHECK(text(0, "error") == "");
  CHECK(text(0, "status") == "ok");
  CHECK(text(1, "status") == "failed");
  CHECK(text(0, "ttft_ms_median") == "20");
  CHECK(text(0, "ttft_ms_stddev") == "");
  CHECK(text(0, "decode_tok_per_s_median") == "200");
  CHECK(text(0, "itl_p50_ms") == "5");
  CHECK(text(0, "itl_p90_ms") == "");
  CHECK(text(0, "load_ms_median") == "80");
  CHECK(text(0, "cpu_model") == "AMD EPYC");
  CHECK(text(0, "run_id") == "20261121_032200-test");
}

TEST_CASE("rendering a folder writes the summary and one markdown file per model, and again the same bytes") {
  const test::TempDir folder;
  record::write_run_json(folder.path() / "run.json", test::small_run());
  {
    record::SampleFile file(folder.path() / "samples.jsonl");
    for (const auto& content :
         {test::small_content("x"), test::small_content("y", "SMOL"), test::small_content("z", "other")}) {
      for (const auto& load : content.loads) file.append(load);
      for (const auto& sample : content.samples) file.append(sample);
      for (const auto& cell : content.cells) file.append(cell);
    }
  }
  const auto paths = render_folder(folder.path());
  REQUIRE(paths.size() == 6);
  CHECK(paths[0].filename() == "summary.csv");
  CHECK(paths[1].filename() == "smol__20261121_032200.md");
  CHECK(paths[2].filename() == "SMOL-2__20261121_032200.md");  // not every file system tells them apart
  CHECK(paths[3].filename() == "other__20261121_032200.md");
  CHECK(paths[4].filename() == "junit.xml");
  CHECK(paths[5].filename() == "report.html");
  CHECK(record::read_summary_csv(paths[0]).rows.size() == 6);
  const auto all = [&] {
    std::string text;
    for (const auto& path : paths) text += read_text_file(path);
    return text;
  };
  const std::string before = all();
  render_folder(folder.path());
  CHECK(all() == before);
}

TEST_CASE("a folder whose last line was cut off is rendered without it") {
  const test::TempDir folder;
  record::write_run_json(folder.path() / "run.json", test::small_run());
  const auto content = test::small_content("x");
  std::string lines =
      to_json_line(content.loads[0]) + "\n" + to_json_line(content.samples[0]) + "\n" + to_json_line(content.cells[0]) + "\n";
  lines += to_json_line(content.cells[1]).substr(0, 100);
  write_text_file_atomic(folder.path() / "samples.jsonl", lines);
  const auto paths = render_folder(folder.path());
  CHECK(record::read_summary_csv(paths.at(0)).rows.size() == 1);
}

TEST_CASE("a folder that is no result or cannot be written is an error that names the file") {
  const test::TempDir folder;
  CHECK_THROWS_WITH_AS(render_folder(folder.path()), doctest::Contains("run.json"), Error);
  CHECK_THROWS_WITH_AS(write_reports(folder.path() / "absent", test::small_run(), test::small_content("x")),
                       doctest::Contains("summary.csv"), Error);
}

TEST_CASE("a start that is not known leaves the stamp of the run's id") {
  const test::TempDir folder;
  record::RunRecord run = test::small_run();
  run.started_utc.clear();
  const auto paths = write_reports(folder.path(), run, test::small_content("x"));
  CHECK(paths.at(1).filename() == "smol__20261121_032200.md");
}
