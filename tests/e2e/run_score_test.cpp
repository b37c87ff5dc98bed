#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "workplace.h"

using namespace qbench;
using namespace qbench::test;
using nlohmann::json;
using record::TaskStatus;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A suite of one task and one prompt without; returns its file.
std::string write_suite(const Workplace& place) {
  const auto folder = place.path() / "own";
  write_file(
      folder / "suite.json",
      R"({"title": "Own", "description": "A task and a prompt.", "defaults": {"max_new_tokens": 8, "gen_tokens": 4, "temperature": 0.7},
    "prompts": [{"id": "double", "language": "python", "task": "double"}, {"id": "chat", "turns": [{"text": "Say A.", "prompt_tokens": 6}]}]})");
  write_file(folder / "double" / "prompt.txt", "Write double(x).");
  write_file(folder / "double" / "task.json",
             R"({"cases": [{"call": "double", "args": [2], "returns": 4}, {"call": "double", "args": [-3], "returns": -6}]})");
  write_file(folder / "double" / "reference" / "solution.py", "def double(x):\n    return 2 * x\n");
  write_file(folder / "double" / "wrong" / "square" / "solution.py", "def double(x):\n    return x * x\n");
  write_file(folder / "double" / "wrong" / "absolute" / "solution.py", "def double(x):\n    return 2 * abs(x)\n");
  return (folder / "suite.json").string();
}

