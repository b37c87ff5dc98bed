#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>

#include "run/oom_kills.h"
#include "run/process.h"
#include "test_support.h"

using namespace qbench;

TEST_CASE("the end of a worker is said in words, with its signal and its last line") {
  run::ProcessEnd end;
  end.signal = SIGSEGV;
  CHECK(run::describe(end).find("signal 11 (SIGSEGV)") != std::string::npos);
  end.signal = SIGKILL;
  CHECK(run::describe(end).find("signal 9 (SIGKILL)") != std::string::npos);
  CHECK(run::describe(end).find("out of memory (") == std::string::npos);
  end.oom_killed = true;
  CHECK(run::describe(end).find("out of memory (") != std::string::npos);
  end = {};
  end.signal = SIGABRT;
  end.last_words = "check failed: x > 0 (a.cpp:7)";
  CHECK(run::describe(end).find("aborted; its last line was: check failed: x > 0") != std::string::npos);
  end = {};
  end.exited = true;
  end.exit_code = 3;
  CHECK(run::describe(end).find("exit status 3") != std::string::npos);
}

TEST_CASE("a process that ends without a word is collected, with what it printed") {
  ::signal(SIGPIPE, SIG_IGN);
  // This test program itself is what gets executed: asked for its help it prints and ends, and never reads its job.
  run::WorkerProcess process({"--help"}, std::string(1 << 20, 'x'));
  std::string printed;
  while (process.pump(1000, [](std::string_view) {}, [&](std::string_view line) { printed += std::string(line) + "\n"; })) {
  }
  const run::ProcessEnd end = process.wait();
  CHECK(end.exited);
  CHECK(end.exit_code == 0);
  CHECK(printed.find("doctest") != std::string::npos);
}

TEST_CASE("a process that does not end is stopped when its object goes") {
  pid_t pid = -1;
  {
    const run::WorkerProcess process({"--test-case=a process that waits for its job", "--no-skip"}, std::string(1 << 20, 'x'));
    pid = process.pid();
    CHECK(::kill(pid, 0) == 0);
  }
  CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("a process that waits for its job" * doctest::skip()) { ::pause(); }

TEST_CASE("out-of-memory kills are counted over the kernel and both versions of control groups") {
  const test::TempDir dir;
  const auto write = [&](const std::string& path, const std::string& text) {
    std::filesystem::create_directories((dir.path() / path).parent_path());
    std::ofstream(dir.path() / path) << text;
  };
  const auto count = [&] { return run::count_oom_kills(dir.path() / "proc", dir.path() / "cgroup"); };
  CHECK(count() == 0);
  write("proc/vmstat", "nr_free_pages 12\noom_kill 2\n");
  CHECK(count() == 2);
  write("proc/self/cgroup", "5:memory:/box\n0::/app\n");
  write("cgroup/app/memory.events", "low 0\noom 9\noom_kill 3\n");
  write("cgroup/memory/box/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
  CHECK(count() == 9);
}
