#include "workload/task_folder.h"

#include "test_support.h"
#include "workload/suite.h"
#include "workload_test_support.h"

namespace qbench::workload {
namespace {

namespace fs = std::filesystem;
using test::check_mentions;
using test::message_of;
using test::write_file;

constexpr std::string_view kGoodCase = R"({"call": "f", "args": [1], "returns": 2})";

/// A folder with one task, right in all but what a test changes.
struct Folder {
  test::TempDir dir;
  fs::path suite = dir.path() / "s";
  fs::path task = suite / "t";
  explicit Folder(std::string_view language = "python", std::string_view solution = "solution.py") {
    write_file(suite / "suite.json", R"({"prompts": [{"id": "one", "language": ")" + std::string(language) + R"(", "task": "t"}]})");
    write_file(task / "prompt.txt", "Write f.\n");
    write_file(task / "reference" / solution, "right\n");
    write_file(task / "wrong" / "off-by-one" / solution, "wrong\n");
    write_cases(kGoodCase);
  }
  void write_cases(std::string_view cases) const { write_file(task / "task.json", R"({"cases": [)" + std::string(cases) + "]}"); }
  Task load() const { return load_suite(suite).prompts.front().task.value(); }
  std::string refuse() const {
    return message_of(ErrorCode::kConfig, [&] { load_suite(suite); });
  }
};

}  // namespace

TEST_CASE("a task of one's own is read from its folder with its prompt") {
  const Folder folder;
  write_file(folder.task / "task.json",
             R"({"paths": ["solution.py"], "tolerance": 1e-6, "cases": [{"call": "f", "args": [1], "returns": 2.5}]})");
  write_file(folder.task / "reference" / "__pycache__" / "solution.pyc", "x");
  const Suite suite = load_suite(folder.suite);
  const Prompt& prompt = suite.prompts.front();
  REQUIRE(prompt.turns.size() == 1);
  CHECK(prompt.turns.front().text == "Write f.");
  CHECK(prompt.turns.front().prompt_tokens > 0);
  REQUIRE(prompt.task);
  CHECK(prompt.task->id == "one");
  CHECK(prompt.task->language == "python");
  CHECK(prompt.task->kind == TaskKind::kCases);
  CHECK(prompt.task->tolerance == 1e-6);
  CHECK(prompt.task->cases == R"([{"args":[1],"call":"f","returns":2.5}])");
  CHECK(prompt.task->reference == std::vector<CodeFile>{{"solution.py", "right\n"}});
  REQUIRE(prompt.task->wrong.size() == 1);
  CHECK(prompt.task->wrong.front().name == "off-by-one");
  CHECK(prompt.task->wrong.front().files == std::vector<CodeFile>{{"solution.py", "wrong\n"}});
}

TEST_CASE("a task without tests is read: what it cannot say is said where it is judged") {
  const Folder folder;
  for (const char* json : {"{}", R"({"cases": []})"}) {
    write_file(folder.task / "task.json", json);
    const Task task = folder.load();
    CHECK(task.cases.empty());
    CHECK(task.kind == TaskKind::kCases);
    CHECK(task.paths == std::vector<std::string>{"solution.py"});
  }
}

TEST_CASE("turns of the suite file win over prompt.txt") {
  const Folder folder;
  write_file(folder.suite / "suite.json",
             R"({"prompts": [{"id": "one", "language": "python", "task": "t", "turns": [{"text": "Other"}]}]})");
  CHECK(load_suite(folder.suite).prompts.front().turns.front().text == "Other");
}

TEST_CASE("what a task expects is part of its prompt's digest") {
  const Folder folder;
  const std::string before = load_suite(folder.suite).prompts.front().digest;
  CHECK(load_suite(folder.suite).prompts.front().digest == before);
  folder.write_cases(R"({"call": "f", "args": [1], "returns": 3})");
  const std::string expects_other = load_suite(folder.suite).prompts.front().digest;
  CHECK(expects_other != before);
  write_file(folder.task / "reference" / "solution.py", "also right\n");
  CHECK(load_suite(folder.suite).prompts.front().digest != expects_other);
}

TEST_CASE("each language has its file and C++ its adapter") {
  CHECK(Folder("typescript", "solution.ts").load().paths == std::vector<std::string>{"solution.ts"});
  const Folder cpp("cpp", "solution.cpp");
  check_mentions(cpp.refuse(), {"adapter.cpp"});
  write_file(cpp.task / "adapter.cpp", "QB_FUNCTION(f)\n");
  CHECK(cpp.load().harness == std::vector<CodeFile>{{"adapter.cpp", "QB_FUNCTION(f)\n"}});
  const Folder program("cpp", "solution.cpp");
  program.write_cases(R"({"stdin": "1 2", "stdout": "3"})");
  CHECK(program.load().harness.empty());
  check_mentions(Folder("cobol", "solution.cob").refuse(), {"cobol", "python"});
}

TEST_CASE("an answer of several files has exactly these") {
  const Folder folder;
  write_file(folder.task / "task.json",
             R"({"paths": ["shop/a.py", "shop/b.py"], "cases": [{"call": "shop.a:f", "args": [], "returns": null}]})");
  check_mentions(folder.refuse(), {"reference", "shop/a.py"});
  for (const char* answer : {"reference", "wrong/off-by-one"}) {
    write_file(folder.task / answer / "shop" / "a.py", std::string("a ") + answer);
    write_file(folder.task / answer / "shop" / "b.py", "b");
  }
  check_mentions(folder.refuse(), {"solution.py", "does not name"});
  fs::remove(folder.task / "reference" / "solution.py");
  fs::remove(folder.task / "wrong" / "off-by-one" / "solution.py");
  CHECK(folder.load().reference.size() == 2);
}

TEST_CASE("a task that lacks a part says which") {
  const auto refused_without = [](const char* part) {
    const Folder folder;
    fs::remove_all(folder.task / part);
    return folder.refuse();
  };
  check_mentions(refused_without("task.json"), {"task.json", "no such file"});
  check_mentions(refused_without("reference"), {"has no reference"});
  check_mentions(refused_without("reference/solution.py"), {"solution.py", "no such file"});
  check_mentions(refused_without("prompt.txt"), {"prompt.txt", "no such file"});
  check_mentions(refused_without(""), {"there is no folder of task 'one'"});
  const Folder no_language;
  write_file(no_language.suite / "suite.json", R"({"prompts": [{"id": "one", "task": "t"}]})");
  check_mentions(no_language.refuse(), {"no 'language'"});
  const Folder same;
  write_file(same.task / "wrong" / "off-by-one" / "solution.py", "right\n");
  check_mentions(same.refuse(), {"off-by-one", "is the reference itself"});
}

TEST_CASE("every corruption of a task.json is one config error that says where") {
  struct Case {
    std::string_view json, expected;
  };
  for (const Case& c : {
           Case{"", "not valid JSON"},
           Case{"[]", "expected an object"},
           Case{R"({"cases": 1})", "'cases'"},
           Case{R"({"case": []})", "did you mean 'cases'?"},
           Case{R"({"cases": [{"call": "f", "args": [], "returns": 1}], "checks": {}})", "both"},
           Case{R"({"cases": [{"call": "f", "args": [], "returns": 1}], "tolerance": -1})", "'tolerance'"},
           Case{R"({"cases": [{"call": "f", "args": [], "returns": 1}], "tolerance": "x"})", "'tolerance'"},
           Case{R"({"cases": [{"call": "f", "args": [], "returns": 1}], "paths": []})", "'paths'"},
           Case{R"({"cases": [{"call": "f", "args": [], "returns": 1}], "paths": ["../x.py"]})", "no path below"},
           Case{R"({"cases": [{"call": "f", "args": [], "returns": 1}], "paths": ["/x.py"]})", "no path below"},
           Case{R"({"cases": [{"call": "f", "args": [], "returns": 1}], "paths": ["x.py", "x.py"]})", "twice"},
       }) {
    CAPTURE(c.json);
    const Folder folder;
    write_file(folder.task / "task.json", c.json);
    check_mentions(folder.refuse(), {"task.json", c.expected});
  }
}

TEST_CASE("every corruption of a case says which case and what is wrong") {
  struct Case {
    std::string_view json, expected;
  };
  for (const Case& c : {
           Case{"1", "expected an object"},
           Case{"{}", "is no case"},
           Case{R"({"call": "f", "args": []})", "tests nothing"},
           Case{R"({"call": "f", "returns": 1})", "'args'"},
           Case{R"({"call": "f", "args": 1, "returns": 1})", "'args'"},
           Case{R"~({"call": "f()", "args": [], "returns": 1})~", "nothing that can be called"},
           Case{R"({"call": "", "args": [], "returns": 1})", "nothing that can be called"},
           Case{R"({"call": "a:b:c", "args": [], "returns": 1})", "nothing that can be called"},
           Case{R"({"call": "a/b:c", "args": [], "returns": 1})", "nothing that can be called"},
           Case{R"({"call": "f", "args": [], "returns": 1, "raises": "ValueError"})", "both"},
           Case{R"({"call": "f", "args": [], "raises": "no name"})", "'raises'"},
           Case{R"({"call": "f", "args": [], "return": 1})", "did you mean 'returns'?"},
           Case{R"({"call": "f", "args": [], "returns": 1, "unordered": true})", "'unordered'"},
           Case{R"({"call": "f", "args": [], "returns": {"$tupel": []}})", "did you mean '$tuple'?"},
           Case{R"({"call": "f", "args": [], "returns": {"$tuple": 1}})", "'$tuple'"},
           Case{R"({"call": "f", "args": [], "returns": {"$set": [], "x": 1}})", "does not stand alone"},
           Case{R"({"call": "f", "args": [], "returns": {"$dict": [[1]]}})", "[key, value]"},
           Case{R"({"call": "f", "args": [{"$bytes": "0g"}], "returns": 1})", "'$bytes'"},
           Case{R"({"call": "f", "args": [{"$bytes": "abc"}], "returns": 1})", "'$bytes'"},
           Case{R"({"call": "f", "args": [{"$float": "1.5"}], "returns": 1})", "'$float'"},
           Case{R"({"call": "f", "args": [{"$int": "1e5"}], "returns": 1})", "'$int'"},
           Case{R"({"call": "f", "args": [{"$int": ""}], "returns": 1})", "'$int'"},
           Case{R"({"call": "f", "args": [{"$undefined": false}], "returns": 1})", "'$undefined'"},
           Case{R"({"call": "f", "args": [{"$ref": "cart"}], "returns": 1})", "'$ref'"},
           Case{R"({"call": "f", "args": [{"a": [{"$ref": "cart"}]}], "returns": 1})", "'$ref'"},
           Case{R"({"steps": []})", "'steps'"},
           Case{R"({"steps": [{"call": "f", "args": []}]})", "tests nothing"},
           Case{R"({"steps": [{"call": "f", "get": "f", "args": []}]})", "both 'call' and 'get'"},
           Case{R"({"steps": [{"args": []}]})", "none of"},
           Case{R"({"steps": [{"new": "C", "args": [], "as": "1c"}]})", "'as'"},
           Case{R"({"steps": [{"get": "c.size", "returns": {"$ref": "c"}}]})", "'$ref'"},
           Case{R"({"steps": [{"get": "c.size", "args": [], "returns": 1}]})", "unknown key 'args'"},
           Case{R"({"stdin": "x"})", "tests nothing"},
           Case{R"({"stdout": 1})", "'stdout'"},
           Case{R"({"stdout": "", "argv": "x"})", "'argv'"},
           Case{R"({"stdout": "", "argv": ["a\u0000b"]})", "NUL"},
           Case{R"({"stdout": "", "returns": 1})", "unknown key 'returns'"},
       }) {
    CAPTURE(c.json);
    const Folder folder;
    folder.write_cases(std::string(kGoodCase) + ", " + std::string(c.json));
    check_mentions(folder.refuse(), {"task.json", "case 2", c.expected});
  }
}

TEST_CASE("steps pass objects on by name") {
  const Folder folder;
  folder.write_cases(
      R"({"steps": [{"new": "shop.cart:Cart", "args": [], "as": "cart"}, {"call": "total", "args": [{"$ref": "cart"}], "returns": 0}]})");
  CHECK_NOTHROW(folder.load());
  const Folder cpp("cpp", "solution.cpp");
  cpp.write_cases(R"({"steps": [{"new": "Cart", "args": [], "as": "cart"}]})");
  check_mentions(cpp.refuse(), {"free functions only"});
}

}  // namespace qbench::workload