std::vector<std::string> score_run(const Workplace& place, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = place.run(place.model(), {"--suite", write_suite(place), "--pass", "text", "--score"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// Whether the machine lacks what the sandbox needs, which is then said.
bool skipped(const Outcome& outcome, const char* name) {
  if (outcome.status != 2 || !contains(outcome.err, "sandbox:")) return false;
  report_skip(name, outcome.err);
  return true;
}

/// Puts `text` in place of what the model wrote to `prompt`, and takes out what was found out about it: as if the run had been stopped
/// before.
void script_answer(const std::filesystem::path& folder, const std::string& prompt, const std::string& text) {
  std::istringstream lines(read_file(folder / "samples.jsonl"));
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    json object = json::parse(line);
    const std::string kind = object["kind"];
    if (kind == "task" || kind == "quality") continue;
    if (kind == "sample" && object["cell"]["prompt_id"] == prompt && object["phase"] == "timed") object["sequences"][0]["text"] = text;
    out += object.dump() + "\n";
  }
  write_file(folder / "samples.jsonl", out);
}

}  // namespace

TEST_CASE("--score judges, repairs, rates and ranks what the text pass wrote, and every report says so") {
  const Workplace place;
  const Outcome run = place.qbench(score_run(place, {"--n-samples", "2", "--k", "1,2", "--max-iterations", "2"}));
  if (skipped(run, "--score judges")) return;
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const Results results = read_results(place.results());
  std::size_t first_attempts = 0;
  for (const record::TaskRecord& task : results.content.tasks) {
    CHECK(task.task_id == "double");
    CHECK(task.cell.prompt_id == "double");
    CHECK(task.status != TaskStatus::kPass);  // the weights are random
    CHECK_MESSAGE(task.status != TaskStatus::kHarnessError, task.detail);
    CHECK(task.judge == "outside");
    CHECK(!task.sandbox_level.value_or("").empty());
    CHECK(task.answer_tokens.value_or(0) > 0);
    first_attempts += task.iteration == 1 ? 1 : 0;
  }
  CHECK(first_attempts == 2);
  CHECK(results.content.tasks.size() > 2);  // repairs
  CHECK(results.cell("tiny", "double", "text", "success_ratio") == "0");
  CHECK(results.cell("tiny", "double", "text", "tasks_judged") == "2");
  CHECK(results.cell("tiny", "double", "text", "mean_iterations") == "2");
  CHECK(results.cell("tiny", "double", "text", "pass_k") == "2");
  CHECK(results.cell("tiny", "chat", "text", "tasks_judged").empty());
  for (const char* source : {"rating", "relevance"}) {
    for (const char* prompt : {"double", "chat"}) {
      const auto found = std::count_if(results.content.qualities.begin(), results.content.qualities.end(),
                                       [&](const auto& one) { return one.source == source && one.cell.prompt_id == prompt; });
      CHECK_MESSAGE(found == 1, source << " of " << prompt);
    }
  }
  CHECK(contains(run.out, "pass@2"));
  CHECK(contains(read_file(results.folder / "quality.csv"), "pass_at_2_ratio_ci_high"));
  const std::string junit = read_file(results.folder / "junit.xml");
  CHECK(contains(junit, "task[own/double double]"));
  CHECK(contains(junit, "type=\"TaskFailed\""));
  CHECK(contains(read_file(results.folder / "report.html"), "<section id=\"tasks\">"));
  bool markdown = false;
  for (const auto& entry : std::filesystem::directory_iterator(results.folder))
    markdown = markdown || (entry.path().extension() == ".md" && contains(read_file(entry.path()), "## Tasks"));
  CHECK(markdown);
  // A run that is complete is not judged again.
  const std::size_t lines = count_lines(read_file(results.folder / "samples.jsonl"));
  const Outcome again = place.qbench({"run", "--resume", results.folder.string()});
  CHECK_MESSAGE(again.status == 0, again.err);
  CHECK(count_lines(read_file(results.folder / "samples.jsonl")) == lines);
}

TEST_CASE("a right answer passes, whatever is said around it, and a resumed run judges only what was not judged") {
  const Workplace place;
  const Outcome run = place.qbench(score_run(place, {"--no-relevance"}));
  if (skipped(run, "a right answer passes")) return;
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const auto folder = only_folder(place.results());
  script_answer(
      folder, "double",
      "<think>easy</think>Sure!\n\n```python\ndef double(x):\n    return 2 * x\n```\n\nExample:\n\n```python\nprint(double(2))\n```\n");
  const Outcome resumed = place.qbench({"run", "--resume", folder.string()});
  REQUIRE_MESSAGE(resumed.status == 0, resumed.err);
  Results results = read_results(place.results());
  REQUIRE(results.content.tasks.size() == 1);
  CHECK_MESSAGE(results.content.tasks[0].status == TaskStatus::kPass, results.content.tasks[0].detail);
  CHECK(results.content.tasks[0].cases_passed == 2);
  CHECK(results.content.tasks[0].rule.value_or("fenced") == "fenced");
  CHECK(results.cell("tiny", "double", "text", "success_ratio") == "1");
  CHECK(results.cell("tiny", "double", "text", "first_attempt_success_ratio") == "1");
  CHECK(results.cell("tiny", "double", "text", "stars") != "1");
  // A wrong one fails with the case that shows it.
  script_answer(folder, "double", "```python\ndef double(x):\n    return 2 * abs(x)\n```");
  CHECK(place.qbench({"run", "--resume", folder.string()}).status == 0);
  results = read_results(place.results());
  REQUIRE(results.content.tasks.size() == 1);
  CHECK(results.content.tasks[0].status == TaskStatus::kWrong);
  CHECK(contains(results.content.tasks[0].detail, "-3"));
  CHECK(results.cell("tiny", "double", "text", "success_ratio") == "0");
}

TEST_CASE("answers in stages are judged by their last stage and cost what all of them took, further ones and a resumed run's too") {
  const Workplace place;
  // Greedy by its settings, drawn by its stages: two answers can differ.
  const Outcome run = place.qbench(
      place.run(place.model("thinker"), {"--suite", write_suite(place), "--prompts", "double", "--pass", "text", "--score", "--stages",
                                         "--ignore-eos", "--n-samples", "2", "--temperature", "0", "--max-thinking-tokens", "4"}));
  if (skipped(run, "answers in stages")) return;
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const auto check = [&](const Results& results) {
    double seconds = 0;
    std::int64_t tokens = 0;
    for (const record::SampleRecord& sample : results.content.samples) {
      if (sample.phase != record::Phase::kTimed) continue;
      seconds += sample.metrics[record::MetricId::kE2eMs].value() / 1e3;
      tokens += static_cast<std::int64_t>(sample.sequences.front().output_ids.size());
    }
    REQUIRE(results.content.tasks.size() == 2);
    CHECK(tokens == 6 + 9 + 9 + 7);
    CHECK(results.content.tasks[0].generation_s.value() == doctest::Approx(seconds));
    for (const record::TaskRecord& task : results.content.tasks) {
      CHECK_MESSAGE(task.status != TaskStatus::kHarnessError, task.detail);
      CHECK(task.answer_tokens == tokens);
      CHECK(task.cell.turn == 4);
    }
  };
  const Results whole = read_results(place.results());
  check(whole);
  // The prompt that the answer is ranked for is the one without stages, and is not among the others.
  for (const record::QualityRecord& quality : whole.content.qualities)
    if (quality.source == "relevance") CHECK_MESSAGE(quality.status == record::Status::kOk, quality.failure.message);
  // Killed before anything was judged: nothing is left to write but the further answers, whose thoughts are closed as before.
  std::string kept;
  std::istringstream lines(read_file(whole.folder / "samples.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    const std::string kind = json::parse(line)["kind"];
    if (kind != "task" && kind != "quality") kept += line + "\n";
  }
  write_file(whole.folder / "samples.jsonl", kept);
  const Outcome resumed = place.qbench({"run", "--resume", whole.folder.string()});
  REQUIRE_MESSAGE(resumed.status == 0, resumed.err);
  check(read_results(place.results()));
}

TEST_CASE("an answer of ten megabytes, null bytes or none at all is judged, and the rest of the run stands") {
  const Workplace place;
  const Outcome run = place.qbench(score_run(place, {"--no-relevance"}));
  if (skipped(run, "an answer of ten megabytes")) return;
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const auto folder = only_folder(place.results());
  const std::string huge = "```python\n" + std::string(std::size_t{10} << 20, '#') + "\n```";
  for (const std::string& answer :
       {huge, std::string("```python\ndef double(x):\n    return '\0'\n```", 44), std::string(), std::string("\xEF\xBF\xBD\xEF\xBF\xBD")}) {
    CAPTURE(answer.substr(0, 40));
    script_answer(folder, "double", answer);
    const Outcome resumed = place.qbench({"run", "--resume", folder.string(), "-q"});
    CHECK_MESSAGE(resumed.status == 0, resumed.err);
    const Results results = read_results(place.results());
    REQUIRE(results.content.tasks.size() == 1);
    CHECK(results.content.tasks[0].status != TaskStatus::kPass);
    CHECK_MESSAGE(results.content.tasks[0].status != TaskStatus::kHarnessError, results.content.tasks[0].detail);
  }
}

TEST_CASE("what cannot be scored is refused in a line before anything is loaded") {
  const Workplace place;
  const auto refused = [&](const std::string& models, const std::vector<std::string>& more, const std::string& words) {
    std::vector<std::string> arguments = place.run(models, {"--suite", write_suite(place)});
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = place.qbench(arguments);
    CHECK_MESSAGE(outcome.status == 2, outcome.out << outcome.err);
    CHECK_MESSAGE(contains(outcome.err, words), outcome.err);
    CHECK(count_lines(outcome.err) == 1);
    CHECK_FALSE(std::filesystem::exists(place.results()));
  };
  refused(place.model() + ",synthetic:small", {"--score"}, "synthetic weights");
  refused(place.model(), {"--score", "--pass", "speed"}, "has none (--pass speed)");
  refused(place.model(), {"--score", "--k", "10"}, "--n-samples 10");
  refused(place.model(), {"--score", "--k", "1,x"}, "comma-separated");
  refused(place.model(), {"--score", "--n-samples", "3", "--temperature", "0"}, "would all be the same");
  refused(place.model(), {"--score", "--n-samples", "0"}, "--n-samples");
  refused(place.model(), {"--score", "--sandbox", "jail"}, "there are bwrap+cgroup, bwrap and rlimits");
  refused(place.model(), {"--score", "--sandbox", "rlimits"}, "--unsafe");
  refused(place.model(), {"--score", "--unsafe"}, "goes with --sandbox=rlimits only");
  refused(place.model(), {"--max-iterations", "3"}, "add it");
}

TEST_CASE("--dry-run says what will be judged") {
  const Workplace place;
  const Outcome plan = place.qbench(score_run(place, {"--dry-run", "--n-samples", "4", "--k", "1,4", "--max-iterations", "3"}));
  if (skipped(plan, "--dry-run says")) return;
  REQUIRE_MESSAGE(plan.status == 0, plan.err);
  CHECK(contains(plan.out, "scoring: 1 task, 4 answers to each, pass@1, pass@4; sandbox "));
  CHECK(contains(plan.out, "up to 3 attempts"));
  CHECK(contains(plan.out, "double: double, python"));
}

TEST_CASE("score DIR judges and rates a run's saved answers, keeps verdicts, and writes the reports again") {
  const Workplace place;
  const Outcome run = place.qbench(place.run(place.model(), {"--suite", write_suite(place), "--pass", "text"}));
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const auto folder = only_folder(place.results());
  script_answer(folder, "double",
                "```python\ndef double(x: int) -> int:\n    \"\"\"Return twice the number.\"\"\"\n    return 2 * x\n```\n");
  const Outcome lost = place.qbench({"score", folder.string()});
  if (skipped(lost, "score DIR")) return;
  CHECK(contains(lost.err, "--suite names it"));
  CHECK(contains(lost.out, "not judged"));
  const std::string suite = (place.path() / "own" / "suite.json").string();
  const Outcome scored = place.qbench({"score", folder.string(), "--suite", suite, "--json"});
  REQUIRE_MESSAGE(scored.status == 0, scored.err);
  std::vector<json> rows;
  std::istringstream lines(scored.out);
  for (std::string line; std::getline(lines, line);) rows.push_back(json::parse(line));
  REQUIRE(rows.size() >= 2);
  const json& row = rows.front();
  CHECK(row["status"] == "pass");
  CHECK(row["stars"]["value"] == 5.0);
  CHECK(row["documentation"]["value"].is_number());
  CHECK(row["tools"].size() >= 3);
  CHECK(rows.back()["summary"] == true);
  CHECK(rows.back()["models"][0]["passed"] == 1);
  Results results = read_results(place.results());
  CHECK(results.content.tasks.size() == 1);
  CHECK(results.cell("tiny", "double", "text", "success_ratio") == "1");
  CHECK(results.cell("tiny", "double", "text", "stars") == "5");
  // The verdict stands: the second scoring rates again and judges nothing.
  const Outcome again = place.qbench({"score", folder.string(), "--suite", suite});
  REQUIRE_MESSAGE(again.status == 0, again.err);
  CHECK(read_results(place.results()).content.tasks.size() == 1);
  CHECK(contains(again.out, "report files are written again in"));
  CHECK(contains(read_file(only_folder(place.results()) / "report.html"), "double"));
  const Outcome foreign = place.qbench({"score", folder.string(), "--suite", "two"});
  CHECK(foreign.status == 2);
  CHECK_MESSAGE(contains(foreign.err, "it has none of the run's prompts (chat, double)"), foreign.err);
  const Outcome answers = place.qbench({"score", folder.string(), "--answers", "x"});
  CHECK(answers.status == 2);
  CHECK(place.qbench({"score", (place.path() / "nowhere").string()}).status == 2);
  CHECK(contains(place.qbench({"score", place.path().string()}).err, "has no run.json"));
}
