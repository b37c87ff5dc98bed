#include "history/transfer.h"

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/text_file.h"
#include "record/csv.h"
#include "result_examples.h"
#include "test_support.h"

using namespace qbench;
using history::Database;
using history::History;

namespace {

std::string import_error(const std::string& text, const std::vector<std::pair<std::string, std::string>>& rename = {}) {
  const test::TempDir folder;
  std::ofstream(folder.path() / "old.csv", std::ios::binary) << text;
  try {
    history::read_history_csv(folder.path() / "old.csv", {{"model", "smol"}}, rename);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("nights from a CSV made elsewhere become series, with columns renamed and empty fields left out") {
  const test::TempDir folder;
  std::ofstream(folder.path() / "old.csv") << "when,sha,prompt_id,tps,ttft_ms_median\n"
                                              "2026-01-01,aaa,one,50,12.5\n2026-01-01,aaa,two,60,\n2026-01-02,bbb,one,51,12.4\n";
  const auto nights = history::read_history_csv(folder.path() / "old.csv", {{"model", "smol"}, {"device_effective", "cpu"}},
                                                {{"when", "time"}, {"sha", "commit"}, {"tps", "decode_tok_per_s"}});
  REQUIRE(nights.size() == 2);
  CHECK(nights[0].rows.size() == 2);
  CHECK(nights[0].git_sha == "aaa");
  CHECK(nights[0].rows[0].key.fact("model") == "smol");
  CHECK(nights[0].rows[0].values.size() == 2);
  CHECK(nights[0].rows[1].values.size() == 1);
  History history(folder.path() / "h.sqlite", Database::Mode::kWrite);
  CHECK(history.add_all(nights).values == 5);
  CHECK(history.add_all(nights).already_there);
  CHECK(history.series("").size() == 2);
}

TEST_CASE("a CSV that cannot be taken as nights is refused with line or column") {
  const std::string head = "time,decode_tok_per_s\n";
  CHECK(import_error(head + "2026-01-01,50\n").empty());
  const auto refuses = [](const std::string& text, const std::string& part) {
    CAPTURE(text);
    const std::string error = import_error(text);
    CAPTURE(error);
    CHECK(error.find("old.csv") != std::string::npos);
    CHECK(error.find(part) != std::string::npos);
  };
  refuses(head + "2026-01-01,nan\n", "line 2: column 'decode_tok_per_s': 'nan' is no finite number");
  refuses(head + "2026-01-01,inf\n", "is no finite number");
  refuses(head + "2026-01-01,5O\n", "is no finite number");
  refuses(head + "gestern,50\n", "'gestern' is no time");
  refuses(head + "2026-01-01,50\n2026-01-01,51\n", "line 3: the series 'smol' has this time twice");
  refuses(head + "2026-01-01\n", "1 fields, the header has 2");
  refuses(head, "holds no rows");
  refuses("", "empty");
  refuses("time,tok_s\n2026-01-01,50\n", "column 'tok_s' is neither");
  refuses("time,ttft_s\n2026-01-01,0.5\n", "column 'ttft_s' is neither");
  refuses("decode_tok_per_s\n50\n", "no column 'time'");
  refuses("time,commit\n2026-01-01,a\n", "no column of a metric");
  refuses("time,decode_tok_per_s,decode_tok_per_s_median\n2026-01-01,1,2\n", "two columns are decode_tok_per_s");
}

TEST_CASE("an export holds every night that counts, numbers in every field, and comes back as it was") {
  const test::TempDir folder;
  History history(folder.path() / "h.sqlite", Database::Mode::kWrite);
  std::vector<history::NightInput> nights;
  for (int i = 0; i < 12; ++i) {
    history::NightInput night;
    night.run_id = "night" + std::to_string(i);
    night.git_sha = "sha" + std::to_string(i);
    night.source = "test";
    night.started_s = 1790000000 + i * 86400;
    history::NightRow row;
    row.key = history::key_of(test::example_row());
    row.throttled = i == 5;
    row.values = {{"decode_tok_per_s", 100 + i / 3.0}, {"ttft_ms", 9.5}};
    if (i % 2 == 0) row.values.emplace_back("load_ms", 250 + i);
    night.rows.push_back(std::move(row));
    nights.push_back(std::move(night));
  }
  history.add_all(nights);
  const auto files = history::export_for_otava(history, folder.path() / "otava", "");
  REQUIRE(files.size() == 3);  // otava.yaml, the nights, the metric that every other night has
  CHECK(files[0].filename() == "otava.yaml");
  const auto table = record::parse_csv(read_text_file(files[1]), "export");
  CHECK(table.rows.size() == 11);  // the throttled night is left out
  for (const auto& row : table.rows) CHECK_FALSE(row[table.column("decode_tok_per_s").value()].empty());
  CHECK_FALSE(table.column("load_ms").has_value());
  CHECK(record::parse_csv(read_text_file(files[2]), "export").rows.size() == 6);
  CHECK(read_text_file(files[0]).find("direction: -1") != std::string::npos);

  History back(folder.path() / "back.sqlite", Database::Mode::kWrite);
  back.add_all(history::read_history_csv(files[1], {}, {}));
  const auto series = back.series("");
  REQUIRE(series.size() == 1);
  CHECK(series[0].id == history.series("").front().id);
  const auto points = back.trend(series[0], "decode_tok_per_s", 0);
  REQUIRE(points.size() == 11);
  CHECK(points[4].value == 100 + 4 / 3.0);
  CHECK(points[4].git_sha == "sha4");
  CHECK_THROWS_AS(history::export_for_otava(history, folder.path() / "x", "no such series"), Error);
}
