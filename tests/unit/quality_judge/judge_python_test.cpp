// A suite's own Python test, in a sandbox of its own.
#include "judge_test_support.h"

namespace qbench::quality {
namespace {

using record::TaskStatus;
using test::check_status;
using test::human_eval_task;
using test::judged;
using test::sandbox_or_skip;

workload::Task add_task() {
  return human_eval_task("def add(a, b):\n    \"\"\"Adds.\"\"\"\n", "add",
                         "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(2, 2) == 4\n");
}

/// A task of one function f whose test has these lines.
workload::Task task_of(const std::string& lines) {
  return human_eval_task("def f(x):\n    \"\"\"f\"\"\"\n", "f", "def check(candidate):\n" + lines);
}

}  // namespace

TEST_CASE("a right function passes a suite's own test and others get the status that says why") {
  if (!sandbox_or_skip()) return;
  struct Case {
    const char* code;
    TaskStatus status;
    const char* detail;
  };
  for (const Case& c : {
           Case{"def add(a, b):\n    return a + b\n", TaskStatus::kPass, ""},
           Case{"def add(a, b):\n    return a - b\n", TaskStatus::kWrong, "candidate(1, 2) == 3"},
           Case{"def add(a, b):\n    return 3\n", TaskStatus::kWrong, "candidate(2, 2) == 4"},
           Case{"def add(a, b):\n    raise KeyError('k')\n", TaskStatus::kException, "KeyError: 'k'"},
           Case{"def add(a, b)\n    return 3\n", TaskStatus::kCompileError, "SyntaxError"},
           Case{"import nothing_like_this\n", TaskStatus::kException, "ModuleNotFoundError"},
           Case{"def other():\n    return 3\n", TaskStatus::kException, "NameError: name 'add' is not defined"},
           Case{"x = 1 / 0\n", TaskStatus::kException, "ZeroDivisionError"},
           Case{"def add(a, b):\n    while True: pass\n", TaskStatus::kCpuTimeout, ""},
           Case{"def add(a, b):\n    import os; os.abort()\n", TaskStatus::kCrash, ""},
           Case{"def add(a, b):\n    return [0] * (1 << 40)\n", TaskStatus::kOom, "MemoryError"},
           Case{"def add(a, b):\n    return object()\n", TaskStatus::kWrong, "an object of type object is no value"},
           Case{"def add(a, b):\n    while True: print('x' * 100000)\n", TaskStatus::kOutputLimit, ""},
           Case{"def add(a, b):\n    return 'x' * (1 << 25)\n", TaskStatus::kWrong, "is no value"},
       }) {
    CAPTURE(std::string(c.code));
    const Verdict verdict = judged(add_task(), c.code);
    check_status(verdict, c.status);
    CHECK_MESSAGE(verdict.detail.find(c.detail) != std::string::npos, verdict.detail);
    CHECK(verdict.detail.find('\n') == std::string::npos);
    CHECK_FALSE(verdict.judged_inside);
  }
}

TEST_CASE("sleeping is told from computing") {
  if (!sandbox_or_skip()) return;
  JudgeOptions options = test::quick_options();
  options.limits.wall_s = 1.5;
  check_status(judged(add_task(), "import time\ndef add(a, b):\n    time.sleep(100)\n", options), TaskStatus::kWallTimeout);
}

TEST_CASE("what the candidate prints is no result and does no harm") {
  if (!sandbox_or_skip()) return;
  check_status(judged(add_task(), "print('hello')\ndef add(a, b):\n    print('adding', a, b)\n    return a + b\n"), TaskStatus::kPass);
}

TEST_CASE("imports and helpers of the prompt are there on both sides") {
  if (!sandbox_or_skip()) return;
  const workload::Task task = human_eval_task("import math\n\ndef twice(x):\n    return 2 * x\n\ndef f(x):\n    \"\"\"f\"\"\"\n", "f",
                                              "def check(candidate):\n    assert candidate(4) == twice(math.sqrt(4))\n");
  check_status(judged(task, "def f(x):\n    return twice(math.sqrt(x))\n"), TaskStatus::kPass);
  check_status(judged(task, task.prefix + "    return twice(math.sqrt(x))\n"), TaskStatus::kPass);
}

TEST_CASE("arguments that the candidate changes are changed for the test") {
  if (!sandbox_or_skip()) return;
  const workload::Task task = task_of(
      "    a = [3, 1, 2]\n    b = a\n    candidate(a)\n    assert b == [1, 2, 3]\n"
      "    d = {'k': [1]}\n    inner = d['k']\n    candidate(d)\n    assert inner == [1, 9] and d['n'] == 0\n");
  const std::string right =
      "def f(x):\n    if isinstance(x, list):\n        x.sort()\n    else:\n        x['k'].append(9)\n        x['n'] = 0\n";
  check_status(judged(task, right), TaskStatus::kPass);
  check_status(judged(task, "def f(x):\n    return sorted(x)\n"), TaskStatus::kWrong);
}

TEST_CASE("values of every builtin type come through as they are") {
  if (!sandbox_or_skip()) return;
  const workload::Task task = task_of(
      "    for v in [None, True, 0, -7, 10**400, 1.5, -0.0, float('inf'), '', 'a\\n\\'\\\"\\x00\\u00e9\\U0001f600\\ud800', b'\\x00\\xff', "
      "[], [[1], (2,)],\n"
      "              (), {}, {1: {'a': None}}, set(), {1, 2}, frozenset([3]), 1+2j]:\n"
      "        w = candidate(v)\n        assert w == v and type(w) is type(v) and repr(w) == repr(v), (v, w)\n"
      "    n = candidate(float('nan'))\n    assert n != n\n");
  check_status(judged(task, "def f(x):\n    return x\n"), TaskStatus::kPass);
}

TEST_CASE("a test sees an exception of the class that the candidate raised") {
  if (!sandbox_or_skip()) return;
  const workload::Task task = task_of(
      "    try:\n        candidate(0)\n        assert False\n    except ValueError as e:\n        assert str(e) == 'no zero'\n"
      "    try:\n        candidate(1)\n        assert False\n    except LookupError:\n        pass\n");
  check_status(judged(task, "class Mine(KeyError):\n    pass\ndef f(x):\n    raise ValueError('no zero') if x == 0 else Mine('x')\n"),
               TaskStatus::kPass);
  check_status(judged(task, "def f(x):\n    raise RuntimeError('no zero')\n"), TaskStatus::kException);
  check_status(judged(task, "import sys\ndef f(x):\n    sys.exit(0)\n"), TaskStatus::kException);
}

TEST_CASE("a test that is broken, or calls nothing, is the harness's fault") {
  if (!sandbox_or_skip()) return;
  const auto detail_of = [](const workload::Task& task) {
    const Verdict verdict = judged(task, "def f(x):\n    return x\n");
    check_status(verdict, TaskStatus::kHarnessError);
    return verdict.detail;
  };
  CHECK(detail_of(task_of("    assert (\n")).find("does not run") != std::string::npos);
  CHECK(detail_of(task_of("    assert True\n")).find("never calls") != std::string::npos);
  const std::string killed = detail_of(task_of("    candidate(1)\n    import os\n    os._exit(0)\n"));
  CHECK_MESSAGE(killed.find("the suite's test") != std::string::npos, killed);
}

TEST_CASE("a reference that fails is the harness's fault, whatever the answer") {
  if (!sandbox_or_skip()) return;
  workload::Task task = add_task();
  task.reference = {{"solution.py", "def add(a, b):\n    return 0\n"}};
  const Verdict verdict = judged(task, "def add(a, b):\n    return a + b\n");
  check_status(verdict, TaskStatus::kHarnessError);
  CHECK(verdict.detail.find("reference fails") != std::string::npos);
}

TEST_CASE("the processor time allowed follows the reference") {
  if (!sandbox_or_skip()) return;
  workload::Task task = add_task();
  task.reference = {{"solution.py", "def add(a, b):\n    return a + b\n"}};
  JudgeOptions options;
  options.limits.cpu_s = 100;
  options.limits.wall_s = 240;
  const Verdict verdict = judged(task, "def add(a, b):\n    while True: pass\n", options);
  check_status(verdict, TaskStatus::kCpuTimeout);
  CHECK(verdict.seconds < 50);
}

TEST_CASE("the tests of MBPP name the functions and build objects of the answer's classes") {
  if (!sandbox_or_skip()) return;
  workload::Task task;
  task.id = "MBPP/1";
  task.language = "python";
  task.kind = workload::TaskKind::kPythonTest;
  task.paths = {"solution.py"};
  task.test =
      "import math\nroot = Node(1)\nroot.left = Node(2)\nroot.left.left = Node(3)\nassert max_height(root) == 3\nassert "
      "max_height(root.left) == 2\nassert half(4) == math.sqrt(4)\n";
  const std::string node =
      "class Node:\n    def __init__(self, data):\n        self.data = data\n        self.left = None\n        self.right = None\n";
  const std::string half = "def half(x):\n    return x / 2\n";
  check_status(
      judged(task, node + half + "def max_height(n):\n    return 0 if n is None else 1 + max(max_height(n.left), max_height(n.right))\n"),
      TaskStatus::kPass);
  check_status(judged(task, node + half + "def max_height(n):\n    return 3\n"), TaskStatus::kWrong);
  // An object of the answer's class where a value is wanted is neither equal nor true.
  check_status(judged(task, node + half + "class max_height:\n    def __init__(self, n): pass\n    def __eq__(self, o): return True\n"),
               TaskStatus::kWrong);
}

TEST_CASE("an answer that is no text, or none, is a compile error and not a failure of qbench") {
  if (!sandbox_or_skip()) return;
  Judge judge(*sandbox_or_skip(), test::quick_options());
  const workload::Task task = add_task();
  check_status(judge.judge(task, {}), TaskStatus::kCompileError);
  check_status(judged(task, "def add(a, b):\n    return '\xff\xfe'\n"), TaskStatus::kCompileError);
  check_status(judged(task, std::string("def add(a, b):\n    return a + b\n\0", 33)), TaskStatus::kCompileError);
  check_status(judged(task, std::string(10 << 20, 'x')), TaskStatus::kCompileError);
  check_status(judged(task, "x = " + std::string(50000, '(') + "1" + std::string(50000, ')')), TaskStatus::kCompileError);
  const std::vector<workload::CodeFile> outside{{"../driver.py", "x"}};
  check_status(judge.judge(task, outside), TaskStatus::kCompileError);
}

}  // namespace qbench::quality
