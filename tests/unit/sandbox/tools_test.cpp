#include <doctest/doctest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "room.h"

using namespace qbench;
using namespace qbench::sandbox;
using test::room;

TEST_CASE("the tools of the quality pass work inside") {
  struct Case {
    const char* tool;
    std::vector<std::string> argv;
    const char* output;  ///< part of what it prints
  };
  const std::vector<Case> cases{
      {"/usr/bin/python3",
       {"/usr/bin/python3", "-c", "import pwd, os, multiprocessing as m; print(pwd.getpwuid(os.getuid()).pw_name, m.Value('i', 3).value)"},
       "nobody 3"},
      {"/usr/bin/node", {"/usr/bin/node", "-e", "console.log([1, 2].map(x => x + 1))"}, "[ 2, 3 ]"},
      {"/usr/bin/tsc", {"/usr/bin/tsc", "--outDir", "/tmp", "/task/a.ts", "--listEmittedFiles"}, "TSFILE: /tmp/a.js"},
      {"/usr/bin/g++", {"/usr/bin/sh", "-c", "g++ -O1 -std=c++17 /task/a.cpp -o /tmp/a && /tmp/a"}, "from C++ 7"},
      {"/usr/bin/mypy", {"/usr/bin/mypy", "--cache-dir=/tmp/cache", "/task/a.py"}, "Success: no issues found"},
      {"/usr/bin/bandit", {"/usr/bin/bandit", "/task/a.py"}, "No issues identified"},
      {"/usr/bin/python3-coverage", {"/usr/bin/sh", "-c", "python3-coverage run /task/a.py && python3-coverage report"}, "100%"},
      {"/usr/bin/pytest-3", {"/usr/bin/pytest-3", "-p", "no:cacheprovider", "/task/test_a.py"}, "1 passed"},
      {"/usr/lib/python3/dist-packages/fastapi", {"/usr/bin/python3", "/task/service.py"}, "200 {'ok': True}"},
  };
  for (const Level level : {Level::kBwrapCgroup, Level::kBwrap}) {
    const auto open = room(level);
    if (!open) continue;
    for (const Case& c : cases) {
      if (::access(c.tool, F_OK) != 0) {
        test::report_skip("tool inside the sandbox", std::string(c.tool) + " is not installed");
        continue;
      }
      Job job;
      job.argv = c.argv;
      job.files = {
          {"a.ts", "export const one: number = 1;\n", false},
          {"a.py", "def one() -> int:\n    return 1\n\n\nprint(one())\n", false},
          {"test_a.py", "def test_one(tmp_path):\n    assert tmp_path.exists()\n", false},
          {"service.py",
           "from fastapi import FastAPI\nfrom fastapi.testclient import TestClient\napp = FastAPI()\n@app.get('/')\ndef root(): return "
           "{'ok': True}\n"
           "r = TestClient(app).get('/')\nprint(r.status_code, r.json())\n",
           false},
          {"a.cpp",
           "#include <cstdio>\n#include <map>\nint main() { std::map<int, int> m{{3, 4}}; std::printf(\"from C++ %d\\n\", 3 + m[3]); }\n",
           false}};
      job.limits = {.cpu_s = 30, .wall_s = 90, .memory_bytes = std::uint64_t{1} << 30};
      const Outcome outcome = open->run(job);
      CAPTURE(name_of(level));
      CAPTURE(c.tool);
      CAPTURE(outcome.detail);
      CAPTURE(outcome.output);
      CAPTURE(outcome.error_output);
      CHECK(outcome.end == End::kExited);
      CHECK(outcome.exit_code == 0);
      CHECK(outcome.output.find(c.output) != std::string::npos);
    }
  }
}
