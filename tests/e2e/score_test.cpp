#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "workplace.h"

using namespace qbench;
using namespace qbench::test;
namespace fs = std::filesystem;

namespace {

using nlohmann::json;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void write_bytes(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Whether this machine has a sandbox; says that it skips where not.
bool has_sandbox(const Workplace& place) {
  const Outcome outcome = place.qbench({"sandbox", "selftest", "--only", "the right answer passes"});
  if (outcome.status != 2) return true;
  MESSAGE("skipped: " << outcome.err);
  return false;
}

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(json::parse(line));
  return lines;
}

constexpr const char* kTasks =
    R"({"task_id": "Mine/0", "prompt": "def twice(x):\n    \"\"\"Twice x.\"\"\"\n", "entry_point": "twice", "canonical_solution": "    return 2 * x\n", "test": "def check(candidate):\n    assert candidate(3) == 6\n"}
{"task_id": "Mine/1", "prompt": "def half(x):\n    \"\"\"Half of x.\"\"\"\n", "entry_point": "half", "canonical_solution": "    return x / 2\n", "test": "def check(candidate):\n    assert candidate(3) == 1.5\n"}
)";

}  // namespace

TEST_CASE("score judges anybody's answers, bad ones too, and prints a line a task and a summary") {
  const Workplace place;
  if (!has_sandbox(place)) return;
  const fs::path suite = place.path() / "mine.jsonl", answers = place.path() / "answers.jsonl";
  write_bytes(suite, kTasks);
  write_bytes(answers,
              "{\"task_id\": \"Mine/0\", \"completion\": \"    return x + x\\n\"}\n"
              "{\"task_id\": \"Mine/1\", \"completion\": \"Sure!\\n```python\\ndef half(x):\\n    return x // 2\\n```\\n\"}\n"
              "{\"task_id\": 0, \"completion\": \"    return '\xff'\\n\"}\n"
              "{\"task_id\": \"1\", \"completion\": \"    return x / 2  # \\u0000\\n\"}\n"
              "{\"task_id\": \"Mine/1\", \"completion\": \"    import os; os._exit(0)\\n\"}\n");
  const Outcome outcome =
      place.qbench({"score", "--suite", suite.string(), "--answers", answers.string(), "--k", "1,2,3", "--jobs", "2", "--json"});
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const std::vector<json> lines = lines_of(outcome.out);
  REQUIRE(lines.size() == 6);
  const std::vector<std::string> expected{"pass", "wrong", "compile_error", "compile_error", "crash"};
  const std::vector<std::string> ids{"Mine/0", "Mine/1", "Mine/0", "Mine/1", "Mine/1"};
  for (std::size_t i = 0; i < 5; ++i) {
    CAPTURE(lines[i].dump());
    CHECK(lines[i]["status"] == expected[i]);
    CHECK(lines[i]["task_id"] == ids[i]);
    CHECK(lines[i]["judge"] == "outside");
    CHECK_FALSE(lines[i]["sandbox_level"].get<std::string>().empty());
    CHECK(lines[i]["seconds"].is_number());
    CHECK(lines[i]["detail"].get<std::string>().empty() == (i == 0));
  }
  CHECK(lines[4]["sample"] == 2);
  const json& summary = lines[5];
  CHECK(summary["summary"] == true);
  CHECK(summary["tasks_answered"] == 2);
  CHECK(summary["pass_at_k"]["1"]["value"].get<double>() == doctest::Approx(0.25));
  CHECK(summary["pass_at_k"]["2"]["value"].get<double>() == doctest::Approx(0.5));
  CHECK(summary["pass_at_k"]["3"].is_null());
  CHECK(summary["sandbox_cost"]["starts_per_task"] == 2.0);

  const Outcome table = place.qbench({"score", "--suite", suite.string() + "#mine-0", "--answers", (place.path() / "none.jsonl").string()});
  CHECK(table.status == 2);
  CHECK(contains(table.err, "none.jsonl"));
  const Outcome foreign = place.qbench({"score", "--suite", suite.string() + "#mine-0", "--answers", answers.string()});
  CHECK(foreign.status == 2);
  CHECK(contains(foreign.err, "answers.jsonl: line 2: the suite has no task 'Mine/1'"));
}

