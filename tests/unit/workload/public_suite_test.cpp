#include "workload/public_suite.h"

#include <zlib.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "test_support.h"
#include "workload_test_support.h"

namespace qbench::workload {
namespace {

namespace fs = std::filesystem;
using test::check_mentions;
using test::message_of;
using test::write_file;

constexpr std::string_view kHumanEval =
    R"({"task_id": "HumanEval/0", "prompt": "def f(x):\n    \"\"\"f\"\"\"\n", "entry_point": "f", "canonical_solution": "    return x\n", "test": "def check(candidate):\n    assert candidate(1) == 1\n", "extra": 1})";
constexpr std::string_view kMbpp =
    R"({"text": "Write f.", "code": "def f(x): return x", "task_id": 2, "test_setup_code": "import math", "test_list": ["assert f(1) == 1", "assert f(2) == 2"], "challenge_test_list": []})";
constexpr std::string_view kSanitized =
    R"({"source_file": "a.ipynb", "task_id": 3, "prompt": "Write g.", "code": "def g(x): return x", "test_imports": ["import re"], "test_list": ["assert g(1) == 1"]})";
constexpr std::string_view kPlus =
    R"({"task_id": "Mbpp/4", "prompt": "Write h.", "entry_point": "h", "canonical_solution": "\ndef h(x):\n  return x\n", "base_input": [[1]], "plus_input": [[123456789012345678901234567890]], "atol": 0, "contract": ""})";
constexpr std::string_view kMultiPlE =
    R"({"name": "HumanEval_53_add", "language": "cpp", "prompt": "long add(long x, long y) {\n", "tests": "}\nint main() {}\n", "stop_tokens": ["\n}"]})";

std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Suite load(std::string_view content, const std::string& name = "tasks.jsonl") {
  const test::TempDir dir;
  write_file(dir.path() / name, content);
  return load_suite(dir.path() / name);
}

std::string refuse(std::string_view content, const std::string& name = "tasks.jsonl") {
  return message_of(ErrorCode::kConfig, [&] { load(content, name); });
}

}  // namespace

TEST_CASE("tasks of the public formats become prompts with a task, one a line") {
  const Suite suite = load(std::string(kHumanEval) + "\n\n" + std::string(kMbpp) + "\r\n" + std::string(kSanitized) + "\n" +
                           std::string(kPlus) + "\n" + std::string(kMultiPlE));
  CHECK(suite.name == "tasks");
  REQUIRE(suite.prompts.size() == 5);
  const Prompt& human_eval = suite.prompts[0];
  CHECK(human_eval.id == "humaneval-0");
  CHECK(human_eval.digest.size() == 64);
  CHECK(human_eval.turns.front().text.find("```python\ndef f(x):\n") != std::string::npos);
  CHECK(human_eval.task->id == "HumanEval/0");
  CHECK(human_eval.task->kind == TaskKind::kPythonTest);
  CHECK(human_eval.task->test.ends_with("check(candidate)\n"));
  CHECK(human_eval.task->reference.front().text == "def f(x):\n    \"\"\"f\"\"\"\n    return x\n");
  const Prompt& mbpp = suite.prompts[1];
  CHECK(mbpp.id == "mbpp-2");
  CHECK(mbpp.task->prefix.empty());
  CHECK(mbpp.task->test == "import math\nassert f(1) == 1\nassert f(2) == 2\n");
  CHECK(mbpp.turns.front().text.find("assert f(1) == 1") != std::string::npos);
  CHECK(suite.prompts[2].task->test == "import re\n\nassert g(1) == 1\n");
  CHECK(suite.prompts[2].turns.front().text.starts_with("Write g."));
  CHECK(suite.prompts[3].task->test.find("123456789012345678901234567890") != std::string::npos);  // digits as written
  CHECK(suite.prompts[3].task->prefix.empty());
  CHECK(suite.prompts[4].task->kind == TaskKind::kInside);
  CHECK(suite.prompts[4].task->paths == std::vector<std::string>{"solution.cpp"});
  CHECK(suite.prompts[4].task->entry_point.empty());  // no test names it
}

TEST_CASE("MultiPL-E's function is the one that its tests call") {
  const auto entry_of = [](std::string_view prompt, std::string_view tests) {
    const nlohmann::json line{{"name", "x"}, {"language", "js"}, {"prompt", prompt}, {"tests", tests}};
    return load(line.dump()).prompts.front().task->entry_point;
  };
  CHECK(entry_of("function add(x, y){\n", "let candidate = add;\n") == "add");
  CHECK(entry_of("long add(long x) {\n", "}\nint main() {\n    auto candidate = add;\n") == "add");
  CHECK(entry_of("def add(x):\n", "def check(candidate):\n    pass\n\ncheck(add)\n") == "add");
  CHECK(entry_of("def add(x):\n", "check(other)\n").empty());
  CHECK(entry_of("def add(x):\n", "candidate = ").empty());
}

TEST_CASE("packed files and lists hold the same tasks") {
  const std::string lines = std::string(kHumanEval) + "\n" + std::string(kMbpp) + "\n";
  const Suite plain = load(lines, "Mine.jsonl"), packed = load(gzip(lines), "Mine.jsonl.gz");
  CHECK(plain.digest == packed.digest);
  CHECK(packed.name == "Mine");
  CHECK(load("[" + std::string(kHumanEval) + ", " + std::string(kMbpp) + "]", "Mine.json").digest == plain.digest);
  CHECK(load(gzip(lines.substr(0, 50)) + gzip(lines.substr(50)), "Mine.jsonl.gz").digest == plain.digest);
}

