#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "quality/rating/facts.h"
#include "quality/rating/rating.h"
#include "sandbox/sandbox.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::quality;

TEST_CASE("what is no report of a tool is nothing, and fields of another type are as if absent") {
  for (const char* text : {"", "{", "[]", "null", "{\"functions\": []}", "\xff\xfe"}) CHECK_FALSE(read_facts(text).has_value());
  const auto facts = read_facts(
      R"({"files": [{"path": 3, "lines": "x", "code_lines": -5, "parse_error": "no"}, 7], "functions": {}, "risks": [{"line": 1e300, "handled": "yes"}]})");
  REQUIRE(facts.has_value());
  CHECK(facts->files.size() == 2);
  CHECK(facts->files[0].path.empty());
  CHECK(facts->functions.empty());
  CHECK(facts->risks[0].line == 0);
  CHECK_FALSE(facts->risks[0].flag);
  CHECK_FALSE(read_bandit("Traceback").has_value());
  CHECK_FALSE(read_coverage("{}").has_value());
}

TEST_CASE("mypy's lines are read, its imports left out") {
  const auto found = read_mypy(
      "/task/code/a/b.py:12:5: error: Incompatible return value type (got \"str\", expected \"int\")  [return-value]\n"
      "/task/code/a.py:1:1: error: Cannot find implementation or library stub for module named \"torch\"  [import]\n"
      "/task/code/a.py:3:1: note: See the manual\n"
      "error: nothing\n: error:   [x]\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].file == "a/b.py");
  CHECK(found[0].line == 12);
  CHECK(found[0].kind == "return-value");
  CHECK(found[0].text == "Incompatible return value type (got \"str\", expected \"int\")");
}

TEST_CASE("g++'s reports are read, and a header that is not here is no error of the answer") {
  std::optional<std::string> missing;
  const auto found = read_gcc(
      R"([{"kind": "error", "message": "expected ';'", "locations": [{"caret": {"file": "/task/code/x.cpp", "line": 4}}]}, {"kind": "note", "message": "here"}])"
      "\n"
      R"([{"kind": "warning", "message": "unused", "option": "-Wunused-variable", "locations": []}, {"kind": "fatal error", "message": "gtest/gtest.h: No such file or directory"}])"
      "\nno json\n",
      missing);
  REQUIRE(found.size() == 3);
  CHECK(found[0].file == "x.cpp");
  CHECK(found[0].line == 4);
  CHECK(found[0].flag);
  CHECK(found[1].kind == "-Wunused-variable");
  CHECK_FALSE(found[1].flag);
  CHECK(missing == "gtest/gtest.h");
}

namespace {

/// Rates with the real readers; nothing where there is no sandbox or no interpreter.
std::optional<Rating> rate(const std::string& language, const std::string& path, const std::string& text, const std::string& prompt = {},
                           const std::optional<Correctness>& correctness = {}) {
  if (!std::filesystem::exists(language == "typescript" ? ToolPaths().typescript : ToolPaths().python)) {
    test::report_skip("analyzers", language + ": scripts/setup.sh --quality");
    return std::nullopt;
  }
  try {
    const auto sandbox = sandbox::Sandbox::open({});
    const std::vector<workload::CodeFile> code{{path, text}};
    RatingInput input;
    input.language = language;
    input.code = code;
    input.prompt = prompt;
    input.correctness = correctness;
    RaterOptions options;
    options.tools.mypy = options.tools.bandit = "/nonexistent";  // seconds a case, and not what these are about
    return Rater(*sandbox, options).rate(input);
  } catch (const Error& error) {
    test::report_skip("analyzers", error.what());
    return std::nullopt;
  }
}

}  // namespace

TEST_CASE("bytes that are no text of the language are an answer that does not parse, and one star") {
  using namespace std::string_literals;
  const struct {
    const char *language, *path;
    std::string text;
  } cases[] = {
      {"python", "solution.py", "def f():\n    return '\xff\xfe'\n"},
      {"python", "solution.py", "def f():\0\n    return 1\n"s},
      {"python", "solution.py", std::string(3000, '(') + "\n"},
      {"python", "solution.py", "# -*- coding: nonsense -*-\nx = 1\n"},
      {"cpp", "solution.cpp", "int f() { return \xff; }\n"},
      {"cpp", "solution.cpp", "int f() { return 0; }\0"s},
      {"typescript", "solution.ts", "export function f( { return 1; }\n"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.language);
    CAPTURE(one.text.substr(0, 40));
    const auto rating = rate(one.language, one.path, one.text);
    if (!rating) return;
    CAPTURE(rating->stars_reason);
    CHECK(rating->stars == 1);
    CHECK(rating->kpi(Kpi::kCompleteness).value == 0.0);
    CHECK_FALSE(rating->kpi(Kpi::kDocumentation).value.has_value());
  }
}

TEST_CASE("operations that can fail are found, and what handles them is seen") {
  struct Case {
    const char* what;
    const char* code;
    double percent;
  };
  const Case cases[] = {
      {"a plain open", "def f(p):\n    return open(p).read()\n", 0},
      {"a try around it", "def f(p):\n    try:\n        return open(p).read()\n    except OSError:\n        return ''\n", 100},
      {"an empty handler", "def f(p):\n    try:\n        return open(p).read()\n    except OSError:\n        pass\n", 0},
      {"everything caught and dropped", "def f(p):\n    try:\n        return open(p).read()\n    except Exception:\n        return None\n",
       0},
      {"one kind of error, answered by nothing",
       "def f(p):\n    try:\n        return open(p).read()\n    except OSError:\n        return None\n", 100},
      {"a try in the only caller",
       "def g(p):\n    return open(p).read()\ndef f(p):\n    try:\n        return g(p)\n    except OSError:\n        return ''\n", 100},
      {"one caller without",
       "def g(p):\n    return open(p).read()\ndef f(p):\n    try:\n        return g(p)\n    except OSError:\n        return ''\ndef "
       "h(p):\n    return g(p)\n",
       0},
      {"a test before the index", "import sys\ndef f():\n    if len(sys.argv) < 2:\n        return ''\n    return sys.argv[1]\n", 100},
      {"no test", "import sys\ndef f():\n    return sys.argv[1]\n", 0},
      {"argparse calls it",
       "import argparse\ndef age(text: str):\n    return int(text)\ndef f():\n    p = argparse.ArgumentParser()\n    p.add_argument('a', "
       "type=age)\n",
       100},
      {"suppressed on purpose", "import contextlib, os\ndef f(p):\n    with contextlib.suppress(OSError):\n        os.remove(p)\n", 100},
      {"in the else of a try",
       "def f(p):\n    try:\n        x = 1\n    except ValueError:\n        x = 2\n    else:\n        open(p)\n    return x\n", 0},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    const auto rating = rate("python", "solution.py", one.code);
    if (!rating) return;
    CAPTURE(rating->kpi(Kpi::kErrorHandling).evidence);
    REQUIRE(rating->kpi(Kpi::kErrorHandling).value.has_value());
    CHECK(*rating->kpi(Kpi::kErrorHandling).value == one.percent);
  }
}

TEST_CASE("a docstring documents when it says more than the name, and not what another says") {
  CHECK(says_more("Return the mean of the numbers.", "mean"));
  CHECK(says_more("Bilder lesen", "load_images"));
  for (const char* doc : {"", "Predict.", "This function predicts.", "/** predict */", "The class.", "x y z"}) {
    CAPTURE(doc);
    CHECK_FALSE(says_more(doc, "predict"));
  }
  CHECK_FALSE(says_more("Image loader", "ImageLoader"));
  Facts facts;
  for (const char* name : {"f", "g", "h"}) {
    facts.functions.emplace_back();
    facts.functions.back().name = name;
    facts.functions.back().doc = "Lorem ipsum dolor sit amet.";
  }
  facts.functions[2].doc = "Close the file.";
  mark_documented(facts);
  CHECK(facts.functions[0].documented);
  CHECK_FALSE(facts.functions[1].documented);
  CHECK(facts.functions[2].documented);
}

TEST_CASE("functions that do nothing are no more than names") {
  struct Case {
    const char *language, *path, *code;
    bool nothing;
  };
  const Case cases[] = {
      {"python", "a.py", "def f(x):\n    return None\n", true},
      {"python", "a.py", "def f(x):\n    \"\"\"Find x.\"\"\"\n    return []\n", true},
      {"python", "a.py", "def f():\n    return\n", true},
      {"python", "a.py", "def f():\n    return {\"status\": \"ok\"}\n", false},
      {"python", "a.py", "def f(_request):\n    return {\"status\": \"ok\"}\n", false},
      {"python", "a.py", "def f(x):\n    return [x]\n", false},
      {"python", "a.py", "class A(B):\n    def visit(self, node):\n        return None\n", false},
      {"python", "a.py", "class A:\n    def __eq__(self, other):\n        return NotImplemented\n", false},
      {"typescript", "a.ts", "export function f(x: number): number[] { return []; }\n", true},
      {"typescript", "a.ts", "export function f(x: number): number[] { return [x]; }\n", false},
      {"typescript", "a.ts", "export function f(): string { return \"1.0\"; }\n", false},
      {"cpp", "a.cpp", "template <class K>\nstruct A {\n  const int* get(const K&) { return nullptr; }\n};\n", true},
      {"cpp", "a.cpp", "void put(int, int) { return; }\n", true},
      {"cpp", "a.cpp", "int main() { return 0; }\n", true},
      {"cpp", "a.cpp", "struct B { virtual int f(int) { return 0; } };\nint g() { return 3; }\n", false},
      {"cpp", "a.cpp", "int f(int x) { return x; }\n", false},
  };
  for (const Case& one : cases) {
    CAPTURE(one.code);
    const auto rating = rate(one.language, one.path, one.code);
    if (!rating) return;
    CAPTURE(rating->stars_reason);
    CAPTURE(rating->kpi(Kpi::kCompleteness).evidence);
    CHECK((rating->stars_reason == "its only function does nothing") == one.nothing);
    CHECK((rating->kpi(Kpi::kCompleteness).value == 0.0) == one.nothing);
  }
}

TEST_CASE("Any is no type, in a container and of open arguments it is") {
  const auto typed = [](const char* code) {
    const auto rating = rate("python", "a.py", code);
    return rating ? rating->kpi(Kpi::kTypeCompliance).value : std::optional<double>();
  };
  const char* head = "from typing import Any, Optional\n\n\n";
  const auto with = [&](const std::string& rest) { return typed((head + rest).c_str()); };
  if (!typed("def f(x: int) -> int:\n    return x\n")) return;
  CHECK(with("def f(x: Any) -> Any:\n    return x\n") == 0.0);
  CHECK(with("def f(x: Optional[Any]) -> int:\n    return len(str(x))\n") == 50.0);
  CHECK(with("def f(x: 'Any') -> int:\n    return len(str(x))\n") == 50.0);
  CHECK(with("def f(x: dict[str, Any], *rest: Any) -> int:\n    return len(x) + len(rest)\n") == 100.0);
}

TEST_CASE("code that nothing uses is not counted, however well it is written") {
  std::string program = "import sys\n\n\ndef f(p):\n    return open(p).read()\n\n\n";
  const std::string end = "if __name__ == \"__main__\":\n    print(f(sys.argv[1]))\n";
  const auto plain = rate("python", "a.py", program + end);
  if (!plain) return;
  for (int i = 0; i < 20; ++i) {
    const std::string n = std::to_string(i);
    program += "def helper_" + n + "(value: int) -> int:\n    \"\"\"Add the number " + n + ".\"\"\"\n    return value + " + n + "\n\n\n";
  }
  const auto padded = rate("python", "a.py", program + end);
  REQUIRE(padded.has_value());
  for (const Kpi kpi : {Kpi::kCompleteness, Kpi::kDocumentation, Kpi::kTypeCompliance, Kpi::kStructure})
    CHECK(padded->kpi(kpi).value == plain->kpi(kpi).value);
  REQUIRE_FALSE(padded->limitations.empty());
  std::string all;
  for (const std::string& one : padded->limitations) all += one + "\n";
  CHECK(all.find("defined and used nowhere, so not counted: helper_0(), helper_1(), helper_2() (lines 8, 13, 18, 23 and 16 more)") !=
        std::string::npos);
  // A library's functions are used by others.
  const auto library = rate("python", "a.py", "def f(x: int) -> int:\n    return x\n\n\ndef g(x):\n    return x\n");
  CHECK(library->kpi(Kpi::kTypeCompliance).of == 4);
}

TEST_CASE("names that are defined are not said to be missing, whatever a function is called") {
  const auto undefined = [](const char* code) {
    const auto rating = rate("python", "a.py", code);
    if (!rating) return std::string("skipped");
    const std::string& why = rating->kpi(Kpi::kCompleteness).evidence;
    return why.find("used and defined nowhere") != std::string::npos ? rating->stars_reason : std::string();
  };
  if (undefined("x = 1\n") == "skipped") return;
  CHECK(undefined("class A:\n    def top(self, count):\n        rows = self.rows()\n        return rows[:count]\n") == "");
  CHECK(undefined("def top(n):\n    import os\n    return [os.name for k in range(n)]\n") == "");
  CHECK(undefined("n = 1\n\n\ndef top(k):\n    global n\n    n = k\n    return n + k\n") == "");
  CHECK(undefined("def top(n):\n    return lost + n\n") == "lost is used in line 2 and defined nowhere");
}

TEST_CASE("names in comments and docstrings are not the code asked for") {
  const struct {
    const char *language, *path, *code;
  } cases[] = {
      {"python", "a.py", "\"\"\"load_config\"\"\"\n# load_config\n\n\ndef f(x):\n    \"\"\"load_config\"\"\"\n    return x + 1\n"},
      {"typescript", "a.ts", "/** load_config */\nexport function f(x: number): number { return x + 1; } // load_config\n"},
      {"cpp", "a.cpp", "// load_config\nint f(int x) { /* load_config */ return x + 1; }\n"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.language);
    const auto without = rate(one.language, one.path, one.code, "Write `load_config`.");
    if (!without) return;
    CHECK(without->kpi(Kpi::kCompleteness).value == 5.0);
    const auto there = rate(one.language, one.path, one.code, "Write `f`, with a `load_config`.");
    CHECK(there->kpi(Kpi::kCompleteness).evidence.find("not there: load_config") != std::string::npos);
  }
  // What passes its tests has all that was meant by a name.
  const auto passed = rate("python", "a.py", cases[0].code, "Keys such as `load_config` too.",
                           Correctness{record::TaskStatus::kPass, 3, 3, "tests", "", 4.9});
  if (passed) CHECK(passed->kpi(Kpi::kCompleteness).value == 10.0);
  const auto option = rate("python", "a.py", "def f(p):\n    p.add_argument(\"--since\")\n", "It takes `--since`.");
  if (option) CHECK(option->kpi(Kpi::kCompleteness).value == 10.0);
}
