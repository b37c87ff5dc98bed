#include "report/junit.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <tinyxml2.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "base/text_file.h"
#include "report_examples.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::report;
using tinyxml2::XMLElement;

namespace {

/// What Jenkins's xunit plugin lets stand in an element (junit-10.xsd): attributes, those that must be there first; children; text.
struct Rule {
  std::set<std::string> required, optional, children;
  bool text = false;
};

const std::map<std::string, Rule>& rules() {
  static const std::map<std::string, Rule> kRules{
      {"testsuites", {{}, {"name", "time", "tests", "failures", "errors"}, {"testsuite"}, false}},
      {"testsuite",
       {{"name", "tests", "failures", "errors"},
        {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        false}},
      {"properties", {{}, {}, {"property"}, false}},
      {"property", {{"name", "value"}, {}, {}, false}},
      {"testcase",
       {{"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "rerunFailure", "rerunError", "flakyFailure", "flakyError", "system-out", "system-err"},
        false}},
      {"failure", {{}, {"type", "message"}, {}, true}},
      {"error", {{}, {"type", "message"}, {}, true}},
      {"skipped", {{}, {"type", "message"}, {}, true}},
      {"system-out", {{}, {}, {}, true}},
  };
  return kRules;
}

void check_element(const XMLElement& element) {
  const auto found = rules().find(element.Name());
  REQUIRE_MESSAGE(found != rules().end(), "no element " << element.Name());
  const Rule& rule = found->second;
  std::set<std::string> missing = rule.required;
  for (const auto* a = element.FirstAttribute(); a != nullptr; a = a->Next()) {
    missing.erase(a->Name());
    CHECK_MESSAGE((rule.required.count(a->Name()) + rule.optional.count(a->Name()) == 1), element.Name() << " may not have " << a->Name());
    if (std::string(a->Name()) == "time") CHECK(std::string(a->Value()).find_first_not_of("0123456789.") == std::string::npos);
  }
  CHECK_MESSAGE(missing.empty(), element.Name() << " lacks " << (missing.empty() ? "" : *missing.begin()));
  for (const auto* child = element.FirstChild(); child != nullptr; child = child->NextSibling()) {
    if (const XMLElement* inner = child->ToElement()) {
      CHECK_MESSAGE(rule.children.count(inner->Name()) == 1, element.Name() << " may not hold " << inner->Name());
      check_element(*inner);
    } else {
      CHECK_MESSAGE(rule.text, element.Name() << " may not hold text");
    }
  }
}

/// Parses, checks against the rules and that the counts are those of the cases.
class Report {
 public:
  explicit Report(const std::string& text) {
    REQUIRE(document_.Parse(text.c_str(), text.size()) == tinyxml2::XML_SUCCESS);
    REQUIRE(std::string(root().Name()) == "testsuites");
    check_element(root());
    int tests = 0;
    for (const auto* suite = root().FirstChildElement("testsuite"); suite != nullptr; suite = suite->NextSiblingElement("testsuite")) {
      std::map<std::string, int> counted;
      for (const auto* one = suite->FirstChildElement("testcase"); one != nullptr; one = one->NextSiblingElement("testcase")) {
        ++counted["tests"];
        CHECK(cases_.emplace(std::string(suite->Attribute("name")) + "|" + one->Attribute("name"), one).second);
        for (const char* kind : {"failure", "error", "skipped"}) counted[kind] += one->FirstChildElement(kind) != nullptr;
      }
      CHECK(suite->IntAttribute("tests") == counted["tests"]);
      CHECK(suite->IntAttribute("failures") == counted["failure"]);
      CHECK(suite->IntAttribute("errors") == counted["error"]);
      CHECK(suite->IntAttribute("skipped") == counted["skipped"]);
      tests += counted["tests"];
    }
    CHECK(root().IntAttribute("tests") == tests);
  }
  const XMLElement& root() const { return *document_.RootElement(); }
  const XMLElement& at(const std::string& name) const {
    const auto found = cases_.find(name);
    REQUIRE_MESSAGE(found != cases_.end(), "no case " << name);
    return *found->second;
  }
  /// "" passed, else failure, error or skipped, and its type.
  std::string result(const std::string& name) const {
    for (const char* kind : {"failure", "error", "skipped"}) {
      if (const auto* found = at(name).FirstChildElement(kind)) return std::string(kind) + " " + found->Attribute("type");
    }
    return {};
  }
  std::string output(const std::string& name) const { return at(name).FirstChildElement("system-out")->GetText(); }
  std::size_t size() const { return cases_.size(); }

 private:
  tinyxml2::XMLDocument document_;
  std::map<std::string, const XMLElement*> cases_;
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

compare::Judgement judgement(const std::string& metric, compare::Verdict verdict, compare::Reason reason, const std::string& sentence) {
  compare::Judgement one;
  one.metric = metric;
  one.unit = "tok/s";
  one.better = record::Better::kHigher;
  one.verdict = verdict;
  one.reason = reason;
  one.sentence = sentence;
  one.base = 200.0;
  one.fresh = 180.0;
  one.ratio = 0.9;
  one.delta = 0.03;
  one.band = 0.04;
  one.base_sessions = {199, 200, 201};
  one.new_sessions = {179, 180, 181};
  return one;
}

compare::Comparison comparison() {
  using compare::Reason;
  using compare::Verdict;
  compare::Comparison all;
  all.base = {"results/base", "base-run", "2026-11-20T03:00:00Z", {{"host_hash", "aa"}}};
  all.fresh = {"results/new", "new-run", "2026-11-21T03:00:00Z", {{"host_hash", "bb"}, {"cpu_model", "AMD <EPYC>"}}};
  all.notes = {"machines differ & so on"};
  compare::CellOutcome cell;
  cell.model = "smol";
  cell.precision = "q4_1";
  cell.prompt = "smoke/fizzbuzz";
  cell.device = "cpu";
  cell.pass = "speed";
  cell.base_state = cell.new_state = compare::RowState::kMeasured;
  cell.measured_s = 12.5;
  cell.judgements = {judgement("decode_tok_per_s", Verdict::kWorse, Reason::kSessionsApart, "slower \"by\" 10 % <b>"),
                     judgement("prefill_tok_per_s", Verdict::kSame, Reason::kWithinDelta, "within 3 %"),
                     judgement("e2e_tok_per_s", Verdict::kBetter, Reason::kSessionsApart, "faster"),
                     judgement("ttft_ms", Verdict::kUnclear, Reason::kFewSessions, "one session"),
                     judgement("load_ms", Verdict::kSuspect, Reason::kFirstExcess, "a first excess"),
                     judgement("peak_bytes", Verdict::kMissing, Reason::kNoPartner, "no such row"),
                     judgement("success_ratio", Verdict::kWorse, Reason::kPairedTasks, "8 lost, 1 gained")};
  cell.judgements.push_back({});
  cell.judgements.back().metric = "energy_j_per_token";  // neither side has it
  all.cells.push_back(cell);
  cell.model = "broken";
  cell.judgements.clear();
  cell.new_state = compare::RowState::kFailed;
  cell.failure = "memory: does not fit";
  all.cells.push_back(cell);
  cell.model = "left out";
  cell.new_state = compare::RowState::kSkipped;
  all.cells.push_back(cell);
  return all;
}

}  // namespace

TEST_CASE("a run's JUnit report has a suite per model, a case per row and per judged metric, and the machine in its properties") {
  const Report report(run_junit(test::small_run(), test::small_content("x")));
  CHECK(report.result("smol|status[smoke/fizzbuzz speed]").empty());
  CHECK(report.result("smol|decode_tok_per_s[smoke/fizzbuzz speed]").empty());
  const std::string text = report.output("smol|decode_tok_per_s[smoke/fizzbuzz speed]");
  CHECK(contains(text, "value 200 tok/s (higher is better)\n"));
  CHECK(contains(text, "baseline none\nband none\nverdict not judged"));
  const XMLElement& suite = *report.root().FirstChildElement("testsuite");
  CHECK(std::string(suite.Attribute("timestamp")) == "2026-11-21T03:22:00");
  CHECK(suite.DoubleAttribute("time") == doctest::Approx(0.07));  // two repetitions of 35 ms
  std::map<std::string, std::string> properties;
  for (const auto* p = suite.FirstChildElement("properties")->FirstChildElement(); p != nullptr; p = p->NextSiblingElement()) properties[p->Attribute("name")] = p->Attribute("value");
  CHECK(properties["cpu_model"] == "AMD EPYC");
  CHECK(properties["build_type"] == "Release");
  CHECK(properties.count("pass") == 0);  // differs from row to row
  CHECK(contains(suite.FirstChildElement("system-out")->GetText(), "  itl_p50_ms 5 ms\n"));
}

TEST_CASE("failed, skipped and throttled rows are told apart, and loading from running") {
  auto content = test::small_content("x");
  content.cells[1].status = record::Status::kFailed;
  content.cells[1].failure = {"crash", "signal 11"};
  content.cells.push_back(content.cells[0]);
  content.cells[2].cell.prompt_id = "long";
  content.cells[2].status = record::Status::kSkipped;
  content.cells[2].failure = {"context", "does not fit"};
  content.cells.push_back(content.cells[0]);
  content.cells[3].cell.prompt_id = "hot";
  content.cells[3].status = record::Status::kThrottled;
  record::LoadRecord load;
  load.model.label = "nowhere";
  load.status = record::Status::kFailed;
  load.failure = {"not_found", "no such model"};
  content.loads.push_back(load);
  const Report report(run_junit(test::small_run(), content));
  CHECK(report.result("smol|status[smoke/fizzbuzz speed]").empty());
  CHECK(report.result("smol|status[smoke/fizzbuzz text]") == "error Crash");
  CHECK(report.result("smol|status[smoke/long speed]") == "skipped skipped");
  CHECK(report.result("smol|status[smoke/hot speed]") == "skipped throttled");
  CHECK(report.result("nowhere|load") == "error ModelLoadFailed");
  content.cells.push_back(content.cells[0]);
  content.cells.back().cell.model = "nowhere";
  content.cells.back().status = record::Status::kFailed;
  content.cells.back().failure = load.failure;
  CHECK(Report(run_junit(test::small_run(), content)).result("nowhere|status[smoke/fizzbuzz speed]") == "error ModelLoadFailed");
  content.cells.back().failure = content.loads.back().failure = {"memory", "too large"};
  CHECK(Report(run_junit(test::small_run(), content)).result("nowhere|status[smoke/fizzbuzz speed]") == "error OutOfMemory");
}

TEST_CASE("a model that was planned and has no row is an error") {
  auto run = test::small_run();
  record::ModelFacts unrun;
  unrun.label = "unrun";
  run.models.push_back(unrun);
  const Report report(run_junit(run, test::small_content("x")));
  CHECK(report.result("unrun|load") == "error NotRun");
  CHECK(report.result("smol|status[smoke/fizzbuzz speed]").empty());
}

TEST_CASE("a monitor's alerts are cases: critical ones failures, warnings skips, failed rows errors") {
  ComparisonReport monitor;
  monitor.monitored = true;
  CHECK(Report(comparison_junit(monitor)).result("monitor|alerts").empty());
  monitor.alerts = {{compare::Severity::kCritical, "smol", "success_ratio", "1", 0.8, 0.85, "below the limit"},
                    {compare::Severity::kCritical, "broken", "status", "", 0, 0, "the row failed"},
                    {compare::Severity::kWarning, "smol", "e2e_ms", "ms", 9, 8, "above the limit"}};
  const Report report(comparison_junit(monitor));
  CHECK(report.result("monitor|success_ratio[smol]") == "failure CriticalAlert");
  CHECK(report.result("monitor|status[broken]") == "error CriticalAlert");
  CHECK(report.result("monitor|e2e_ms[smol]") == "skipped WarningAlert");
  CHECK(report.size() == 3);
  monitor.monitored = false;
  monitor.comparisons = {comparison()};
  CHECK(comparison_junit(monitor) == comparison_junit(monitor.comparisons));
}

TEST_CASE("a comparison's JUnit report fails where something is worse and skips where nothing was decided") {
  const Report report(comparison_junit({comparison()}));
  const std::string row = "[smoke/fizzbuzz speed q4_1]";
  CHECK(report.result("smol|status" + row).empty());
  CHECK(report.result("smol|decode_tok_per_s" + row) == "failure PerformanceRegression");
  CHECK(report.result("smol|prefill_tok_per_s" + row).empty());
  CHECK(report.result("smol|e2e_tok_per_s" + row).empty());
  CHECK(report.result("smol|ttft_ms" + row) == "skipped unclear");
  CHECK(report.result("smol|load_ms" + row) == "skipped suspect");
  CHECK(report.result("smol|peak_bytes" + row) == "skipped missing");
  CHECK(report.result("smol|success_ratio" + row) == "failure QualityRegression");
  CHECK(report.result("broken|status" + row) == "error OutOfMemory");
  CHECK(report.result("left out|status" + row) == "skipped skipped");
  CHECK(report.size() == 10);  // what neither side has is no case
  const std::string text = report.output("smol|decode_tok_per_s" + row);
  for (const char* part : {"value 180 tok/s", "baseline 200 tok/s", "ratio 0.9000", "band +-3 %", "verdict worse (sessions_apart): slower \"by\" 10 % <b>", "base sessions 199 200 201", "new sessions 179 180 181"})
    CHECK_MESSAGE(contains(text, part), part);
  const XMLElement& failure = *report.at("smol|decode_tok_per_s" + row).FirstChildElement("failure");
  CHECK(std::string(failure.Attribute("message")) == "slower \"by\" 10 % <b>");
  CHECK(contains(failure.GetText(), "baseline 200 tok/s"));
  CHECK(report.at("smol|status" + row).DoubleAttribute("time") == 12.5);
}

TEST_CASE("a gate's JUnit report says the band and the accepted nights") {
  compare::Comparison gate = comparison();
  gate.is_gate = true;
  const std::string text = Report(comparison_junit({gate})).output("smol|decode_tok_per_s[smoke/fizzbuzz speed q4_1]");
  CHECK(contains(text, "band +-4 %"));
  CHECK(contains(text, "accepted nights 199 200 201"));
}

TEST_CASE("several new results have suites of their own") {
  compare::Comparison second = comparison();
  second.fresh.path = "results/newer";
  const Report report(comparison_junit({comparison(), second}));
  CHECK(report.result("smol @ results/new|load_ms[smoke/fizzbuzz speed q4_1]") == "skipped suspect");
  CHECK(report.result("smol @ results/newer|load_ms[smoke/fizzbuzz speed q4_1]") == "skipped suspect");
}

TEST_CASE("names and messages that XML cannot hold are written so that it can") {
  auto content = test::small_content("x", "a<b>&\"']]>\x01\xEF\xBF\xBE\xFF\n");
  content.cells[0].status = record::Status::kFailed;
  content.cells[0].failure = {"crash", "]]> <!-- \x02 & \xEF\xBF\xBF"};
  const std::string text = run_junit(test::small_run(), content);
  const Report report(text);
  CHECK_FALSE(contains(text, "\xEF\xBF\xBE"));
  CHECK_FALSE(contains(text, "\xEF\xBF\xBF"));
  CHECK_FALSE(contains(text, "\x01"));
}

TEST_CASE("junitparser reads the reports back") {
  const test::TempDir folder;
  auto content = test::small_content("x");
  content.cells[1].status = record::Status::kFailed;
  content.cells[1].failure = {"crash", "signal 11"};
  write_text_file_atomic(folder.path() / "run.xml", run_junit(test::small_run(), content));
  write_text_file_atomic(folder.path() / "comparison.xml", comparison_junit({comparison()}));
  for (const char* name : {"run.xml", "comparison.xml"}) {
    const int status = std::system(("python3 " QB_SOURCE_DIR "/scripts/check_junit.py '" + (folder.path() / name).string() + "'").c_str());
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
      test::report_skip("junitparser reads the reports back", "no junitparser here (scripts/setup.sh --reports installs it)");
      return;
    }
    CHECK(status == 0);
  }
}