TEST_CASE("some of a file's tasks are chosen by id") {
  const test::TempDir dir;
  write_file(dir.path() / "t.jsonl", std::string(kHumanEval) + "\n" + std::string(kMbpp));
  const Suite suite = find_suite((dir.path() / "t.jsonl").string() + "#mbpp-2");
  REQUIRE(suite.prompts.size() == 1);
  CHECK(suite.prompts.front().task->id == "MBPP/2");
}

TEST_CASE("a suite's file is read where no shipped suites are found") {
  const test::TempDir dir;
  write_file(dir.path() / "t.jsonl", kMbpp);
  setenv("QBENCH_DATA_DIR", dir.path().c_str(), 1);
  const Suite suite = find_suite((dir.path() / "t.jsonl").string());
  unsetenv("QBENCH_DATA_DIR");
  CHECK(suite.prompts.size() == 1);
}

TEST_CASE("all of HumanEval is read where it is at hand") {
  const auto shared = test::shared_data_dir();
  if (!shared) {
    MESSAGE("skipped: no shared test data");
    return;
  }
  const Suite suite = load_suite(*shared / "humaneval" / "HumanEval.jsonl.gz");
  CHECK(suite.prompts.size() == 164);
  for (const Prompt& prompt : suite.prompts) CHECK(prompt.task->reference.size() == 1);
}

TEST_CASE("damaged packed files are refused and a bomb is refused at its limit") {
  const std::string packed = gzip(std::string(kHumanEval));
  check_mentions(refuse("plain text", "t.jsonl.gz"), {"t.jsonl.gz", "not gzip"});
  check_mentions(refuse(packed.substr(0, packed.size() / 2), "t.jsonl.gz"), {"cut off"});
  check_mentions(refuse("", "t.jsonl.gz"), {"cut off"});
  std::string damaged = packed;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  check_mentions(refuse(damaged, "t.jsonl.gz"), {"damaged"});
  check_mentions(refuse(gzip(std::string(std::size_t{513} << 20, ' ')), "t.jsonl.gz"), {"unpacks into more than"});
}

TEST_CASE("a task without tests is read beside others that have some") {
  const test::TempDir dir;
  nlohmann::json bare = nlohmann::json::parse(kHumanEval), listless = nlohmann::json::parse(kMbpp), without = nlohmann::json::parse(kPlus);
  bare["task_id"] = "HumanEval/9";
  bare["test"] = " \n";
  listless["test_list"] = nlohmann::json::array();
  without["base_input"] = without["plus_input"] = nlohmann::json::array();
  const fs::path path = dir.path() / "mine.jsonl";
  write_file(path, bare.dump() + "\n" + listless.dump() + "\n" + without.dump() + "\n" + std::string(kHumanEval) + "\n");
  const Suite suite = read_public_suite(path);
  REQUIRE(suite.prompts.size() == 4);
  for (std::size_t i = 0; i < 3; ++i) CHECK(suite.prompts[i].task.value().test.empty());
  CHECK(!suite.prompts[3].task.value().test.empty());
  bare.erase("test");
  write_file(path, bare.dump() + "\n" + listless.dump() + "\n");
  check_mentions(message_of(ErrorCode::kConfig, [&] { read_public_suite(path); }), {"mine.jsonl", "none of its tasks has any"});
}

TEST_CASE("every corruption of a file of tasks is one config error that names file and line") {
  struct Case {
    std::string line;
    std::string_view expected;
  };
  const auto without = [](std::string_view text, const char* key) {
    nlohmann::json value = nlohmann::json::parse(text);
    value.erase(key);
    return value.dump();
  };
  const auto with = [](std::string_view text, const char* key, nlohmann::json item) {
    nlohmann::json value = nlohmann::json::parse(text);
    value[key] = std::move(item);
    return value.dump();
  };
  for (const Case& c : {
           Case{"{", "not valid JSON"},
           Case{"1", "expected an object"},
           Case{"{}", "no task of a known format"},
           Case{without(kHumanEval, "prompt"), "has no 'prompt'"},
           Case{with(kHumanEval, "prompt", 1), "'prompt': expected a string"},
           Case{with(kHumanEval, "task_id", ""), "'task_id' is empty"},
           Case{with(kHumanEval, "prompt", std::string("a\0b", 3)), "not UTF-8 text without NUL"},
           Case{with(kMbpp, "test_list", "x"), "'test_list': expected a list"},
           Case{with(kMbpp, "test_list", {1}), "expected a string"},
           Case{without(kMbpp, "code"), "has no 'code'"},
           Case{with(kPlus, "base_input", 1), "'base_input': expected a list"},
           Case{without(kPlus, "canonical_solution"), "has no 'canonical_solution'"},
           Case{with(kMultiPlE, "language", "C++"), "no name of a language"},
           Case{std::string(kHumanEval), "stands twice"},
       }) {
    CAPTURE(c.line);
    check_mentions(refuse(std::string(kHumanEval) + "\n" + c.line), {"tasks.jsonl: line 2", c.expected});
  }
  check_mentions(refuse(""), {"has no tasks"});
  check_mentions(refuse("[]", "t.json"), {"has no tasks"});
  check_mentions(message_of(ErrorCode::kConfig, [] { find_suite("/nowhere/HumanEval.jsonl"); }), {"HumanEval.jsonl", "no such file"});
}

}  // namespace qbench::workload
