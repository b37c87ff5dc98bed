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

/// Rates with the real tools; nothing where there is no sandbox or no interpreter.
std::optional<Rating> rate(const std::string& language, const std::string& path, const std::string& text) {
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
    return Rater(*sandbox).rate(input);
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
