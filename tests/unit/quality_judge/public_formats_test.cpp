// Tasks as the public files write them, from file to verdict.
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "judge_test_support.h"
#include "test_support.h"
#include "workload/suite.h"

namespace qbench::quality {
namespace {

using nlohmann::json;
using record::TaskStatus;
using test::check_status;
using test::judged;

workload::Task task_of(const json& entry) {
  const qbench::test::TempDir dir;
  std::ofstream(dir.path() / "t.jsonl", std::ios::binary) << entry.dump() << "\n";
  return *workload::load_suite(dir.path() / "t.jsonl").prompts.front().task;
}

json evalplus(const char* id, const char* entry, const char* prompt, const char* solution, json inputs, double atol = 0) {
  return {{"task_id", id},        {"entry_point", entry}, {"prompt", prompt},           {"canonical_solution", solution},
          {"base_input", inputs}, {"plus_input", inputs}, {"contract", "assert x > 0"}, {"atol", atol}};
}

}  // namespace

TEST_CASE("EvalPlus' own files: the reference says what is expected, within their tolerance") {
  if (!test::sandbox_or_skip()) return;
  const workload::Task task = task_of(
      evalplus("HumanEval/9", "half", "def half(x):\n    \"\"\"half\"\"\"\n", "    return x / 2\n", {{1}, {3}, {json::parse("[1]")[0]}}));
  check_status(judged(task, "def half(x):\n    return x * 0.5\n"), TaskStatus::kPass);
  check_status(judged(task, "def half(x):\n    return x * 0.5 + 1e-9\n"), TaskStatus::kPass);  // floats are near within 1e-6
  check_status(judged(task, "def half(x):\n    return x * 0.5 + 1e-3\n"), TaskStatus::kWrong);
  check_status(judged(task, "def half(x):\n    return x // 2\n"), TaskStatus::kWrong);
  check_status(judged(task, "class Half(float):\n    def __eq__(self, o): return True\ndef half(x):\n    return Half(0)\n"),
               TaskStatus::kWrong);
}

TEST_CASE("EvalPlus' MBPP: arguments that JSON cannot hold, and tasks with an oracle of their own") {
  if (!test::sandbox_or_skip()) return;
  const workload::Task tuples =
      task_of(evalplus("Mbpp/2", "similar_elements", "\"\"\"Find the shared elements.\"\"\"\n",
                       "\ndef similar_elements(a, b):\n    assert type(a) is tuple\n    return tuple(set(a) & set(b))\n",
                       {{{1, 2}, {2, 3}}, {{4, 5}, {5, 4}}}));
  check_status(judged(tuples, "def similar_elements(a, b):\n    assert type(a) is tuple\n    return [x for x in a if x in b]\n"),
               TaskStatus::kPass);  // as sets
  check_status(judged(tuples, "def similar_elements(a, b):\n    return a\n"), TaskStatus::kWrong);
  const workload::Task complex = task_of(evalplus("Mbpp/252", "convert", "\"\"\"To polar.\"\"\"\n",
                                                  "\nimport cmath\ndef convert(z):\n    return cmath.polar(z)\n", {{"(1+2j)"}}));
  check_status(judged(complex, "import cmath\ndef convert(z):\n    return (abs(z), cmath.phase(z))\n"), TaskStatus::kPass);
}

TEST_CASE("the published tests of HumanEval+ and MBPP+ run without numpy") {
  if (!test::sandbox_or_skip()) return;
  const char* test =
      "import numpy as np\n\ndef is_floats(x) -> bool:\n    if isinstance(x, float):\n        return True\n    if isinstance(x, "
      "np.ndarray):\n        return x.dtype == np.float64 or x.dtype == np.float32\n"
      "    return False\n\n\ndef assertion(out, exp, atol):\n    exact_match = out == exp\n    if atol == 0 and is_floats(exp):\n        "
      "atol = 1e-6\n    if not exact_match and atol != 0:\n"
      "        np.testing.assert_allclose(out, exp, rtol=1e-07, atol=atol)\n    else:\n        assert exact_match\n\n";
  const std::string plus = std::string(test) +
                           "def check(candidate):\n    inputs = [[1], [2]]\n    results = [0.5, 1.0]\n    for i, (inp, exp) in "
                           "enumerate(zip(inputs, results)):\n        assertion(candidate(*inp), exp, 0)\n";
  const workload::Task human = task_of({{"task_id", "HumanEval/1"},
                                        {"prompt", "def half(x):\n    \"\"\"half\"\"\"\n"},
                                        {"entry_point", "half"},
                                        {"canonical_solution", "    return x / 2\n"},
                                        {"test", plus}});
  check_status(judged(human, "def half(x):\n    return x / 2 + 1e-8\n"), TaskStatus::kPass);
  check_status(judged(human, "def half(x):\n    return x / 3\n"), TaskStatus::kWrong);
  const std::string mbpp = std::string(test) +
                           "inputs = [[1], [2]]\nresults = [0.5, 1.0]\nfor i, (inp, exp) in enumerate(zip(inputs, results)):\n    "
                           "assertion(half(*inp), exp, 0)\n";
  const workload::Task other = task_of({{"task_id", 7},
                                        {"prompt", "Halve."},
                                        {"code", "def half(x):\n    return x / 2\n"},
                                        {"test_imports", json::array()},
                                        {"test_list", {"assert half(1) == 0.5"}},
                                        {"test", mbpp}});
  check_status(judged(other, "def half(x):\n    return x / 2\n"), TaskStatus::kPass);
  check_status(judged(other, "def half(x):\n    return 0.5\n"), TaskStatus::kWrong);
}

TEST_CASE("the tests of MBPP call what they name") {
  if (!test::sandbox_or_skip()) return;
  const workload::Task task = task_of({{"task_id", 5},
                                       {"text", "Add."},
                                       {"code", "def add(a, b):\n    return a + b\n"},
                                       {"test_setup_code", "import math"},
                                       {"test_list", {"assert add(1, 2) == math.floor(3.5)", "assert set(add([1], [2])) == {1, 2}"}}});
  check_status(judged(task, "def add(a, b):\n    return a + b\n"), TaskStatus::kPass);
  check_status(judged(task, "def add(a, b):\n    return a\n"), TaskStatus::kWrong);
}

/// As the published files have them: MBPP/126, 596, 533, 737 and 19.
TEST_CASE("tests of MBPP may lean on what the answer brings: names of builtins, modules, types, matches, functions called test_...") {
  if (!test::sandbox_or_skip()) return;
  const auto mbpp = [](const char* code, std::vector<std::string> tests) {
    return task_of({{"task_id", 1}, {"text", "Write it."}, {"code", code}, {"test_setup_code", ""}, {"test_list", std::move(tests)}});
  };
  const workload::Task shadow = mbpp("def sum(a, b):\n    return a * b\n", {"assert sum(10, 15) == 150"});
  check_status(judged(shadow, "def sum(a, b):\n    return b * a\n"), TaskStatus::kPass);
  check_status(judged(shadow, "def other(a, b):\n    return b * a\n"), TaskStatus::kException);
  const workload::Task module =
      mbpp("import sys\ndef size(t):\n    return sys.getsizeof(t)\n", {"assert size((1, 2)) == sys.getsizeof((1, 2))"});
  check_status(judged(module, "import sys\ndef size(t):\n    return sys.getsizeof(t)\n"), TaskStatus::kPass);
  check_status(judged(module, "import sys\ndef size(t):\n    return 1\n"), TaskStatus::kWrong);
  const workload::Task type =
      mbpp("def drop(t, kind):\n    return [x for x in t if not isinstance(x, kind)]\n", {"assert drop((4, 7.5), int) == [7.5]"});
  check_status(judged(type, "def drop(t, kind):\n    return [x for x in t if type(x) is not kind]\n"), TaskStatus::kPass);
  check_status(judged(type, "def drop(t, kind):\n    return list(t)\n"), TaskStatus::kWrong);
  const workload::Task match = mbpp("import re\ndef f(t):\n    return re.search('^a', t)\n", {"assert f('ab')", "assert not f('ba')"});
  check_status(judged(match, "import re\ndef f(t):\n    return re.match('a', t)\n"), TaskStatus::kPass);
  check_status(judged(match, "import re\ndef f(t):\n    return re.match('', t)\n"), TaskStatus::kWrong);
  const workload::Task named = mbpp("def test_twice(a):\n    return 2 * a\n", {"assert test_twice(4) == 8"});
  const auto room = test::sandbox_or_skip();
  Judge judge(*room, {});
  check_status(judge.judge_answer(named, "Sure:\n```python\ndef test_twice(a):\n    return a + a\n```\n"), TaskStatus::kPass);
}

TEST_CASE("a result without a literal is true or false, gives its items, and is no value otherwise") {
  if (!test::sandbox_or_skip()) return;
  const workload::Task task =
      test::human_eval_task("def f(x):\n    \"\"\"f\"\"\"\n", "f", "def check(candidate):\n    assert list(candidate(3)) == [0, 1, 2]\n");
  check_status(judged(task, "def f(x):\n    return (i for i in range(x))\n"), TaskStatus::kPass);
  check_status(judged(task, "def f(x):\n    return range(1, x)\n"), TaskStatus::kWrong);
  CHECK(judged(task, "import itertools\ndef f(x):\n    return itertools.count()\n").status != TaskStatus::kPass);
  const workload::Task equal =
      test::human_eval_task("def f(x):\n    \"\"\"f\"\"\"\n", "f", "def check(candidate):\n    assert candidate(3) == [0, 1, 2]\n");
  const char* forged = "class A:\n    def __eq__(self, o): return True\n    def __bool__(self): return True\ndef f(x):\n    return A()\n";
  const Verdict verdict = judged(equal, forged);
  check_status(verdict, TaskStatus::kWrong);
  CHECK(verdict.detail.find("an object of type A is no value") != std::string::npos);
}

TEST_CASE("EvalPlus' files hold NaN and Infinity, an empty object for no inputs, numbers for MBPP's ids, results of megabytes and of 100,000 digits") {
  if (!test::sandbox_or_skip()) return;
  const qbench::test::TempDir dir;
  std::ofstream(dir.path() / "t.jsonl", std::ios::binary)
      << R"({"task_id": "Mbpp/1", "prompt": "P", "entry_point": "f", "canonical_solution": "\ndef f(x):\n    return abs(x)\n", "base_input": [[-Infinity], [NaN], [Infinity], [-2]], "plus_input": {}, "atol": 0})"
      << "\n";
  const workload::Task special = *workload::load_suite(dir.path() / "t.jsonl").prompts.front().task;
  check_status(judged(special, "def f(x):\n    return x if x >= 0 else -x\n"), TaskStatus::kPass);
  check_status(judged(special, "def f(x):\n    return 0\n"), TaskStatus::kWrong);
  std::ofstream(dir.path() / "n.jsonl", std::ios::binary)
      << R"({"task_id": 2, "prompt": "P", "entry_point": "f", "canonical_solution": "\ndef f(x, y):\n    return x + y + ()\n", "base_input": [[[3, 4], [5]]], "plus_input": {}, "atol": 0})"
      << "\n";
  const workload::Task numbered = *workload::load_suite(dir.path() / "n.jsonl").prompts.front().task;  // as MbppPlus' first release has ids
  CHECK(numbered.id == "MBPP/2");
  check_status(judged(numbered, "def f(x, y):\n    return (*x, *y)\n"), TaskStatus::kPass);
  check_status(judged(numbered, "def f(x, y):\n    return [*x, *y]\n"), TaskStatus::kWrong);
  const workload::Task found = task_of(evalplus("Mbpp/737", "check_str", "Does it begin with a vowel?",
                                                "import re\ndef check_str(x):\n    return re.search('^[aeiou]', x)\n", {{"up"}, {"down"}}));
  check_status(judged(found, "import re\ndef check_str(x):\n    return re.match('[aeiou]', x)\n"), TaskStatus::kPass);
  check_status(judged(found, "def check_str(x):\n    return x[0] in 'aeiou'\n"), TaskStatus::kPass);
  check_status(judged(found, "def check_str(x):\n    return None\n"), TaskStatus::kWrong);
  const workload::Task large = task_of(evalplus("HumanEval/130", "f", "def f(x):\n    \"\"\"f\"\"\"\n",
                                                "    return list(range(x)) if x < 400000 else 7 ** x\n", {{300000}, {400000}}));
  check_status(judged(large, "def f(x):\n    return [i for i in range(x)] if x < 400000 else 7 ** x\n"), TaskStatus::kPass);
  check_status(judged(large, "def f(x):\n    return [i for i in range(x)] if x < 400000 else 7 ** x + 1\n"), TaskStatus::kWrong);
}

}  // namespace qbench::quality
