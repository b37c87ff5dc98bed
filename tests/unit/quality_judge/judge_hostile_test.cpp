// Answers that would get a pass, or a harness_error that counts as no failure, without being right; and tasks that cannot say which.
#include "judge_test_support.h"

namespace qbench::quality {
namespace {

using record::TaskStatus;
using test::check_status;
using test::human_eval_task;
using test::judged;
using test::sandbox_or_skip;

constexpr const char* kDouble = "def f(x):\n    return 2 * x\n";

/// A task whose function doubles its argument, with these lines as its test.
workload::Task doubling(const std::string& lines) {
  return human_eval_task("def f(x):\n    \"\"\"Twice x.\"\"\"\n", "f", "def check(candidate):\n" + lines, "    return 2 * x\n");
}

}  // namespace

TEST_CASE("a value that leads the suite's test into a limit is the answer's failure, not the harness's") {
  if (!sandbox_or_skip()) return;
  workload::Task task = doubling("    assert len([0] * candidate(1)) == 2\n    assert candidate(2) == 4\n");
  check_status(judged(task, kDouble), TaskStatus::kPass);
  const std::string greedy = "def f(x):\n    return 160000000\n";
  const Verdict verdict = judged(task, greedy);
  check_status(verdict, TaskStatus::kOom);
  CHECK_MESSAGE(verdict.detail.find("the suite's test") != std::string::npos, verdict.detail);
  CHECK_MESSAGE(verdict.detail.find("after f(1)") != std::string::npos, verdict.detail);
  task.reference.clear();  // then nobody knows whose fault it is
  check_status(judged(task, greedy), TaskStatus::kHarnessError);
}

TEST_CASE("a suite's test has the processor time that it took with the reference, and more") {
  if (!sandbox_or_skip()) return;
  const workload::Task task = doubling("    n = candidate(1)\n    while n > 2: pass\n    assert n == 2\n");
  JudgeOptions options = test::quick_options();
  options.limits.wall_s = 120;
  check_status(judged(task, "def f(x):\n    return 3\n", options), TaskStatus::kCpuTimeout);
}

TEST_CASE("an exception that ends iterations does not end those of the test") {
  if (!sandbox_or_skip()) return;
  const workload::Task task = doubling("    assert all(map(lambda x: candidate(x) == 2 * x, [1, 2]))\n");
  check_status(judged(task, kDouble), TaskStatus::kPass);
  check_status(judged(task, "def f(x):\n    raise StopIteration\n"), TaskStatus::kException);
  check_status(judged(task, "class Mine(StopAsyncIteration):\n    pass\ndef f(x):\n    raise Mine\n"), TaskStatus::kException);
}

TEST_CASE("objects of the test that the answer puts in another order are the same objects") {
  if (!sandbox_or_skip()) return;
  workload::Task task;
  task.id = "MBPP/601";
  task.language = "python";
  task.kind = workload::TaskKind::kPythonTest;
  task.paths = {"solution.py"};
  task.test =
      "pairs = [Pair(27, 40), Pair(15, 25), Pair(5, 24)]\nfirst = pairs[0]\nassert longest(pairs) == 3\nassert pairs[2] is first\n"
      "assert [p.b for p in pairs] == [24, 25, 40]\n";
  const std::string pair = "class Pair:\n    def __init__(self, a, b):\n        self.a = a\n        self.b = b\n";
  check_status(judged(task, pair + "def longest(arr):\n    arr.sort(key=lambda p: p.b)\n    return len(arr)\n"), TaskStatus::kPass);
  check_status(judged(task, pair + "def longest(arr):\n    return len(arr)\n"), TaskStatus::kWrong);
}

TEST_CASE("an answer whose files cannot lie side by side is its own fault") {
  if (!sandbox_or_skip()) return;
  const workload::Task task = test::cases_task("python", R"([{"call": "f", "args": [1], "returns": 2}])", kDouble);
  Judge judge(*sandbox_or_skip(), test::quick_options());
  for (const std::string& path : {std::string("solution.py/more.py"), std::string(256, 'x'), std::string("a/./b.py"), std::string("a/")}) {
    CAPTURE(path);
    const std::vector<workload::CodeFile> files{{"solution.py", kDouble}, {path, "x = 1\n"}};
    check_status(judge.judge(task, files), TaskStatus::kCompileError);
  }
}

TEST_CASE("tests that an empty program passes say nothing about an answer") {
  if (!sandbox_or_skip()) return;
  const workload::Task lenient = doubling("    try:\n        assert candidate(1) == 2\n    except Exception:\n        pass\n");
  const Verdict verdict = judged(lenient, kDouble);
  check_status(verdict, TaskStatus::kHarnessError);
  CHECK_MESSAGE(verdict.detail.find("pass on an empty program") != std::string::npos, verdict.detail);
  check_status(judged(lenient, "def double(x:\n"), TaskStatus::kHarnessError);  // nor about one that fails: else failures alone would count
  workload::Task inside = doubling("");
  inside.kind = workload::TaskKind::kInside;
  inside.test = "print('done')\n";
  const Verdict weaker = judged(inside, kDouble);
  check_status(weaker, TaskStatus::kHarnessError);
  CHECK(weaker.judged_inside);
}

TEST_CASE("a task without tests is not judged, and its answers are no failures") {
  if (!sandbox_or_skip()) return;
  workload::Task task = doubling("    assert candidate(1) == 2\n");
  task.test = " \n";
  task.digest = digest_of(task);
  const Verdict verdict = judged(task, kDouble);
  check_status(verdict, TaskStatus::kHarnessError);
  CHECK_MESSAGE(verdict.detail.find("has no tests") != std::string::npos, verdict.detail);
  check_status(judged(test::cases_task("python", "", kDouble), kDouble), TaskStatus::kHarnessError);
}

TEST_CASE("what an answer sends reaches a terminal without control characters") {
  if (!sandbox_or_skip()) return;
  const workload::Task task = test::cases_task("typescript", R"([{"call": "f", "args": [], "returns": 1}])");
  const Verdict verdict = judged(task, "export const f = () => '\\u009b31mred\\u202e\\u2066\\u0085end';\n");
  check_status(verdict, TaskStatus::kWrong);
  CHECK_MESSAGE(verdict.detail.find("31mred end") != std::string::npos, verdict.detail);
  for (const char* bytes : {"\xc2\x9b", "\xe2\x80\xae", "\xe2\x81\xa6", "\xc2\x85"}) CHECK(verdict.detail.find(bytes) == std::string::npos);
}

TEST_CASE("every kind of task is judged where there are no namespaces, too") {
  const auto bare = sandbox::Sandbox::open({.level = sandbox::Level::kRlimits, .unsafe = true});
  Judge judge(*bare, test::quick_options());
  const std::string cases = R"([{"call": "f", "args": [1], "returns": 2}, {"call": "f", "args": [2], "returns": 4}])";
  workload::Task native = test::cases_task("cpp", cases);
  native.harness = {{"adapter.cpp", "QB_FUNCTION(f)\n"}};
  const workload::Task program = test::cases_task("python", R"([{"stdin": "1\n", "stdout": "2"}])");
  workload::Task inside = native;
  inside.kind = workload::TaskKind::kInside;
  inside.test = "int main() { return f(1) == 2 ? 0 : 1; }\n";
  struct Case {
    workload::Task task;
    const char *right, *wrong;
  };
  for (Case& c : std::vector<Case>{
           {test::cases_task("python", cases), kDouble, "def f(x):\n    return x\n"},
           {test::cases_task("typescript", cases), "export const f = (x: number) => 2 * x;\n", "export const f = (x: number) => 2;\n"},
           {native, "int f(int x) { return 2 * x; }\n", "int f(int x) { return x; }\n"},
           {program, "print(2 * int(input()))\n", "print(3)\n"},
           {doubling("    assert candidate(1) == 2\n    assert candidate(2) == 4\n"), kDouble, "def f(x):\n    return 2\n"},
           {inside, "int f(int x) { return 2 * x; }\n", "int f(int x) { return x; }\n"},
       }) {
    CAPTURE(c.task.language);
    CAPTURE(static_cast<int>(c.task.kind));
    const std::vector<workload::CodeFile> right{{c.task.paths.front(), c.right}}, wrong{{c.task.paths.front(), c.wrong}};
    check_status(judge.judge(c.task, right), TaskStatus::kPass);
    CHECK(judge.judge(c.task, wrong).status != TaskStatus::kPass);
    CHECK(judge.judge(c.task, wrong).status != TaskStatus::kHarnessError);
  }
}

}  // namespace qbench::quality
