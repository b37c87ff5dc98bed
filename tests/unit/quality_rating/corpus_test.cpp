#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text_file.h"
#include "quality/rating/rating.h"
#include "quality/rating/web_check.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::quality;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<sandbox::Sandbox> open_sandbox(const char* test) {
  try {
    return sandbox::Sandbox::open({});
  } catch (const Error& error) {
    test::report_skip(test, error.what());
    return nullptr;
  }
}

/// One labelled prompt.
struct Labelled {
  fs::path folder;
  std::string name, prompt;
  json expected;
  workload::Task task;
  std::string answer(const std::string& kind) const { return read_text_file(folder / (kind + ".md")); }
};

std::vector<Labelled> read_corpus() {
  std::vector<Labelled> all;
  for (const auto& entry : fs::directory_iterator(test::fixtures_dir() / "quality" / "rating")) {
    if (!entry.is_directory()) continue;
    Labelled one{entry.path(),
                 entry.path().filename().string(),
                 read_text_file(entry.path() / "prompt.txt"),
                 json::parse(read_text_file(entry.path() / "expected.json")),
                 {}};
    one.task.language = one.expected.at("language").get<std::string>();
    if (one.expected.contains("checks")) {
      one.task.kind = workload::TaskKind::kChecks;
      one.task.checks = one.expected["checks"].dump();
    }
    all.push_back(std::move(one));
  }
  return all;
}

bool has_tools(const std::string& language, const char* test) {
  const ToolPaths tools;
  std::vector<std::string> needed{tools.python, tools.mypy, tools.bandit, tools.coverage_module, tools.pytest_module};
  if (language == "typescript") needed = {tools.node, tools.typescript};
  if (language == "cpp") needed = {tools.python, tools.gxx};
  for (const std::string& path : needed) {
    if (fs::exists(path)) continue;
    test::report_skip(test, path + " is not there: scripts/setup.sh --quality");
    return false;
  }
  return true;
}

struct Rated {
  Rating rating;
  std::optional<CheckReport> checks;
};

Rated rate(const sandbox::Sandbox& sandbox, const Rater& rater, const Labelled& one, const std::string& answer) {
  Rated rated;
  std::optional<Correctness> correctness;
  if (one.task.kind == workload::TaskKind::kChecks) {
    rated.checks = check_web_service(sandbox, {}, one.task, answer_files(answer, one.task).files);
    correctness = rated.checks->correctness();
  }
  rated.rating = rater.rate_answer(answer, one.task, one.prompt, correctness);
  return rated;
}

std::string planted(std::string answer, const json& defect) {
  for (const json& pair : defect.value("replace", json::array())) {
    const std::string from = pair.at(0).get<std::string>(), to = pair.at(1).get<std::string>();
    std::size_t at = answer.find(from);
    INFO("looked for: " << from);
    REQUIRE(at != std::string::npos);
    for (; at != std::string::npos; at = answer.find(from, at + to.size())) answer.replace(at, from.size(), to);
  }
  if (defect.contains("cut_after")) {
    const std::string end = defect["cut_after"].get<std::string>();
    const std::size_t at = answer.find(end);
    REQUIRE(at != std::string::npos);
    answer.resize(at + end.size());
  }
  return answer;
}

const KpiInfo& kpi_named(const std::string& name) {
  for (const KpiInfo& info : kpi_catalog()) {
    if (info.name == name) return info;
  }
  FAIL("no KPI " << name);
  return kpi_catalog().front();
}

std::string text_of_value(const KpiValue& value) {
  return (value.value ? std::to_string(*value.value) : std::string("none")) + " (" + value.evidence + ")";
}

