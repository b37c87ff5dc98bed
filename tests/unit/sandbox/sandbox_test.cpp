#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "room.h"
#include "sandbox/sandbox.h"

using namespace qbench;
using namespace qbench::sandbox;
using test::python;
using test::room;

TEST_CASE("a program reads its files and its input, and both of its streams come back") {
  for (const Level level : test::levels()) {
    const auto open = room(level);
    if (!open) continue;
    CAPTURE(name_of(level));
    Job job = python("import sys; print(open(sys.argv[1]).read() + input()); print('aside', file=sys.stderr); sys.exit(3)");
    job.argv.push_back("/task/a/b.txt");
    job.files.push_back({"a/b.txt", "hello ", false});
    job.input = "world\n";
    const Outcome outcome = open->run(job);
    CHECK(outcome.end == End::kExited);
    CHECK(outcome.exit_code == 3);
    CHECK(outcome.output == "hello world\n");
    CHECK(outcome.error_output == "aside\n");
    CHECK(outcome.cpu_s > 0);
    CHECK(outcome.wall_s >= outcome.cpu_s * 0.5);
  }
}

TEST_CASE("the folders that a program's environment names are its working folder") {
  for (const Level level : test::levels()) {
    const auto open = room(level);
    if (!open) continue;
    CAPTURE(name_of(level));
    Job job =
        python("import os; print(os.environ['EXTRA'])\nfor n in ('HOME', 'TMPDIR', 'EXTRA'): print(os.path.samefile(os.environ[n], '.'))");
    job.environment = {{"EXTRA", "/tmp"}};
    const Outcome outcome = open->run(job);
    CHECK_MESSAGE(outcome.output.ends_with("\nTrue\nTrue\nTrue\n"), (outcome.output + outcome.error_output));
  }
}

TEST_CASE("each limit that a program runs into has its own end") {
  // All limits but the tested one are far away: on a busy machine 0.4 s of processor time take many seconds.
  const Limits roomy{.cpu_s = 60,
                     .wall_s = 120,
                     .memory_bytes = 200 << 20,
                     .processes = 20,
                     .file_bytes = 8 << 20,
                     .output_bytes = 100000,
                     .scratch_bytes = 32 << 20};
  Limits little_cpu = roomy, little_wall = roomy;
  little_cpu.cpu_s = 0.4;
  little_wall.wall_s = 2;
  struct Case {
    std::string what;
    const char* code;
    const Limits& limits;
    End end;
  };
  const Case cases[] = {
      {"processor time", "while True: pass", little_cpu, End::kCpuTimeout},
      {"processor time, its signal ignored", "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass", little_cpu,
       End::kCpuTimeout},
      {"processor time of two processes", "import os\nos.fork()\nwhile True: pass", little_cpu, End::kCpuTimeout},
      {"wall time", "import time\ntime.sleep(60)", little_wall, End::kWallTimeout},
      {"memory", "x = []\nwhile True: x.append(bytearray(1 << 20))", roomy, End::kOom},
      {"memory of several processes", "import os, time\nfor _ in range(3): os.fork()\nx = bytearray(b'x' * (40 << 20))\ntime.sleep(60)",
       roomy, End::kOom},
      {"output", "while True: print('x' * 1000)", roomy, End::kOutputLimit},
      {"output of a child", "import os\nif os.fork(): os.wait()\nwhile True: os.write(2, b'x' * 1000)", roomy, End::kOutputLimit},
      {"a file's size", "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nopen('f', 'wb').write(b'x' * (9 << 20))", roomy,
       End::kOutputLimit},
      {"a forbidden call", "import ctypes\nctypes.CDLL(None).ptrace(0, 0, 0, 0)", roomy, End::kViolation},
      {"a signal", "import os\nos.kill(os.getpid(), 11)", roomy, End::kSignal},
      {"its own end", "import os\nos._exit(159)", roomy, End::kExited},
  };
  for (const Level level : test::levels()) {
    const auto open = room(level);
    if (!open) continue;
    for (const Case& c : cases) {
      Job job = python(c.code);
      job.limits = c.limits;
      const Outcome outcome = open->run(job);
      CAPTURE(name_of(level));
      CAPTURE(c.what);
      CAPTURE(outcome.detail);
      CAPTURE(outcome.error_output);
      CHECK(static_cast<int>(outcome.end) == static_cast<int>(c.end));
      CHECK(outcome.output.size() <= job.limits.output_bytes);
      CHECK(outcome.error_output.size() <= job.limits.output_bytes);
      CHECK(!outcome.detail.empty());
    }
  }
}

