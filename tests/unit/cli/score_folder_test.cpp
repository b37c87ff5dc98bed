#include "cli/score_folder.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "../report/report_examples.h"
#include "base/error.h"
#include "base/text_file.h"
#include "cli/command.h"
#include "quality/rating/rating.h"
#include "record/record_json.h"
#include "report/render.h"
#include "test_support.h"

using namespace qbench;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<sandbox::Sandbox> open_sandbox(const char* test) {
  if (!fs::exists(quality::ToolPaths().mypy)) {
    test::report_skip(test, "mypy is not there: scripts/setup.sh --quality");
    return nullptr;
  }
  try {
    return sandbox::Sandbox::open({});
  } catch (const Error& error) {
    test::report_skip(test, error.what());
    return nullptr;
  }
}

record::CellKey key_of(const std::string& prompt, std::int64_t turn = 1) {
  record::CellKey key;
  key.model = "smol";
  key.suite = "codegen";
  key.prompt_id = prompt;
  key.turn = turn;
  key.pass = record::Pass::kText;
  key.device = "cpu";
  return key;
}

/// A run's folder with one answer to each of two prompts of codegen and one to a prompt that no suite has.
void write_run(const fs::path& folder, const std::string& service_answer) {
  record::write_run_json(folder / "run.json", test::small_run());
  record::SampleFile file(folder / "samples.jsonl");
  const std::pair<const char*, std::string> answers[] = {
      {"fastapi-vit", service_answer},
      {"lru-cache", read_text_file(test::fixtures_dir() / "quality" / "rating" / "lru-cache" / "mediocre.md")},
      {"gone", "```python\ndef f(x: int) -> int:\n    return x\n```\n"},
  };
  for (const auto& [prompt, answer] : answers) {
    record::CellRecord cell;
    cell.cell = key_of(prompt);
    cell.model = test::small_model();
    file.append(test::small_sample(cell.cell, answer));
    file.append(cell);
  }
}

}  // namespace

TEST_CASE("the saved answers of a run are judged and rated, and its reports are written again") {
  const char* name = "score DIR";
  const auto sandbox = open_sandbox(name);
  if (!sandbox) return;
  const test::TempDir folder;
  write_run(folder.path(), read_text_file(test::fixtures_dir() / "quality" / "rating" / "fastapi-vit" / "good.md"));
  CHECK(cli::score_folder(folder.path(), *sandbox, {.suite = {}, .jobs = 2, .json = true}) == cli::kExitFine);
  const report::StoredRun stored = report::read_run_folder(folder.path());
  REQUIRE(stored.content.tasks.size() == 1);  // lru-cache has no task, "gone" no prompt
  CHECK(stored.content.tasks[0].task_id == "fastapi-vit");
  CHECK(stored.content.tasks[0].status == record::TaskStatus::kPass);
  REQUIRE(stored.content.qualities.size() == 3);
  for (const record::QualityRecord& quality : stored.content.qualities) CHECK(quality.status == record::Status::kOk);
  const std::string csv = read_text_file(folder.path() / "summary.csv");
  CHECK(csv.find("error_handling_percent") != std::string::npos);
  for (const record::CellRecord& cell : record::latest_cells(stored.content.cells)) {
    if (cell.cell.prompt_id == "fastapi-vit") CHECK(cell.metrics.at(record::MetricId::kSuccessRatio, record::Statistic::kNone) == 1.0);
    CHECK(cell.metrics.at(record::MetricId::kStars, record::Statistic::kNone).has_value());
  }
  std::string markdown;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    if (entry.path().extension() == ".md") markdown += read_text_file(entry.path());
  }
  CHECK(markdown.find("## Code quality") != std::string::npos);
  CHECK(markdown.find("### Speed and quality of the models") != std::string::npos);
  // A second time: verdicts are kept, ratings replaced.
  CHECK(cli::score_folder(folder.path(), *sandbox, {.suite = {}, .jobs = 1, .json = false}) == cli::kExitFine);
  const report::StoredRun again = report::read_run_folder(folder.path());
  CHECK(again.content.tasks.size() == 1);
  CHECK(again.content.qualities.size() == 6);
}

TEST_CASE("what is no run's folder, and a run without text, are refused") {
  const char* name = "score DIR, refusals";
  const auto sandbox = open_sandbox(name);
  if (!sandbox) return;
  const test::TempDir folder;
  CHECK_THROWS_WITH_AS(cli::score_folder(folder.path() / "none", *sandbox, {}), doctest::Contains("no such folder"), Error);
  CHECK_THROWS_WITH_AS(cli::score_folder(folder.path(), *sandbox, {}), doctest::Contains("has no run.json"), Error);
  record::write_run_json(folder.path() / "run.json", test::small_run());
  record::SampleFile file(folder.path() / "samples.jsonl");
  record::CellRecord cell;
  cell.cell = key_of("p");
  file.append(cell);
  CHECK_THROWS_WITH_AS(cli::score_folder(folder.path(), *sandbox, {}), doctest::Contains("the run has no text"), Error);
}
