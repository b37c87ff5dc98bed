#include "report/quality_matrix.h"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include "report/terminal_table.h"

using namespace qbench;
using namespace qbench::report;

namespace {

struct Model {
  const char* label;
  double score, stars;
  const char* readiness;
  std::optional<double> speed;
  double ttft_ms = 100;
};

void add(record::SampleFileContent& content, const Model& model, int answers = 2) {
  record::CellRecord cell;
  cell.cell.model = model.label;
  cell.cell.prompt_id = "p";
  cell.model.name = model.label;
  cell.model.weight_bytes = 15'200'000'000;
  cell.settings.memory.free_after_load_bytes = 76'000'000'000;
  if (model.speed) {
    cell.metrics.set(record::MetricId::kDecodeTokPerS, record::Statistic::kMedian, *model.speed);
    cell.metrics.set(record::MetricId::kTtftMs, record::Statistic::kMedian, model.ttft_ms);
  }
  content.cells.push_back(cell);
  for (int i = 0; i < answers; ++i) {
    record::QualityRecord rating;
    rating.source = "rating";
    rating.cell = cell.cell;
    rating.cell.pass = record::Pass::kText;
    rating.sample = i;
    rating.values = {{"quality_score", model.score, "why"},
                     {"stars", model.stars, "why"},
                     {"completeness", 9.0, "9 of 10 units are done"},
                     {"security_findings", std::nullopt, "bandit not installed"}};
    rating.words = {{"readiness", model.readiness}, {"readiness_reason", "counted"}, {"stars_reason", "score"}, {"best_use_case", "use"}};
    rating.strengths = {"raises ValueError (line 3)"};
    rating.limitations = {"text is run as code (line 5) <script>"};
    rating.tools = {{"mypy", "1.0.1", ""}, {"bandit", "", "not installed"}};
    content.qualities.push_back(rating);
  }
}

void add_task(record::SampleFileContent& content, const char* label, const char* id, record::TaskStatus status) {
  record::TaskRecord task;
  task.cell.model = label;
  task.cell.prompt_id = id;
  task.task_id = id;
  task.status = status;
  content.tasks.push_back(task);
}

const ModelQuality& find(const std::vector<ModelQuality>& models, std::string_view label) {
  for (const ModelQuality& model : models) {
    if (model.label == label) return model;
  }
  FAIL("no model " << label);
  return models.front();
}

bool holds(const std::string& text, std::string_view piece) { return text.find(piece) != std::string::npos; }

}  // namespace

TEST_CASE("the use case follows from readiness and speed") {
  record::SampleFileContent content;
  add(content, {"fast", 8, 4, "High", 53.1});
  add(content, {"middle", 9.2, 5, "Very High", 25.5});
  add(content, {"slow", 9.1, 5, "Very High", 10.3});
  add(content, {"weak", 4, 2, "Low", 21.7});
  add(content, {"mixed", 6, 3, "Medium", 10.6});
  add(content, {"late", 8, 4, "High", 60.0, 900});
  add(content, {"untimed", 8, 4, "High", std::nullopt});
  const auto models = model_qualities(content);
  CHECK(find(models, "fast").use_case == "real-time applications");
  CHECK(find(models, "middle").use_case == "professional development");
  CHECK(find(models, "slow").use_case == "batch processing");
  CHECK(find(models, "weak").use_case == "general tasks only");
  CHECK(find(models, "mixed").use_case == "research and experimentation");
  CHECK(find(models, "late").use_case == "professional development");
  CHECK(find(models, "untimed").use_case == "development; speed not measured");
  const std::string matrix = quality_matrix(models);
  CHECK(holds(matrix, "★★★★☆"));
  CHECK(holds(matrix, "53.1"));
}

TEST_CASE("the fastest of the ready models is chosen, and what speaks against it is said") {
  record::SampleFileContent content;
  add(content, {"fast", 8, 4, "High", 53.1});
  add(content, {"middle", 9.2, 5, "Very High", 25.5});
  add(content, {"faster-but-weak", 4, 2, "Low", 99});
  add(content, {"untimed", 8, 4, "High", std::nullopt});
  const std::string text = selection_rationale(model_qualities(content));
  CHECK(holds(text, "**fast** is chosen: the fastest of 2 of 4 models"));
  CHECK(holds(text, "53.1 tok/s, TTFT 100 ms; 2.08 times the next, middle (25.5)"));
  CHECK(holds(text, "score 8.0 of 10 on average over 2 answers (8.0 to 8.0)"));
  CHECK(holds(text, "Against it: middle scores 1.2 more, at 48 % of the speed."));
  CHECK(holds(text, "5.0 times what they take"));
  CHECK(holds(text, "untimed was not compared: its speed was not measured."));
}

TEST_CASE("failed tasks bound a model's readiness") {
  record::SampleFileContent content;
  add(content, {"m", 9, 5, "Very High", 50});
  for (int i = 0; i < 3; ++i) add_task(content, "m", ("p" + std::to_string(i)).c_str(), record::TaskStatus::kPass);
  add_task(content, "m", "q", record::TaskStatus::kWrong);
  add_task(content, "m", "h", record::TaskStatus::kHarnessError);
  ModelQuality model = model_qualities(content).front();
  CHECK(model.judged == 4);
  CHECK(model.readiness == "Medium");
  CHECK(model.readiness_reason == "2 of 2 rated answers are at least Very High; 3 of 4 tasks are passed, less than 80 %");
  for (int i = 0; i < 4; ++i) add_task(content, "m", ("w" + std::to_string(i)).c_str(), record::TaskStatus::kException);
  CHECK(model_qualities(content).front().readiness == "Low");
}

