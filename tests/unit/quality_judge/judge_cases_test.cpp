// Cases: calls, steps and whole programs, in each language.
#include "judge_test_support.h"
#include "quality/judge/toolchain.h"

namespace qbench::quality {
namespace {

using record::TaskStatus;
using test::cases_task;
using test::check_status;
using test::judged;
using test::sandbox_or_skip;

void check_detail(const Verdict& verdict, TaskStatus status, const char* detail) {
  check_status(verdict, status);
  CHECK_MESSAGE(verdict.detail.find(detail) != std::string::npos, verdict.detail);
}

workload::Task cpp_task(std::string cases, std::string adapter) {
  workload::Task task = cases_task("cpp", std::move(cases));
  task.harness = {{"adapter.cpp", std::move(adapter)}};
  return task;
}

}  // namespace

TEST_CASE("Python calls return, raise and are counted") {
  if (!sandbox_or_skip()) return;
  const workload::Task task = cases_task(
      "python",
      R"([{"call": "f", "args": [2], "returns": 4}, {"call": "f", "args": ["x"], "raises": "TypeError"}, {"call": "f", "args": [{"$tuple": [1]}], "returns": {"$tuple": [1, 1]}}])");
  const Verdict pass = judged(task, "def f(x):\n    if isinstance(x, str): raise TypeError('no text')\n    return x * 2\n");
  check_status(pass, TaskStatus::kPass);
  CHECK(pass.cases_passed == 3);
  CHECK(pass.cases_total == 3);
  const Verdict wrong = judged(task, "def f(x):\n    return x * 2\n");
  check_detail(wrong, TaskStatus::kWrong, "case 2: f(\"x\"): expected TypeError, got \"xx\"");
  CHECK(wrong.cases_passed == 2);
  check_detail(judged(task, "def f(x):\n    if isinstance(x, str): raise TypeError('no text')\n    return x * 2.0 if x == 2 else x * 2\n"),
               TaskStatus::kWrong, "expected 4, got 4.0");
  check_detail(
      judged(task,
             "class TypeError(Exception): pass\ndef f(x):\n    if isinstance(x, str): raise TypeError('no text')\n    return x * 2\n"),
      TaskStatus::kWrong, "expected TypeError");
  check_detail(judged(task, "def f(x):\n    raise ValueError('v')\n"), TaskStatus::kException, "case 1: f(2): ValueError: v");
  check_detail(judged(task, "def f(x:\n"), TaskStatus::kCompileError, "SyntaxError");
}

TEST_CASE("each case begins with the module as it is written") {
  if (!sandbox_or_skip()) return;
  const std::string two = R"([{"call": "f", "args": [], "returns": 1}, {"call": "f", "args": [], "returns": 1}])";
  check_status(judged(cases_task("python", two), "n = 0\ndef f():\n    global n\n    n += 1\n    return n\n"), TaskStatus::kPass);
  check_status(judged(cases_task("typescript", two), "let n = 0;\nexport function f(): number { return ++n; }\n"), TaskStatus::kPass);
  check_status(judged(cpp_task(two, "QB_FUNCTION(f)\n"), "static int n = 0;\nint f() { return ++n; }\n"), TaskStatus::kPass);
}

TEST_CASE("Python steps make objects, pass them on and read their attributes, over several files") {
  if (!sandbox_or_skip()) return;
  workload::Task task =
      cases_task("python", R"([{"steps": [{"new": "shop.cart:Cart", "args": [], "as": "cart"}, {"call": "cart.add", "args": ["apple", 2]},
      {"get": "cart.size", "returns": 2}, {"call": "shop.total:total", "args": [{"$ref": "cart"}], "returns": {"apple": 2}},
      {"call": "cart.add", "args": ["pear", 0], "raises": "ValueError"}]}])");
  task.paths = {"shop/cart.py", "shop/total.py"};
  const std::string cart =
      "class Cart:\n    def __init__(self):\n        self.items = {}\n        self.size = 0\n    def add(self, name, n):\n        if n < "
      "1: raise ValueError(n)\n"
      "        self.items[name] = n\n        self.size += n\n        return self\n";
  Judge judge(*sandbox_or_skip(), test::quick_options());
  const std::vector<workload::CodeFile> right{
      {"shop/cart.py", cart}, {"shop/total.py", "from shop.cart import Cart\ndef total(cart: Cart):\n    return cart.items\n"}};
  check_status(judge.judge(task, right), TaskStatus::kPass);
  const std::vector<workload::CodeFile> wrong{{"shop/cart.py", cart}, {"shop/total.py", "def total(cart):\n    return list(cart.items)\n"}};
  check_detail(judge.judge(task, wrong), TaskStatus::kWrong, "shop.total:total");
}

TEST_CASE("a coroutine is awaited") {
  if (!sandbox_or_skip()) return;
  check_status(judged(cases_task("python", R"([{"call": "f", "args": [], "returns": 1}])"),
                      "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 1\n"),
               TaskStatus::kPass);
}

