#include "report/task_sections.h"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "record/csv.h"
#include "report/junit.h"
#include "report/model_report.h"
#include "report/run_page.h"

using namespace qbench;
using record::TaskStatus;

namespace {

record::TaskRecord attempt(const std::string& prompt, std::int64_t sample, std::int64_t iteration, TaskStatus status,
                           const std::string& detail = {}) {
  record::TaskRecord task;
  task.cell.model = "smol";
  task.cell.suite = "tasks";
  task.cell.prompt_id = prompt;
  task.cell.pass = record::Pass::kText;
  task.cell.device = "cpu";
  task.cell.precision = "auto";
  task.task_id = prompt;
  task.sample = sample;
  task.iteration = iteration;
  task.status = status;
  task.detail = detail;
  task.sandbox_level = "bwrap";
  task.judge = "outside";
  task.generation_s = 2;
  task.judge_s = 1;
  return task;
}

/// Two tasks with two answers each, one of which a repair mended, and one that nothing could judge.
record::SampleFileContent content() {
  record::SampleFileContent content;
  content.tasks = {attempt("a", 0, 1, TaskStatus::kWrong, "case 2: got <b>1</b> | 2"),
                   attempt("a", 0, 2, TaskStatus::kPass),
                   attempt("a", 1, 1, TaskStatus::kPass),
                   attempt("b", 0, 1, TaskStatus::kException, "NameError"),
                   attempt("b", 0, 2, TaskStatus::kWrong, "case 1"),
                   attempt("b", 1, 1, TaskStatus::kPass),
                   attempt("c", 0, 1, TaskStatus::kHarnessError, "python3 is not installed")};
  record::CellRecord row;
  row.cell = content.tasks[0].cell;
  row.judging.pass_ks = {1, 2};
  content.cells = {row};
  return content;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("totals are over answers and tasks, and a harness error is in neither") {
  const auto all = content();
  const auto totals = report::task_totals(all);
  REQUIRE(totals.size() == 1);
  CHECK(totals[0].tasks == 3);
  CHECK(totals[0].judged == 4);
  CHECK(totals[0].harness_errors == 1);
  CHECK(totals[0].success->value == doctest::Approx(0.75));
  CHECK(totals[0].success->tasks == 2);
  CHECK(totals[0].first_attempt_ratio == 0.5);
  CHECK(totals[0].pass_at.at(1)->value == doctest::Approx(0.5));
  CHECK(totals[0].pass_at.at(2)->value == 1.0);
  CHECK(totals[0].mean_iterations == 1.5);
  CHECK(totals[0].tasks_per_hour.value() == doctest::Approx(3600.0 * 4 / 18));
  CHECK(totals[0].endings.at(TaskStatus::kPass) == 3);
  CHECK(totals[0].sandbox_level == "bwrap");
}

TEST_CASE("totals say thinking tokens and what passed for them, and of several answers how many agree and whether the majority's passes") {
  auto all = content();
  const char* behaviours[] = {"x", "y", "y", "z", "z", "z", ""};
  for (std::size_t i = 0; i < all.tasks.size(); ++i) {
    all.tasks[i].thinking_tokens = 100;
    if (*behaviours[i] != 0) all.tasks[i].behaviour = behaviours[i];
  }
  all.tasks[5].thinking_tokens.reset();
  const auto totals = report::task_totals(all);
  CHECK(totals[0].thinking_tokens == 500);  // the harness error's are nobody's
  CHECK(totals[0].thinking_efficiency == 6.0);
  CHECK(totals[0].consistency.tasks == 2);
  CHECK(totals[0].consistency.ratio() == 0.75);       // a: x and y, b: z and z
  CHECK(totals[0].consistency.majority_passed == 0);  // of equal groups the one that begins first
  const std::string said = report::task_result_lines(all);
  CHECK(contains(said, "500; 6 answers passed per thousand"));
  CHECK(contains(said, "75.0 % of a task's answers agree (mean of 2 tasks)"));
  CHECK(contains(said, "0.0 % (0 of 2 tasks)"));
  CHECK_FALSE(contains(report::task_result_lines(content()), "thinking"));
  for (const std::size_t width : {60U, 80U}) {
    std::istringstream lines(report::task_result_lines(all, width));
    for (std::string line; std::getline(lines, line);) CHECK_MESSAGE(line.size() <= width, line);
  }
  const record::CsvTable table = record::parse_csv(report::tasks_csv(totals), "quality.csv");
  const auto value = [&](const char* name) { return table.rows[0][table.column(name).value()]; };
  CHECK(value("thinking_tokens") == "500");
  CHECK(value("thinking_efficiency") == "6");
  CHECK(value("self_consistency_ratio") == "0.75");
  CHECK(value("majority_success_ratio") == "0");
}

TEST_CASE("models and settings have totals of their own") {
  auto all = content();
  all.tasks.push_back(attempt("a", 0, 1, TaskStatus::kPass));
  all.tasks.back().cell.kv_type = "q8_0";
  CHECK(report::task_totals(all).size() == 2);
  CHECK(report::task_totals({}).empty());
}

TEST_CASE("quality.csv has a line for each model with an interval beside each estimate") {
  const record::CsvTable table = record::parse_csv(report::tasks_csv(report::task_totals(content())), "quality.csv");
  REQUIRE(table.rows.size() == 1);
  const auto value = [&](const char* name) { return table.rows[0][table.column(name).value()]; };
  CHECK(value("schema_version") == "4");
  CHECK(value("model") == "smol");
  CHECK(value("success_ratio") == "0.75");
  CHECK(value("pass_at_1_ratio") == "0.5");
  CHECK(std::stod(value("pass_at_1_ratio_ci_low")) <= 0.5);
  CHECK(value("pass_at_2_ratio") == "1");
  CHECK(value("harness_errors") == "1");
  CHECK(value("sandbox_level") == "bwrap");
}

TEST_CASE("the markdown has the totals, a line for each task and no words that act") {
  const std::string text = report::tasks_section(content(), "smol");
  CHECK(text.starts_with("## Tasks\n"));
  CHECK(contains(text, "75.0 %"));
  CHECK(contains(text, "3 pass, 1 wrong, 1 harness_error"));
  CHECK(contains(text, "NameError") == false);  // the last attempt speaks
  CHECK(contains(text, "python3 is not installed"));
  CHECK_FALSE(contains(text, "<b>"));
  CHECK(report::tasks_section(content(), "other").empty());
  CHECK(report::tasks_section({}, "smol").empty());
}

TEST_CASE("other findings than the rating stand in a table, those that failed with their reason") {
  record::SampleFileContent all;
  record::QualityRecord relevance;
  relevance.cell.model = "smol";
  relevance.cell.prompt_id = "a";
  relevance.source = "relevance";
  relevance.values = {{"response_relevance", 9.5, "rank 2 of 21"}};
  record::QualityRecord failed = relevance;
  failed.cell.prompt_id = "b";
  failed.status = record::Status::kFailed;
  failed.failure.message = "no room";
  failed.values.clear();
  all.qualities = {relevance, failed};
  const std::string text = report::tasks_section(all, "smol");
  CHECK(contains(text, "rank 2 of 21"));
  CHECK(contains(text, "failed: no room"));
}

TEST_CASE("the page has a table of tasks with its text escaped, and none where nothing was judged") {
  const std::string page = report::tasks_html(content());
  CHECK(contains(page, "<section id=\"tasks\">"));
  CHECK(contains(page, "2 of 2 pass"));
  CHECK_FALSE(contains(page, "<b>1"));
  CHECK(report::tasks_html({}).empty());
}

TEST_CASE("JUnit has a case for each task: a failure where an answer fails, an error where none could be judged") {
  record::RunRecord run;
  run.run_id = "r";
  record::ModelFacts model;
  model.label = "smol";
  run.models = {model};
  auto all = content();
  all.cells[0].model = model;
  const std::string xml = report::run_junit(run, all);
  CHECK(contains(xml, "task[tasks/a a]"));
  CHECK(contains(xml, "classname=\"quality.cpu.smol\""));
  CHECK(contains(xml, "type=\"TaskFailed\""));
  CHECK(contains(xml, "type=\"HarnessError\""));
  CHECK(contains(xml, "failures=\"1\""));
}

TEST_CASE("the end of a run says how the tasks went") {
  const std::string lines = report::task_result_lines(content());
  CHECK(contains(lines, "smol"));
  CHECK(contains(lines, "pass@2"));
  CHECK(contains(lines, "harness_error"));
  CHECK(report::task_result_lines({}).empty());
}