/// The planted defect moved what it should have and nothing that it should not.
void check_moves(const Rated& good, const Rated& worse, const json& defect) {
  for (const json& name : defect.at("lower")) {
    const KpiInfo& info = kpi_named(name.get<std::string>());
    const KpiValue &before = good.rating.kpi(info.kpi), &after = worse.rating.kpi(info.kpi);
    CAPTURE(info.name);
    CAPTURE(text_of_value(before));
    CAPTURE(text_of_value(after));
    REQUIRE(before.value.has_value());
    REQUIRE(after.value.has_value());
    CHECK((info.higher_is_better ? *after.value < *before.value : *after.value > *before.value));
  }
  for (const json& name : defect.at("same")) {
    const KpiInfo& info = kpi_named(name.get<std::string>());
    CAPTURE(info.name);
    CAPTURE(text_of_value(worse.rating.kpi(info.kpi)));
    CHECK(worse.rating.kpi(info.kpi).value == good.rating.kpi(info.kpi).value);
  }
  if (defect.contains("says")) {
    const std::string words = defect["says"].get<std::string>();
    std::string all;
    for (const std::string& one : worse.rating.limitations) all += one + "\n";
    CAPTURE(all);
    CHECK(all.find(words) != std::string::npos);
  }
  if (!defect.contains("check")) return;
  REQUIRE(worse.checks.has_value());
  for (const Check& check : worse.checks->checks) {
    if (check.name != defect["check"].get<std::string>()) continue;
    CAPTURE(check.evidence);
    CHECK(check.result == CheckResult::kFailed);
    CHECK(worse.checks->status != record::TaskStatus::kPass);
  }
}

}  // namespace

TEST_CASE("good, mediocre and broken answers to the same prompt come out in this order") {
  const char* name = "labelled answers in order";
  const auto sandbox = open_sandbox(name);
  if (!sandbox) return;
  const Rater rater(*sandbox);
  const std::vector<Labelled> corpus = read_corpus();
  CHECK(corpus.size() >= 6);
  for (const Labelled& one : corpus) {
    if (!has_tools(one.task.language, name)) continue;
    CAPTURE(one.name);
    const Rated good = rate(*sandbox, rater, one, one.answer("good"));
    const Rated mediocre = rate(*sandbox, rater, one, one.answer("mediocre"));
    const Rated broken = rate(*sandbox, rater, one, one.answer("broken"));
    for (const Rated* rated : {&good, &mediocre, &broken}) REQUIRE(rated->rating.quality_score.has_value());
    CAPTURE(good.rating.stars_reason);
    CAPTURE(mediocre.rating.stars_reason);
    CAPTURE(broken.rating.stars_reason);
    CHECK(*good.rating.quality_score > *mediocre.rating.quality_score);
    CHECK(*mediocre.rating.quality_score > *broken.rating.quality_score);
    CHECK(*good.rating.stars >= 4);
    CHECK(*mediocre.rating.stars < *good.rating.stars);
    CHECK(*mediocre.rating.stars > *broken.rating.stars);
    CHECK(*broken.rating.stars == 1);
    CHECK(good.rating.readiness >= Readiness::kHigh);
    CHECK(broken.rating.readiness == Readiness::kLow);
    CHECK_FALSE(good.rating.strengths.empty());
    CHECK_FALSE(broken.rating.limitations.empty());
  }
}

TEST_CASE("each planted defect moves the KPI that it should") {
  const char* name = "planted defects";
  const auto sandbox = open_sandbox(name);
  if (!sandbox) return;
  const Rater rater(*sandbox);
  for (const Labelled& one : read_corpus()) {
    if (!has_tools(one.task.language, name)) continue;
    CAPTURE(one.name);
    const std::string answer = one.answer("good");
    const Rated good = rate(*sandbox, rater, one, answer);
    for (const json& defect : one.expected.at("defects")) {
      CAPTURE(defect.at("name").get<std::string>());
      const Rated worse = rate(*sandbox, rater, one, planted(answer, defect));
      CHECK(worse.rating.quality_score <= good.rating.quality_score);
      check_moves(good, worse, defect);
    }
  }
}