TEST_CASE("programs are compared by their output") {
  if (!sandbox_or_skip()) return;
  const std::string cases =
      R"([{"stdin": "1 2\n", "argv": ["--sum"], "stdout": "3"}, {"stdin": "4 5\n", "argv": ["--sum"], "stdout": "9\n"}])";
  check_status(judged(cases_task("python", cases), "import sys\nassert sys.argv[1] == '--sum'\nprint(sum(map(int, input().split())))\n"),
               TaskStatus::kPass);
  check_detail(judged(cases_task("python", cases), "print(3)\n"), TaskStatus::kWrong, "case 2: expected the output \"9\", got \"3\"");
  check_status(judged(cases_task("python", cases), "1 / 0\n"), TaskStatus::kException);
  check_status(judged(cases_task("python", cases), "import sys\nprint(sum(map(int, input().split())))\nsys.exit(1)\n"), TaskStatus::kPass);
  check_status(judged(cases_task("python", cases), "1 1\n"), TaskStatus::kCompileError);
  check_status(judged(cases_task("typescript", cases),
                      "import * as fs from 'fs';\nconst n: number[] = fs.readFileSync(0, 'utf8').trim().split(' "
                      "').map(Number);\nconsole.log(n[0] + n[1]);\n"),
               TaskStatus::kPass);
  check_status(judged(cases_task("cpp", cases),
                      "#include <iostream>\nint main(int, char** a) { int x, y; std::cin >> x >> y; std::cout << x + y << '\\n'; return "
                      "std::string(a[1]) != \"--sum\"; }\n"),
               TaskStatus::kPass);
}

TEST_CASE("TypeScript: types are no error, syntax is; promises, classes, errors and all its values") {
  if (!sandbox_or_skip()) return;
  const workload::Task task =
      cases_task("typescript",
                 R"([{"call": "f", "args": [[1, 2]], "returns": {"$dict": [[1, "a"]]}}, {"call": "g", "args": [], "raises": "RangeError"},
      {"call": "g", "args": [], "raises": "Error"}, {"call": "h", "args": [{"$undefined": true}, {"$int": "12345678901234567890"}], "returns": [{"$undefined": true}, {"$int": "12345678901234567890"}, null, 1.5]},
      {"steps": [{"new": "C", "args": [3], "as": "c"}, {"call": "c.twice", "args": [], "returns": 6}, {"get": "c.n", "returns": 3}]}])");
  const std::string right =
      "export async function f(x: number[]): Promise<Map<number, string>> { const y: string = 5 as any; return new Map([[x[0], 'a']]); }\n"
      "export function g(): never { throw new RangeError('r'); }\nexport const h = (u: undefined, b: bigint) => [u, b, null, 1.5];\n"
      "export class C { constructor(public n: number) {} twice() { return this.n * 2; } }\nconst typeError: number = 'text';\n";
  check_status(judged(task, right), TaskStatus::kPass);
  check_detail(judged(task, right + "export function ( {"), TaskStatus::kCompileError, "TS1");
  check_detail(judged(task, "export function f() { return new Promise(() => {}); }\n"), TaskStatus::kCrash, "");
  check_detail(judged(task, "export function f() { return () => 1; }\n"), TaskStatus::kWrong, "is no value");
}

TEST_CASE("C++: types of every supported kind, exceptions by class, and what does not compile") {
  if (!sandbox_or_skip()) return;
  const workload::Task task = cpp_task(
      R"([{"call": "f", "args": [[3, 1], "k"], "returns": {"k": [1, 3]}}, {"call": "g", "args": [null], "raises": "std::out_of_range"}, {"call": "g", "args": [1], "returns": [1, "c"]},
          {"call": "g", "args": [null], "raises": "std::exception"}, {"call": "h", "args": [[1.5, true]], "returns": {"$set": ["a"]}}])",
      "QB_FUNCTION(f)\nQB_FUNCTION(g)\nQB_FUNCTION(h)\n");
  const std::string right =
      "#include <map>\n#include <string>\n#include <vector>\n#include <optional>\n#include <set>\n#include <stdexcept>\n#include "
      "<algorithm>\n"
      "std::map<std::string, std::vector<int>> f(std::vector<int> v, const std::string& k) { std::sort(v.begin(), v.end()); return {{k, "
      "v}}; }\n"
      "std::pair<long, char> g(std::optional<int> x) { if (!x) throw std::out_of_range(\"none\"); return {*x, 'c'}; }\n"
      "std::set<std::string> h(std::tuple<double, bool> t) { return {\"a\"}; }\n";
  check_status(judged(task, right), TaskStatus::kPass);
  check_detail(judged(task, right + "int broken( { }\n"), TaskStatus::kCompileError, "error:");
  check_detail(judged(task, "int f() { return 1; }\n"), TaskStatus::kCompileError, "error:");
  const workload::Task crash = cpp_task(R"([{"call": "f", "args": [[]], "returns": 1}])", "QB_FUNCTION(f)\n");
  check_detail(judged(crash, "#include <vector>\nint f(std::vector<int> v) { volatile int* p = nullptr; return *p; }\n"),
               TaskStatus::kCrash, "signal 11");
  check_status(judged(crash, "#include <vector>\nint f(std::vector<int> v) { for (;;) {} }\n"), TaskStatus::kCpuTimeout);
}

