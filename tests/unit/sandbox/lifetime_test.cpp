#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "room.h"
#include "sandbox/proc_files.h"

using namespace qbench;
using namespace qbench::sandbox;
using test::python;
using test::room;

namespace {

namespace fs = std::filesystem;

int processes_with(const std::string& mark) {
  int count = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
    if (read_small_file((entry.path() / "cmdline").c_str()).find(mark) != std::string::npos) ++count;
  }
  return count;
}

bool soon(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

/// Control groups that a process made.
std::vector<std::string> groups_of(pid_t pid) {
  std::vector<std::string> found;
  std::error_code ignored;
  const std::string prefix = fmt::format("qbench-{}-", pid);
  for (auto at = fs::recursive_directory_iterator("/sys/fs/cgroup", fs::directory_options::skip_permission_denied, ignored);
       at != fs::recursive_directory_iterator(); at.increment(ignored)) {
    if (at->path().filename().string().starts_with(prefix)) found.push_back(at->path());
  }
  return found;
}

std::size_t entries(const char* folder, const std::string& prefix) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) count += entry.path().filename().string().starts_with(prefix) ? 1 : 0;
  return count;
}

Job marked(const std::string& code, const std::string& mark) {
  Job job = python(code);
  job.argv.push_back(mark);
  return job;
}

}  // namespace

TEST_CASE("200 runs by four threads leave no process, no folder, no control group and no descriptor behind") {
  constexpr int kRuns = 200, kThreads = 4;
  for (const Level level : {Level::kBwrapCgroup, Level::kRlimits}) {
    const auto open = room(level);
    if (!open) continue;
    CAPTURE(name_of(level));
    const std::string mark = fmt::format("qbench-lifetime-{}-{}", ::getpid(), static_cast<int>(level));
    const std::size_t descriptors = entries("/proc/self/fd", ""), folders = entries(fs::temp_directory_path().c_str(), "qbench-task-");
    std::atomic<int> next{0}, wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; (i = next++) < kRuns;) {
          // Every fifth leaves a child behind, every seventh is killed by its judge, the rest say their number.
          const auto process =
              open->start(marked(i % 5 == 0 ? "import os, time\nif os.fork() == 0: time.sleep(60)\nprint(" + std::to_string(i) + ")"
                                            : "print(" + std::to_string(i) + ")\ninput()",
                                 mark));
          const std::optional<std::string> line = process->receive(100);
          const Outcome outcome = process->finish(i % 7 == 0);
          const bool well = line == std::to_string(i) && (i % 7 == 0 || outcome.end == End::kExited);
          if (!well) ++wrong;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == 0);
    CHECK(processes_with(mark) == 0);
    CHECK(groups_of(::getpid()).empty());
    CHECK(entries(fs::temp_directory_path().c_str(), "qbench-task-") == folders);
    CHECK(entries("/proc/self/fd", "") == descriptors);
  }
}

TEST_CASE("a killed qbench takes its sandboxes with it, and the next one removes what is left of them") {
  for (const Level level : test::levels()) {
    if (!room(level)) continue;
    CAPTURE(name_of(level));
    const std::string mark = fmt::format("qbench-orphan-{}-{}", ::getpid(), static_cast<int>(level));
    const pid_t child = ::fork();
    if (child == 0) {
      const auto open = room(level);
      std::thread([&] {
        open->run(marked("import os, time\nos.fork()\nos.setsid() if os.getpid() != 1 else 0\ntime.sleep(60)", mark));
      }).join();
      ::_exit(0);
    }
    CHECK(soon([&] { return processes_with(mark) >= 2; }));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    CHECK(soon([&] { return processes_with(mark) == 0; }));
    CHECK(room(level) != nullptr);
    CHECK(soon([&] { return room(level) && groups_of(child).empty(); }));
    CHECK(entries(fs::temp_directory_path().c_str(), fmt::format("qbench-task-{}-", child)) == 0);
  }
}