TEST_CASE("score checks references: wrong ones and tests that refuse nothing are exit status 1") {
  const Workplace place;
  if (!has_sandbox(place)) return;
  const fs::path suite = place.path() / "mine.jsonl";
  write_bytes(suite, kTasks);
  const Outcome sound = place.qbench({"score", "--suite", suite.string(), "--check-references", "--json"});
  REQUIRE_MESSAGE(sound.status == 0, sound.out);
  CHECK(lines_of(sound.out).back()["references_passed"] == 2);
  CHECK(lines_of(sound.out).back()["variants_refused"] == 4);  // a mutant and an empty program of each

  const std::string bare = R"~({"task_id": "Mine/2", "prompt": "def g(x):\n", "entry_point": "g", "test": "assert g(1)"})~";
  write_bytes(suite, std::string(kTasks) + bare + "\n");
  const Outcome some = place.qbench({"score", "--suite", suite.string(), "--check-references"});
  CHECK(some.status == 0);
  CHECK(contains(some.out, "2 of 2 references pass, 4 wrong answers refused, 0 tasks unsound, 1 not checked (no reference)"));

  const fs::path own = place.path() / "own";
  write_bytes(own / "suite.json",
              R"({"prompts": [{"id": "a", "language": "python", "task": "a"}, {"id": "b", "language": "python", "task": "b"}]})");
  for (const char* task : {"a", "b"}) {
    write_bytes(own / task / "prompt.txt", "Write f.\n");
    write_bytes(own / task / "task.json", R"({"cases": [{"call": "f", "args": [2], "returns": 4}]})");
    write_bytes(own / task / "reference" / "solution.py", "def f(x):\n    return x * 2\n");
    write_bytes(own / task / "wrong" / "square" / "solution.py", "def f(x):\n    return x ** 2\n");
  }
  write_bytes(own / "b" / "reference" / "solution.py", "def f(x):\n    return x\n");
  const Outcome unsound = place.qbench({"score", "--suite", own.string(), "--check-references"});
  CHECK(unsound.status == 1);
  CHECK(contains(unsound.out, "the wrong answer 'square' is not refused (pass)"));
  CHECK(contains(unsound.out, "the reference does not pass (wrong)"));
  const fs::path answers = place.path() / "answers.jsonl";
  write_bytes(answers,
              "{\"task_id\": \"b\", \"completion\": \"def f(x):\\n    return 2 * x\\n\"}\n{\"task_id\": \"a\", \"completion\": \"def "
              "f(x):\\n    return 2 * x\\n\"}\n");
  const Outcome harness = place.qbench({"score", "--suite", own.string(), "--answers", answers.string(), "--json"});
  CHECK(harness.status == 3);
  const std::vector<json> lines = lines_of(harness.out);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["status"] == "harness_error");
  CHECK(lines[1]["status"] == "pass");  // the rest is scored
  CHECK(lines[2]["pass_at_k"]["1"]["tasks"] == 1);
}

TEST_CASE("references that this machine has no interpreter for are not checked: the summary says once what to install, exit status 3") {
  const Workplace place;
  RunOptions without = place.options();
  without.hidden = {"/usr/share/nodejs"};
  if (!fs::exists("/usr/bin/bwrap") || test::qbench({"sandbox", "selftest", "--only", "the right answer passes"}, without).status != 0)
    return report_skip("references without an interpreter", "no sandbox inside a bubblewrap here");
  const fs::path own = place.path() / "own";
  write_bytes(own / "suite.json",
              R"({"prompts": [{"id": "a", "language": "typescript", "task": "a"}, {"id": "b", "language": "typescript", "task": "b"},
                 {"id": "c", "language": "python", "task": "c"}]})");
  for (const std::string task : {"a", "b", "c"}) {
    const bool python = task == "c";
    write_bytes(own / task / "prompt.txt", "Write f.\n");
    write_bytes(own / task / "task.json", R"({"cases": [{"call": "f", "args": [2], "returns": 4}]})");
    write_bytes(own / task / "reference" / (python ? "solution.py" : "solution.ts"),
                python ? "def f(x):\n    return 2 * x\n" : "export function f(x: number): number { return 2 * x; }\n");
  }
  const std::vector<std::string> check{"score", "--suite", own.string(), "--check-references"};
  const Outcome text = test::qbench(check, without);
  CHECK(text.status == 3);
  CHECK_FALSE(contains(text.out, "UNSOUND"));
  CHECK(contains(text.out, "1 of 3 references pass, 2 wrong answers refused, 0 tasks unsound;"));
  const std::size_t said =
      text.out.find("2 tasks not checked: /usr/share/nodejs/typescript/lib/typescript.js is missing; scripts/setup.sh");
  REQUIRE(said != std::string::npos);
  CHECK(text.out.find("is missing") == text.out.rfind("is missing"));

  std::vector<std::string> as_json = check;
  as_json.push_back("--json");
  const Outcome json_out = test::qbench(as_json, without);
  CHECK(json_out.status == 3);
  const std::vector<json> lines = lines_of(json_out.out);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["sound"].is_null());
  CHECK(lines[0]["status"] == "harness_error");
  CHECK(contains(lines[0]["detail"], "is missing"));
  CHECK(lines[2]["sound"] == true);
  CHECK(lines[3]["problems"] == 0);
  CHECK(lines[3]["not_checked"] == 2);
  CHECK(lines[3]["missing"].size() == 1);

  write_bytes(own / "c" / "reference" / "solution.py", "def f(x):\n    return x\n");
  const Outcome unsound = test::qbench(check, without);
  CHECK(unsound.status == 1);  // what is wrong goes before what is not known
  CHECK(contains(unsound.out, "1 task unsound"));
}

