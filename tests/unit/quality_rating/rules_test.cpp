#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/text_file.h"
#include "quality/rating/evidence.h"
#include "quality/rating/rating_record.h"

using namespace qbench::quality;
using Names = std::vector<std::string>;

namespace {

/// Evidence of a file with one good function, to be made worse.
Evidence plain() {
  Evidence evidence;
  evidence.language = "python";
  SourceFacts file;
  file.path = "solution.py";
  file.lines = file.code_lines = 20;
  file.comment_lines = 4;
  file.head_comment = true;
  evidence.facts.files.push_back(file);
  FunctionFacts one;
  one.file = file.path;
  one.name = "f";
  one.line = one.start = 3;
  one.end_line = 12;
  one.lines = 10;
  one.complexity = 2;
  one.slots = one.typed = 4;
  one.documented = one.is_public = true;
  one.body = "ok";
  evidence.facts.functions.push_back(one);
  evidence.diagnostics.emplace();
  evidence.security.emplace();
  return evidence;
}

Rating judged(const Evidence& evidence) {
  Rating rating;
  rating.kpis = rate_kpis(evidence);
  judge_rating(evidence, rating);
  write_sentences(evidence, rating);
  return rating;
}

Correctness verdict(qbench::record::TaskStatus status, std::int64_t passed, std::int64_t total) {
  return {status, passed, total, "tests", ""};
}

}  // namespace

TEST_CASE("names in backticks are asked for, unless their absence is") {
  CHECK(names_asked("Write `SearchBox` that queries `GET /api/search?q=` with `const Value* get(const Key& key)`.") ==
        Names{"SearchBox", "/api/search", "get"});
  CHECK(names_asked("`--since` and `--until` take times; `.gz` files too; `-` is standard input, `.5` a number") == Names{"--since", "--until", ".gz"});
  CHECK(names_asked("strict TypeScript without `anything`, not `evalAll()`; `good`") == Names{"good"});
  CHECK(names_asked("`LruCache<Key, Value>` and `None`, `x`, `two words`, `lost\n`") == Names{"LruCache"});
  CHECK(names_asked("```python\nuse `this`\n```\nand `that_one` and `that_one`") == Names{"that_one"});
  CHECK(names_asked("` `` ``` ````").empty());
}

TEST_CASE("tests are asked for by their words") {
  CHECK(asks_for_tests("with type hints, and pytest tests for the parser"));
  CHECK(asks_for_tests("a `main` that tests every requirement with assertions"));
  CHECK_FALSE(asks_for_tests("write the function without tests"));
  CHECK_FALSE(asks_for_tests("write the fastest function; no tests"));
  CHECK_FALSE(asks_for_tests("the latest contests"));
}

TEST_CASE("a name is found as a whole word only") {
  CHECK(has_name("def total_value(self)", "total_value"));
  CHECK_FALSE(has_name("subtotal_value", "total_value"));
  CHECK(has_name("parser.add_argument(\"--json\")", "--json"));
  CHECK_FALSE(has_name("--jsonl", "--json"));
  CHECK(has_name("x.gz", ".gz"));
}

TEST_CASE("what passes its tests can have five stars, what was not run four, what fails two") {
  Evidence evidence = plain();
  CHECK(judged(evidence).stars == 4);
  CHECK(judged(evidence).stars_reason == "it was not run, so five stars are out of reach");
  evidence.correctness = verdict(qbench::record::TaskStatus::kPass, 5, 5);
  CHECK(judged(evidence).stars == 5);
  CHECK(judged(evidence).readiness == Readiness::kVeryHigh);
  evidence.correctness = verdict(qbench::record::TaskStatus::kWrong, 4, 5);
  CHECK(judged(evidence).stars == 2);
  CHECK(judged(evidence).readiness == Readiness::kLow);
  CHECK(judged(evidence).limitations.front() == "it passes only 4 of 5 tests (status wrong)");
  evidence.correctness = verdict(qbench::record::TaskStatus::kHarnessError, 0, 0);
  CHECK(judged(evidence).stars == 4);  // the harness's own failure is no verdict
}

TEST_CASE("what does not parse has one star however well it is written") {
  Evidence evidence = plain();
  evidence.correctness = verdict(qbench::record::TaskStatus::kPass, 5, 5);
  evidence.facts.files[0].parse_error = "invalid syntax";
  evidence.facts.files[0].parse_error_line = 7;
  const Rating rating = judged(evidence);
  CHECK(rating.stars == 1);
  CHECK(rating.stars_reason == "solution.py does not parse (line 7): invalid syntax");
  CHECK(rating.kpi(Kpi::kCompleteness).value == 0.0);
  CHECK_FALSE(rating.kpi(Kpi::kStructure).value.has_value());
}

TEST_CASE("a score is the weighted mean of what is known") {
  Evidence evidence = plain();
  evidence.correctness = verdict(qbench::record::TaskStatus::kPass, 1, 1);
  evidence.facts.functions[0].documented = false;  // 0 of 1 documented: 1 + 2 points of ten
  const Rating rating = judged(evidence);
  CHECK(rating.kpi(Kpi::kDocumentation).value == doctest::Approx(3.0));
  // correctness 4, completeness 2, documentation 1, types 1, security 0.5, structure 0.5; no risks and no tests
  CHECK(*rating.quality_score == doctest::Approx(10 - 7.0 / 9).epsilon(0.01));
  CHECK(rating.stars_reason.find("held down most by Documentation 3 of 10") != std::string::npos);
}

