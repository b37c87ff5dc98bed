#include <doctest/doctest.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "history/history.h"
#include "history/utc.h"
#include "result_examples.h"
#include "test_support.h"

using namespace qbench;
using history::Database;
using history::History;

namespace {

history::NightInput night(int number) {
  history::NightInput input;
  input.run_id = "night" + std::to_string(number);
  input.source = "test";
  input.started_s = 1790000000 + number * 86400;
  history::NightRow row;
  row.key = history::key_of(test::example_row());
  for (int m = 0; m < 30; ++m) row.values.emplace_back("metric" + std::to_string(m), 100 + number % 7);
  input.rows.push_back(std::move(row));
  return input;
}

/// Adds nights from `first` on until it is killed. Says on `pipe` which night it has just added.
[[noreturn]] void add_until_killed(const std::filesystem::path& file, int first, int pipe) {
  History history(file, Database::Mode::kWrite);
  for (int number = first;; ++number) {
    history.add(night(number));
    if (write(pipe, &number, sizeof number) != sizeof number) _exit(1);
  }
}

std::string integrity(const std::filesystem::path& file) {
  const Database database(file, Database::Mode::kRead);
  history::Statement check(database, "PRAGMA integrity_check");
  check.step();
  return check.text(0);
}

/// Nights that have another number of values than a whole night.
std::int64_t half_nights(const std::filesystem::path& file) {
  const Database database(file, Database::Mode::kRead);
  history::Statement count(database,
                           "SELECT count(*) FROM night n WHERE (SELECT count(*) FROM value v JOIN member m ON m.series = v.series WHERE "
                           "m.night = n.id AND v.night = n.id) != 30");
  count.step();
  return count.integer(0);
}

}  // namespace

TEST_CASE("a writer that is killed 200 times at random leaves whole nights, and no night that it reported is lost") {
  const test::TempDir folder;
  const auto file = folder.path() / "history.sqlite";
  Random random(20261121);
  int next = 0, last_reported = -1, killed_in_write = 0;
  for (int round = 0; round < 200; ++round) {
    int pipes[2];
    REQUIRE(pipe(pipes) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      close(pipes[0]);
      add_until_killed(file, next, pipes[1]);
    }
    close(pipes[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(500 + random.next_below(60'000)));
    kill(child, SIGKILL);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    int number = 0;
    while (read(pipes[0], &number, sizeof number) == sizeof number) last_reported = number;
    close(pipes[0]);
    if (std::filesystem::exists(file.string() + "-journal")) ++killed_in_write;
    const History history(file, Database::Mode::kWrite);
    const auto nights = static_cast<int>(history.night_count());
    // The reported ones are there; at most the one that was about to be reported is there too.
    REQUIRE(nights >= last_reported + 1);
    REQUIRE(nights <= last_reported + 2);
    next = nights;
    last_reported = nights - 1;
    if (round % 20 == 19) {
      REQUIRE(integrity(file) == "ok");
      REQUIRE(half_nights(file) == 0);
    }
  }
  std::printf("history: killed 200 times, %d times in the middle of a write; %d nights, all whole\n", killed_in_write, next);
  CHECK(next > 0);
  CHECK(killed_in_write > 0);
  CHECK(integrity(file) == "ok");
  CHECK(half_nights(file) == 0);
}

TEST_CASE("two writers and a reader at once lose nothing and wait for each other") {
  const test::TempDir folder;
  const auto file = folder.path() / "history.sqlite";
  constexpr int kEach = 15;
  std::vector<pid_t> writers;
  for (int writer = 0; writer < 2; ++writer) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      int failed = 1;
      {
        History history(file, Database::Mode::kWrite);  // both may be the one that makes it
        for (int i = 0; i < kEach; ++i) history.add(night(2 * i + writer));
        failed = 0;
      }
      _exit(failed);
    }
    writers.push_back(child);
  }
  std::size_t seen = 0;
  for (int i = 0; i < 50; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (!std::filesystem::exists(file) || std::filesystem::file_size(file) == 0) continue;
    const std::size_t now = History(file, Database::Mode::kWrite).night_count();
    CHECK(now >= seen);
    seen = now;
  }
  for (const pid_t writer : writers) {
    int status = 0;
    REQUIRE(waitpid(writer, &status, 0) == writer);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  CHECK(History(file, Database::Mode::kRead).night_count() == 2 * kEach);
  CHECK(half_nights(file) == 0);
  CHECK(integrity(file) == "ok");
}