TEST_CASE("a language without a judge is the harness's fault, in a clear line") {
  if (!sandbox_or_skip()) return;
  workload::Task task = cases_task("rust", R"([{"call": "f", "args": [], "returns": 1}])");
  check_detail(judged(task, "fn f() {}"), TaskStatus::kHarnessError, "no judge for the language 'rust'");
}

TEST_CASE("a tool that is missing is named with what installs it") {
  Toolchain tools;
  tools.python = tools.node = tools.gxx = "/nowhere/tool";
  for (const char* language : {"python", "typescript", "javascript", "cpp"}) {
    const auto missing = tools.missing_for(language);
    REQUIRE(missing);
    CHECK(*missing == "/nowhere/tool is missing; scripts/setup.sh --quality installs it");
  }
  CHECK_FALSE(Toolchain{.python = "/bin/sh"}.missing_for("python"));
  CHECK(Toolchain{.python = "/dev/null"}.missing_for("python") == "/dev/null cannot be executed; scripts/setup.sh --quality installs it");
}

TEST_CASE("an answer without code, or with too much of it, has a behaviour: it counts among the answers that may agree") {
  if (!sandbox_or_skip()) return;
  const workload::Task task = cases_task("python", R"([{"call": "f", "args": [], "returns": 1}])");
  Judge judge(*sandbox_or_skip(), test::quick_options());
  const Verdict none = judge.judge_answer(task, "");
  check_status(none, TaskStatus::kCompileError);
  CHECK_FALSE(none.behaviour.empty());
  const Verdict large = judged(task, "def f():\n    return 1\n#" + std::string(std::size_t{5} << 20, 'x'));
  check_status(large, TaskStatus::kCompileError);
  CHECK_FALSE(large.behaviour.empty());
}

TEST_CASE("a compiler that is kept busy ends at its own limits, and that is the answer's fault") {
  if (!sandbox_or_skip()) return;
  const workload::Task task = cpp_task(R"([{"call": "f", "args": [], "returns": 1}])", "QB_FUNCTION(f)\n");
  check_status(judged(task, "template <int n> struct A { static constexpr auto v = A<n + 1>::v; };\nint f() { return A<0>::v; }\n"),
               TaskStatus::kCompileError);
  check_status(judged(task, "#include \"/task/answer/solution.cpp\"\nint f() { return 1; }\n"), TaskStatus::kCompileError);
}

TEST_CASE("tests compiled in with the answer are judged inside, and that is said") {
  if (!sandbox_or_skip()) return;
  workload::Task task;
  task.id = "HumanEval_53_add";
  task.kind = workload::TaskKind::kInside;
  const auto run = [&](const char* language, const char* path, std::string prefix, std::string test, const std::string& code) {
    task.language = language;
    task.paths = {path};
    task.prefix = std::move(prefix);
    task.test = std::move(test);
    const Verdict verdict = judged(task, code);
    CHECK(verdict.judged_inside);
    return verdict;
  };
  const std::string py = "def add(x: int, y: int) -> int:\n",
                    py_test =
                        "def check(candidate):\n    assert candidate(2, 3) == 5\n\ndef test_check():\n    check(add)\n\ntest_check()\n";
  check_status(run("python", "solution.py", py, py_test, py + "    return x + y\n"), TaskStatus::kPass);
  check_status(run("python", "solution.py", py, py_test, py + "    return x - y\n"), TaskStatus::kWrong);
  check_status(run("python", "solution.py", py, py_test, py + "    return z\n"), TaskStatus::kException);
  const std::string ts = "function add(x: number, y: number): number {\n";
  const std::string ts_test =
      "declare var require: any;\nconst assert = require('node:assert');\nfunction test() {\n  let candidate = add;\n  "
      "assert.deepEqual(candidate(2, 3), 5);\n}\ntest();";
  check_status(run("typescript", "solution.ts", ts, ts_test, ts + "  return x + y;\n}\n"), TaskStatus::kPass);
  check_status(run("typescript", "solution.ts", ts, ts_test, ts + "  return x * y;\n}\n"), TaskStatus::kWrong);
  const std::string cpp = "#include<assert.h>\n#include<bits/stdc++.h>\nlong add(long x, long y) {\n",
                    cpp_test = "}\nint main() {\n    auto candidate = add;\n    assert(candidate((2), (3)) == (5));\n}\n";
  check_status(run("cpp", "solution.cpp", cpp, cpp_test, cpp + "    return x + y;\n"), TaskStatus::kPass);
  check_status(run("cpp", "solution.cpp", cpp, cpp_test, "long add(long x, long y) { return x + y; }\n"), TaskStatus::kPass);
  check_status(run("cpp", "solution.cpp", cpp, cpp_test, cpp + "    return x - y;\n"), TaskStatus::kWrong);
}

}  // namespace qbench::quality