TEST_CASE("a web service is started, and what is checked is said with its line") {
  const char* name = "web service";
  const auto sandbox = open_sandbox(name);
  if (!sandbox || !has_tools("python", name)) return;
  for (const Labelled& one : read_corpus()) {
    if (one.task.kind != workload::TaskKind::kChecks) continue;
    const CheckReport report = check_web_service(*sandbox, {}, one.task, answer_files(one.answer("good"), one.task).files);
    CAPTURE(report.detail);
    CHECK(report.status == record::TaskStatus::kPass);
    CHECK(report.checks.size() == 9);
    const Check& start = report.checks.back();
    CAPTURE(start.evidence);
    if (start.result == CheckResult::kUnknown) {
      test::report_skip(name, start.evidence);
    } else {
      CHECK(start.evidence.find("gives 200") != std::string::npos);
      CHECK(report.passed() == 9);
    }
    // Without a model of that name in the code it is another model's server.
    workload::Task other = one.task;
    other.checks = R"({"model": "google/vit-base"})";
    CHECK(check_web_service(*sandbox, {}, other, answer_files(one.answer("good"), one.task).files).status == record::TaskStatus::kWrong);
  }
}

TEST_CASE("services of other shapes are started too, and each fails by what is wrong with it") {
  const char* name = "services";
  const auto sandbox = open_sandbox(name);
  if (!sandbox || !has_tools("python", name)) return;
  struct Case {
    const char* file;
    record::TaskStatus status;
    const char* detail;
  };
  const Case cases[] = {
      {"startup-event", record::TaskStatus::kPass, "9 of 9"},
      {"two-files", record::TaskStatus::kPass, "9 of 9"},
      {"batch-lifespan", record::TaskStatus::kPass, "9 of 9"},
      {"link-in-query", record::TaskStatus::kPass, "9 of 9"},
      {"link-unhandled", record::TaskStatus::kWrong, "errors handled: a model that fails leaves the application"},
      {"raises-at-start", record::TaskStatus::kException, "KeyError: 'port'"},
      {"never-answers", record::TaskStatus::kWallTimeout, "cut off after 8 s"},
  };
  workload::Task task;
  task.language = "python";
  task.kind = workload::TaskKind::kChecks;
  task.paths = {"solution.py"};
  task.checks = R"({"model": "Falconsai/nsfw_image_detection"})";
  RaterOptions options;
  for (const Case& one : cases) {
    options.tool_wall_s = std::string(one.file) == "never-answers" ? 8 : 60;
    CAPTURE(one.file);
    const std::string answer = read_text_file(test::fixtures_dir() / "quality" / "services" / (std::string(one.file) + ".md"));
    const CheckReport report = check_web_service(*sandbox, options, task, answer_files(answer, task).files);
    CAPTURE(report.detail);
    if (report.detail.find("not known: starts and answers") != std::string::npos) {
      test::report_skip(name, report.detail);
      return;
    }
    CHECK(report.status == one.status);
    CHECK(report.detail.find(one.detail) != std::string::npos);
  }
}

TEST_CASE("a service that works and lacks good practice is a draft or better, one that hides its errors has fewer stars") {
  const char* name = "working services";
  const auto sandbox = open_sandbox(name);
  if (!sandbox || !has_tools("python", name)) return;
  workload::Task task;
  task.language = "python";
  task.kind = workload::TaskKind::kChecks;
  task.checks = R"({"model": "Falconsai/nsfw_image_detection"})";
  const Rater rater(*sandbox);
  const auto rated = [&](const char* file) {
    const std::string answer = read_text_file(test::fixtures_dir() / "quality" / "services" / (std::string(file) + ".md"));
    const CheckReport report = check_web_service(*sandbox, {}, task, answer_files(answer, task).files);
    CHECK(report.status == record::TaskStatus::kWrong);
    return rater.rate_answer(answer, task, "", report.correctness());
  };
  const Rating basic = rated("link-basic");
  CAPTURE(basic.stars_reason);
  CHECK(basic.works);
  CHECK(basic.stars == 4);
  CHECK(basic.readiness == Readiness::kHigh);
  CHECK(basic.stars_reason.find("input validated") != std::string::npos);
  const Rating hidden = rated("errors-hidden");
  CAPTURE(hidden.stars_reason);
  if (hidden.stars_reason.find("a model that fails gives status 200") == std::string::npos) {
    test::report_skip(name, "the service was not started: python3-fastapi and its companions");
    return;
  }
  CHECK(hidden.works);
  CHECK(hidden.stars == 3);
}