TEST_CASE("a task that is not passed and works all the same does not bound readiness") {
  record::SampleFileContent content;
  add(content, {"m", 7.5, 4, "High", 50}, 1);
  add_task(content, "m", "p", record::TaskStatus::kWrong);
  content.tasks.back().cell = content.qualities.back().cell;
  CHECK(model_qualities(content).front().readiness == "Low");
  content.qualities.back().words.push_back({"works", "yes"});
  const ModelQuality model = model_qualities(content).front();
  CHECK(model.readiness == "High");
  CHECK(model.passed == 0);
  CHECK(model.readiness_reason == "1 of 1 rated answers are at least High; 0 of 1 tasks are passed, 1 more works");
}

TEST_CASE("the matrix on a terminal keeps to its columns, whatever names and reasons there are") {
  record::SampleFileContent content;
  const std::string name = std::string(70, 'n') + "\x1b[31m";
  add(content, {name.c_str(), 8, 4, "High", 53.1}, 1);
  add(content, {"späť-模型", 4, 2, "Low", std::nullopt}, 1);
  content.qualities.back().words[2].text = "it fails:\n\tby";
  for (int i = 0; i < 50; ++i) content.qualities.back().words[2].text += " words";
  for (const std::size_t width : {std::size_t{10}, std::size_t{60}, std::size_t{80}, std::size_t{200}}) {
    CAPTURE(width);
    std::string text = quality_terminal(model_qualities(content), width);
    for (const record::QualityRecord& one : content.qualities) text += rated_answer_terminal(one, "sandbox_violation", width);
    CHECK(holds(text, "★★★★☆   8.0"));
    CHECK(holds(text, "real-time applications: mean 4.0 of 5 stars"));
    CHECK(holds(text, "- Speed: 53.1 tok/s"));
    CHECK_FALSE(holds(text, "\x1b"));
    CHECK_FALSE(holds(text, "**"));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) CHECK_MESSAGE(display_width(line) <= std::max<std::size_t>(width, 60), line);
  }
  CHECK(quality_terminal({}, 80).empty());
}

TEST_CASE("the page shows matrix, choice and each answer, and nothing in it can act as markup") {
  record::SampleFileContent content;
  CHECK(quality_html(content).empty());
  add(content, {"<b>fast</b>", 8, 4, "High", 53.1}, 1);
  add(content, {"weak", 4, 2, "Low", 20}, 1);
  const std::string page = quality_html(content);
  CHECK(holds(page, "&lt;b&gt;fast&lt;/b&gt;</b> is chosen: the fastest of 1 of 2 models"));
  CHECK(holds(page, "★★★★☆ 8.0 of 10"));
  CHECK(holds(page, "<li>raises ValueError (line 3)</li>"));
  CHECK(holds(page, "general tasks only"));
  CHECK(holds(page, "<td class=\"n\">9 of 10</td>"));
  CHECK_FALSE(holds(page, "<script>"));
  CHECK_FALSE(holds(page, "<b>fast</b>"));
}

TEST_CASE("KPIs are shown with what they are measured in") {
  record::SampleFileContent content;
  add(content, {"m", 8, 4, "High", 50}, 1);
  content.qualities.back().values = {{"quality_score", 8.0, "why"},
                                     {"stars", 4.0, "why"},
                                     {"completeness", 9.5, "counted"},
                                     {"type_compliance_percent", 33.3, "counted"},
                                     {"security_findings", 2.0, "counted"}};
  const std::string text = code_quality_section(content, "m");
  CHECK(holds(text, "| 9.5 of 10 |"));
  CHECK(holds(text, "| 33.3 % |"));
  CHECK(holds(text, "| 2 |"));
}

TEST_CASE("without a ready model none is chosen, and without ratings nothing is said") {
  record::SampleFileContent content;
  CHECK(code_quality_section(content, "m").empty());
  CHECK(selection_rationale({}).empty());
  CHECK(quality_matrix({}).empty());
  add(content, {"m", 6, 3, "Medium", 50});
  const std::string text = selection_rationale(model_qualities(content));
  CHECK(holds(text, "No model is chosen: none reaches the readiness High. The best code is m's: score 6.0 of 10, readiness Medium"));
  content.qualities.clear();
  record::QualityRecord failed;
  failed.source = "rating";
  failed.cell.model = "m";
  failed.cell.prompt_id = "p";
  failed.status = record::Status::kFailed;
  failed.failure = {"not_rated", "python ast not installed"};
  content.qualities.push_back(failed);
  CHECK(holds(code_quality_section(content, "m"), "Not rated: python ast not installed"));
  CHECK(holds(quality_matrix(model_qualities(content)), "no answer could be rated"));
}

TEST_CASE("the section shows each answer with evidence, and nothing in it can act as markup") {
  record::SampleFileContent content;
  add(content, {"m", 8, 4, "High", 50}, 1);
  content.qualities.push_back(content.qualities.front());  // written again by a later scoring: the last counts
  content.qualities.back().values[0].value = 7.5;
  const std::string text = code_quality_section(content, "m");
  CHECK(holds(text, "## Code quality"));
  CHECK(holds(text, "(7.5 of 10)"));
  CHECK_FALSE(holds(text, "(8.0 of 10)"));
  CHECK(holds(text, "9 of 10 units are done"));
  CHECK(holds(text, "bandit not installed"));
  CHECK(holds(text, "Tools: mypy 1.0.1; bandit: not installed"));
  CHECK_FALSE(holds(text, "<script>"));
  CHECK(code_quality_section(content, "other").empty());
}