TEST_CASE("a service that works and fails checks of how well is limited by the gravest of them") {
  Evidence evidence = plain();
  const auto with = [&](const std::string& check) {
    evidence.correctness =
        Correctness{qbench::record::TaskStatus::kWrong, 8, 9, "checks", check + ": because", score_limit_of_check(check)};
    return judged(evidence);
  };
  CHECK(with("endpoint for images").stars == 2);
  CHECK_FALSE(with("endpoint for images").works);
  CHECK(with("errors handled").stars == 3);
  CHECK(with("input validated").stars == 4);
  CHECK(with("input validated").works);
  CHECK(with("input validated").stars_reason == "it passes only 8 of 9 checks (status wrong): input validated: because");
  qbench::workload::Task task;
  task.kind = qbench::workload::TaskKind::kChecks;
  Verdict stored;  // as a run's records keep it
  stored.status = qbench::record::TaskStatus::kWrong;
  stored.detail = "8 of 9 checks passed; errors handled: a model that fails gives status 200";
  CHECK(correctness_of(stored, task)->score_limit == 6.9);
  stored.detail = "3 of 9 checks passed; starts and answers: KeyError: 'input validated'";
  CHECK(correctness_of(stored, task)->score_limit == 4.9);
}

TEST_CASE("own tests stand for a judge where they reach half of the code") {
  Evidence evidence = plain();
  evidence.has_tests = true;
  evidence.coverage.emplace();
  evidence.coverage->passed = 2;
  CoverageFacts::File file{"solution.py", {1, 2, 3, 4}, {5, 6, 7, 8, 9}};
  evidence.coverage->files = {file};
  CHECK(judged(evidence).stars == 4);
  CHECK(judged(evidence).stars_reason == "its own tests reach less than half of its lines, so five stars are out of reach");
  evidence.coverage->files[0].missing.resize(1);
  CHECK(judged(evidence).stars == 5);
  evidence.coverage->failed = 1;
  CHECK(judged(evidence).stars == 3);
}

TEST_CASE("code in which nothing can be counted as done does not have four stars") {
  Evidence evidence = plain();
  evidence.facts.functions.clear();
  CHECK_FALSE(judged(evidence).kpi(Kpi::kCompleteness).value.has_value());
  CHECK(*judged(evidence).stars <= 3);
  evidence.correctness = verdict(qbench::record::TaskStatus::kPass, 1, 1);
  CHECK(*judged(evidence).stars >= 4);
}

TEST_CASE("tests that were asked for and are not there are a limitation") {
  Evidence evidence = plain();
  evidence.tests_asked = true;
  bool said = false;
  for (const std::string& one : judged(evidence).limitations) said = said || one == "the tests asked for are not there";
  CHECK(said);
}

TEST_CASE("names that nothing defines and imports of nothing limit the stars") {
  Evidence evidence = plain();
  evidence.correctness = verdict(qbench::record::TaskStatus::kPass, 1, 1);
  evidence.facts.imports.push_back({"solution.py", 1, "unknown", "magic", "", false});
  CHECK(judged(evidence).stars == 3);
  evidence.facts.undefined.push_back({"solution.py", 5, "", "nothing", "", false});
  CHECK(judged(evidence).stars == 2);
  CHECK(judged(evidence).stars_reason == "nothing is used in line 5 and defined nowhere");
}

TEST_CASE("security findings cost points by severity and keep code from production") {
  Evidence evidence = plain();
  evidence.correctness = verdict(qbench::record::TaskStatus::kPass, 1, 1);
  evidence.security->push_back({"solution.py", "B602", "HIGH", "shell", 4});
  const Rating rating = judged(evidence);
  CHECK(rating.kpi(Kpi::kSecurity).value == 1.0);
  CHECK(rating.kpi(Kpi::kSecurity).evidence == "bandit finds 1: B602 HIGH");
  CHECK(part_of_score(evidence, rating.kpis, Kpi::kSecurity) == 6.0);
  CHECK(rating.readiness == Readiness::kMedium);
  CHECK(rating.readiness_reason == "bandit reports B602 (HIGH) in line 4");
}

TEST_CASE("lines are named in order, files where there are several") {
  CHECK(lines_text({{"a.py", 3}}, false) == "line 3");
  CHECK(lines_text({{"a.py", 8}, {"a.py", 3}}, false) == "lines 3 and 8");
  CHECK(lines_text({{"a.py", 1}, {"a.py", 2}, {"a.py", 3}, {"a.py", 4}, {"b.py", 5}}, true) == "lines a.py:1, 2, 3, 4 and 1 more");
}

TEST_CASE("the table of KPIs names each once, with a weight and a formula") {
  for (std::size_t i = 0; i < kKpiCount; ++i) {
    const KpiInfo& info = kpi_catalog()[i];
    CHECK(static_cast<std::size_t>(info.kpi) == i);
    CHECK(info.weight > 0);
    CHECK(info.formula.size() > 40);
    CHECK(kpi_table_markdown().find("| `" + std::string(info.name) + "` |") != std::string::npos);
  }
  const std::string readme = qbench::read_text_file(std::filesystem::path(QB_SOURCE_DIR) / "src" / "quality" / "rating" / "README.md");
  CHECK(readme.find(kpi_table_markdown()) != std::string::npos);
}

TEST_CASE("a rating's record has every KPI with its evidence, and says what could not be rated") {
  Evidence evidence = plain();
  evidence.correctness = verdict(qbench::record::TaskStatus::kPass, 1, 1);
  const qbench::record::QualityRecord record = rating_record(judged(evidence));
  CHECK(record.source == "rating");
  CHECK(record.status == qbench::record::Status::kOk);
  CHECK(record.values.size() == kKpiCount + 2);
  for (const auto& value : record.values) CHECK_FALSE(value.evidence.empty());
  Rating unrated;
  unrated.stars_reason = "python ast not installed";
  CHECK(rating_record(unrated).status == qbench::record::Status::kFailed);
  CHECK(rating_record(unrated).failure.message == "python ast not installed");
}
