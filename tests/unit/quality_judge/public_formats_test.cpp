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

}  // namespace qbench::quality