TEST_CASE("without Python's interpreter answers in other languages are judged, and the summary comes without the sandbox's cost") {
  const Workplace place;
  RunOptions without = place.options();
  without.hidden = {"/usr/share/nodejs"};
  if (!fs::exists("/usr/bin/bwrap") || test::qbench({"sandbox", "selftest", "--only", "the right answer passes"}, without).status != 0)
    return report_skip("answers without an interpreter", "no sandbox inside a bubblewrap here");
  without.hidden = {"/usr/bin/python3"};
  const fs::path own = place.path() / "own", answers = place.path() / "answers.jsonl";
  write_bytes(own / "suite.json",
              R"({"prompts": [{"id": "a", "language": "typescript", "task": "a"}, {"id": "b", "language": "python", "task": "b"}]})");
  for (const std::string task : {"a", "b"}) {
    write_bytes(own / task / "prompt.txt", "Write f.\n");
    write_bytes(own / task / "task.json", R"({"cases": [{"call": "f", "args": [2], "returns": 4}]})");
    const std::string right = task == "a" ? "export function f(x: number): number { return 2 * x; }\n" : "def f(x):\n    return 2 * x\n";
    write_bytes(own / task / "reference" / (task == "a" ? "solution.ts" : "solution.py"), right);
  }
  write_bytes(answers, R"({"task_id": "a", "completion": "export function f(x: number): number { return 2 * x; }\n"})"
                       "\n"
                       R"({"task_id": "b", "completion": "def f(x):\n    return 2 * x\n"})"
                       "\n");
  const Outcome outcome = test::qbench({"score", "--suite", own.string(), "--answers", answers.string(), "--json"}, without);
  CHECK(outcome.status == 3);
  const std::vector<json> lines = lines_of(outcome.out);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["status"] == "pass");
  CHECK(lines[1]["status"] == "harness_error");
  CHECK(contains(lines[1]["detail"], "/usr/bin/python3 cannot be executed; scripts/setup.sh --quality installs it"));
  CHECK(lines[2]["pass_at_k"]["1"]["value"] == 1.0);
  CHECK(lines[2]["sandbox_cost"].is_null());
  write_bytes(answers, "{\"task_id\": \"b\", \"completion\": \"x\"}\n");
  const Outcome none = test::qbench({"score", "--suite", own.string(), "--answers", answers.string()}, without);
  CHECK(none.status == 3);
  CHECK(contains(none.out, "pass@1 not computed: no answer could be judged"));
  CHECK(contains(none.out, "what a start costs was not measured: /usr/bin/python3 does not run inside"));
}

TEST_CASE("score refuses what it cannot use") {
  const Workplace place;
  CHECK(place.qbench({"score"}).status == 2);
  const fs::path suite = place.path() / "mine.jsonl", answers = place.path() / "answers.jsonl";
  write_bytes(suite, kTasks);
  write_bytes(answers, "{\"task_id\": \"Mine/0\", \"completion\": \"x\"}\n");
  CHECK(contains(place.qbench({"score", "--suite", suite.string()}).err, "either --answers FILE or --check-references"));
  CHECK(place.qbench({"score", "--suite", suite.string(), "--answers", answers.string(), "--check-references"}).status == 2);
  CHECK(contains(place.qbench({"score", "--suite", suite.string(), "--answers", answers.string(), "--k", "0"}).err, "--k"));
  CHECK(contains(place.qbench({"score", "--suite", suite.string(), "--answers", answers.string(), "--sandbox", "rlimits"}).err, "unsafe"));
  write_bytes(suite, "{\"task_id\": \"Mine/0\", \"prompt\": \"p\", \"entry_point\": \"f\", \"test\": \"\"}\n");
  const Outcome without = place.qbench({"score", "--suite", suite.string(), "--answers", answers.string()});
  CHECK(without.status == 2);
  CHECK(contains(without.err, "mine.jsonl: has no tests"));
}

TEST_CASE("one task without tests, one answer that is no text, and the rest is scored") {
  const Workplace place;
  if (!has_sandbox(place)) return;
  const fs::path suite = place.path() / "mine.jsonl", answers = place.path() / "answers.jsonl";
  const std::string bare = R"({"task_id": "Mine/9", "prompt": "def g(x):\n", "entry_point": "g", "test": ""})";
  write_bytes(suite, std::string(kTasks) + bare + "\n");
  write_bytes(answers, R"({"task_id": "Mine/9", "completion": "    return x\n"})"
                       "\n"
                       R"({"task_id": "Mine/0", "completion": "    return '\ud800'\n"})"
                       "\n"
                       R"({"task_id": "Mine/0", "completion": "    return 2 * x\n"})"
                       "\n");
  const Outcome outcome = place.qbench({"score", "--suite", suite.string(), "--answers", answers.string(), "--json"});
  CHECK(outcome.status == 3);
  const std::vector<json> lines = lines_of(outcome.out);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["status"] == "harness_error");
  CHECK(lines[0]["detail"] == "the task has no tests");
  CHECK(lines[1]["status"] == "compile_error");
  CHECK(lines[1]["detail"] == "the answer is not UTF-8 text");
  CHECK(lines[2]["status"] == "pass");
}