TEST_CASE("a program that is not there is never the candidate's fault") {
  for (const Level level : test::levels()) {
    const auto open = room(level);
    if (!open) continue;
    Job job;
    job.argv = {"/usr/bin/no-such-interpreter"};
    const Outcome outcome = open->run(job);
    CHECK(outcome.end == End::kNotStarted);
    CHECK(outcome.detail == "executing the program: No such file or directory");
  }
}

TEST_CASE("a conversation goes line by line until either side ends it") {
  for (const Level level : test::levels()) {
    const auto open = room(level);
    if (!open) continue;
    const auto process = open->start(python("import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)\nprint('bye')"));
    CHECK(process->send("abc"));
    CHECK(process->receive(100) == "cba");
    CHECK(process->send(std::string(300000, 'x')));  // more than a pipe holds
    CHECK(process->receive(400000) == std::string(300000, 'x'));
    const Outcome outcome = process->finish();
    CHECK(outcome.end == End::kExited);
    CHECK(outcome.output == "bye\n");
    CHECK(!process->send("more"));
    CHECK(process->receive(100) == std::nullopt);
  }
}

TEST_CASE("the answer of a program that ends with it is heard, however long the asker was not scheduled") {
  const auto open = room(Level::kBwrap);
  if (!open) return;
  Job job;
  job.argv = {"/bin/sh", "-c", "read line; echo \"$line\""};
  const auto talk = [&] {
    for (int i = 0; i < 12; ++i) {
      const auto process = open->start(job);
      const bool sent = process->send("abc");
      const bool heard = process->receive(100) == "abc";
      if (!sent || !heard) return false;
      process->finish();
    }
    return true;
  };
  std::vector<std::future<bool>> talks;  // more than there are processors
  for (int i = 0; i < 8; ++i) talks.push_back(std::async(std::launch::async, talk));
  for (auto& one : talks) CHECK(one.get());
}

TEST_CASE("a conversation ends with the program, with a line that is too long, with a limit and when it is told to") {
  const auto open = room(Level::kBwrap);
  if (!open) return;
  const auto gone = open->start(python("print('one', flush=True)"));
  CHECK(gone->receive(100) == "one");
  CHECK(gone->receive(100) == std::nullopt);
  CHECK(gone->finish().end == End::kExited);

  const auto chatty = open->start(python("print('x' * 5000, flush=True)\nimport time\ntime.sleep(60)"));
  CHECK(chatty->receive(100) == std::nullopt);
  CHECK(chatty->finish().end == End::kOutputLimit);

  Job deaf = python("import time\ntime.sleep(60)");
  deaf.limits.wall_s = 0.5;
  const auto slow = open->start(deaf);
  CHECK(!slow->send(std::string(300000, 'x')));
  CHECK(slow->finish().end == End::kWallTimeout);

  const auto told = open->start(python("import time\ntime.sleep(60)"));
  const Outcome ended = told->finish(true);
  CHECK(ended.end == End::kSignal);
  CHECK(ended.wall_s < 30);
}

TEST_CASE("many lines that were written ahead come one by one, and what is left is the output") {
  const auto open = room(Level::kBwrap);
  if (!open) return;
  const auto process = open->start(python("import os\nos.write(1, b''.join(b'%d\\n' % i for i in range(100000)) + b'rest')"));
  std::size_t right = 0;
  for (int i = 0; i < 100000; ++i) right += process->receive(10) == std::to_string(i) ? 1 : 0;
  CHECK(right == 100000);
  CHECK(process->receive(10) == std::nullopt);
  CHECK(process->finish().output == "rest");
}

TEST_CASE("jobs that make no sense are refused before anything runs") {
  const auto open = room(Level::kBwrap);
  if (!open) return;
  const auto refusal = [&](const Job& job) {
    try {
      open->run(job);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("not refused");
  };
  Job job = python("pass");
  job.files = {{"../x", "", false}};
  CHECK(refusal(job) == "sandbox: '../x' is no path of a file below /task");
  job.files = {{"/etc/x", "", false}};
  CHECK(refusal(job) == "sandbox: '/etc/x' is no path of a file below /task");
  job.files = {{"x", "", false}, {"x", "", false}};
  CHECK(refusal(job) == "sandbox: the file 'x' is there twice");
  job.files.clear();
  job.environment = {{"A=B", "c"}};
  CHECK(refusal(job) == "sandbox: the environment variable 'A=B' cannot be set");
  CHECK(refusal(Job{.argv = {"python3"}, .files = {}, .input = {}, .limits = {}, .environment = {}}) ==
        "sandbox: the program is to be an absolute path");
}

TEST_CASE("the level that protects no files is refused unless it is asked for twice") {
  CHECK_THROWS_WITH_AS(
      Sandbox::open({.level = Level::kRlimits, .unsafe = false}),
      "sandbox: the level rlimits leaves this machine's files open to generated code: it needs --unsafe beside --sandbox=rlimits", Error);
}
