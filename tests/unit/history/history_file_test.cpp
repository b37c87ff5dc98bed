#include <doctest/doctest.h>
#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text_file.h"
#include "history_examples.h"

/// The file: large, damaged, or no history at all.

using namespace qbench;
using namespace qbench::test;
using history::Database;
using history::History;

TEST_CASE("10,000 nights of 50 metrics answer while one waits") {
  const Place place;
  History history = place.open();
  std::vector<history::NightInput> nights;
  Random random(11);
  for (int i = 0; i < 10'000; ++i) {
    history::NightInput night = history::night_of(night_set(i, 100));
    for (auto& [metric, value] : night.rows[0].values) value *= 1 + 0.005 * random.next_normal();
    for (int m = static_cast<int>(night.rows[0].values.size()); m < 50; ++m) {
      night.rows[0].values.emplace_back("metric" + std::to_string(m), (i > 5000 ? 104 : 100) * (1 + 0.005 * random.next_normal()));
    }
    nights.push_back(std::move(night));
  }
  using Clock = std::chrono::steady_clock;
  const auto timed = [](const char* what, const auto& action) {
    const auto begin = Clock::now();
    action();
    std::printf("history of 10,000 nights and 50 metrics: %s in %.0f ms\n", what,
                std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  };
  timed("all nights added at once, change points included,", [&] { CHECK(history.add_all(nights).values == 500'000); });
  // What follows is what a person or a nightly job waits for; the times are printed, not judged, as machines differ.
  timed("one night judged and added", [&] { CHECK(history.judge(night_set(10'000, 100), compare::default_rules()).cells.size() == 1); });
  history::NightInput next = nights.back();
  next.run_id = "next";
  next.started_s += 2 * 86400;
  timed("one night added, 50 metrics looked at for change points,", [&] { CHECK(history.add(next).values == 50); });
  timed("list of 20 nights and all series", [&] {
    CHECK(history.nights(20).size() == 20);
    CHECK(history.series("").front().nights == 10'002);
  });
  timed("trend of all nights of one metric", [&] { CHECK(history.trend(history.series("").front(), "metric49", 0).size() == 10'001); });
  timed("all change points", [&] { CHECK(history.changes("", "").size() >= 45); });
  timed("file opened and listed", [&] { CHECK(place.open(Database::Mode::kRead).night_count() == 10'002); });
}

TEST_CASE("what is no history is refused in one line") {
  const Place place;
  CHECK(refusal([&] { place.open(Database::Mode::kRead); }).find("no such history") != std::string::npos);
  std::ofstream(place.file)
      << "model,tok/s\nsmol,53\nthis is text that is longer than the header of a database, which has one hundred bytes, and no history\n";
  CHECK(refusal([&] { place.open(); }).find("not an SQLite database") != std::string::npos);
  std::filesystem::remove(place.file);
  std::filesystem::create_directory(place.file);
  CHECK(refusal([&] { place.open(); }).find("is a folder") != std::string::npos);
  std::filesystem::remove(place.file);
  const auto run_sql = [&](const char* sql) {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(place.file.c_str(), &database) == SQLITE_OK);
    REQUIRE(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
  };
  run_sql("CREATE TABLE photos(id INTEGER)");
  CHECK(refusal([&] { place.open(); }).find("no history of qbench") != std::string::npos);
  std::filesystem::remove(place.file);
  place.open();
  run_sql("PRAGMA user_version = 7");
  CHECK(refusal([&] { place.open(Database::Mode::kRead); }).find("version 7, this build knows version 1") != std::string::npos);
  std::filesystem::remove(place.file);
  std::ofstream(place.file).close();
  CHECK(refusal([&] { place.open(Database::Mode::kRead); }).find("is an empty file") != std::string::npos);
}

TEST_CASE("a database whose pages are damaged is an error, never a verdict") {
  const Place place;
  {
    History history = place.open();
    fill(history);
  }
  std::string bytes = read_text_file(place.file);
  for (std::size_t at = 4096; at < bytes.size(); ++at) bytes[at] = static_cast<char>(at * 37);
  std::ofstream(place.file, std::ios::binary) << bytes;
  const std::string words = refusal([&] {
    History history = place.open();
    history.judge(night_set(20, 100), compare::default_rules());
  });
  CHECK(words.find("history.sqlite: is damaged") != std::string::npos);
}

TEST_CASE("a state or a value that no history can hold is damage") {
  for (const char* sql : {"UPDATE value SET state = 77", "UPDATE value SET value = 9e999"}) {
    CAPTURE(sql);
    const Place place;
    {
      History history = place.open();
      fill(history);
      const Database database(place.file, Database::Mode::kWrite);
      database.execute(sql);
    }
    History history = place.open();
    CHECK(refusal([&] { history.judge(night_set(20, 100), compare::default_rules()); }).find("is damaged") != std::string::npos);
    CHECK(refusal([&] { history.trend(history.series("").front(), "decode_tok_per_s", 0); }).find("is damaged") != std::string::npos);
    CHECK(history.night_count() == 20);  // nothing of the refused night is kept
  }
}

TEST_CASE("a night without a time, and two rows of one series, are refused") {
  auto set = night_set(1, 100);
  set.started_utc = "yesterday";
  CHECK(refusal([&] { history::night_of(set); }).find("a night needs a time") != std::string::npos);
  auto twice = night_set(1, 100);
  twice.rows.push_back(twice.rows.front());
  const Place place;
  History history = place.open();
  CHECK(refusal([&] { history.add(history::night_of(twice)); }).find("two rows of the series") != std::string::npos);
  CHECK(history.night_count() == 0);
}
