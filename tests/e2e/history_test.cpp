#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "desk.h"

using namespace qbench;
using namespace qbench::test;
using nlohmann::json;

namespace fs = std::filesystem;

TEST_CASE("a gate goes from an empty history over suspect to worse, and a rebaseline accepts the new level") {
  const Desk desk;
  const Outcome first = desk.gate(1, 100);
  CHECK(first.status == 0);
  CHECK(first.out.find("the history is empty") != std::string::npos);
  CHECK(first.out.find("unclear (no baseline)") != std::string::npos);
  CHECK(longest_line(first.out) <= 80);
  CHECK(desk.gate(1, 100, {"--strict"}).status == 4);  // the same night again is no second night
  for (int night = 2; night <= 20; ++night) REQUIRE(desk.gate(night, 100 + night % 3 * 0.1).status == 0);
  CHECK(desk.gate(21, 85, {"--strict"}).status == 4);
  const Outcome suspect = desk.gate(21, 85);
  CHECK(suspect.status == 0);
  CHECK(suspect.out.find("suspect (first night)") != std::string::npos);
  const Outcome worse = desk.gate(22, 85, {"--format", "json", "--junit", "gate.xml"});
  CHECK(worse.status == 1);
  const json document = json::parse(worse.out);
  CHECK(document["comparisons"][0]["kind"] == "gate");
  CHECK(judgement(document, "decode_tok_per_s")["verdict"] == "worse");
  CHECK(judgement(document, "decode_tok_per_s")["band"] == 0.08);
  CHECK(judgement(document, "decode_tok_per_s")["base_sessions"].size() == 20);
  CHECK(read_file(desk.dir.path() / "gate.xml").find("<failure") != std::string::npos);
  const Outcome trend = desk.run({"history", "trend", "--file", "h.sqlite"});
  CHECK(trend.out.find("rejected") != std::string::npos);
  CHECK(desk.run({"history", "rebaseline", "night21", "--file", "h.sqlite"}).status == 0);
  CHECK(desk.gate(23, 85).out.find("unclear (no baseline)") != std::string::npos);
}

TEST_CASE("a gate takes no rerun for a night, keeps saying that the output is another, and passes no night that it judged nothing of") {
  const Desk desk;
  for (int night = 1; night <= 20; ++night) REQUIRE(desk.gate(night, 100 + night % 3 * 0.1).status == 0);
  CHECK(desk.gate(21, 80).out.find("suspect (first night)") != std::string::npos);
  const std::string rerun = desk.file("rerun.csv", summary(80, {{"run_id", "rerun"}, {"started_utc", "2026-10-21T03:32:00Z"}}));
  const Outcome again = desk.run({"compare", "--gate", Desk::gates(), "--history", "h.sqlite", rerun});
  CHECK(again.status == 0);
  CHECK(again.out.find("suspect (same night)") != std::string::npos);
  for (int night = 22; night <= 24; ++night) {
    const Outcome other = desk.gate(night, 100, {}, {{"output_digest", "bb"}, {"output_digests", "1"}});
    CHECK(other.status == 0);
    CHECK(other.out.find("unclear (differs)") != std::string::npos);
  }
  CHECK(desk.run({"history", "rebaseline", "night24", "--metric", "output_digest", "--file", "h.sqlite"}).status == 0);
  const json accepted = json::parse(desk.gate(25, 100, {"--format", "json"}, {{"output_digest", "bb"}, {"output_digests", "1"}}).out);
  CHECK(judgement(accepted, "output_digest")["reason"] == "equal");
  const std::string nothing = desk.file("nothing.json", R"({"metrics": {"load_ms": {"gated": false}}})");
  const std::string night = desk.night_file(26, 100, {{"output_digest", "bb"}, {"output_digests", "1"}});
  const Outcome unjudged = desk.run({"compare", "--gate", nothing, "--history", "h.sqlite", night, "--strict"});
  CHECK(unjudged.status == 4);
  CHECK(unjudged.out.find("nothing was judged") != std::string::npos);
  const std::string percent = desk.file("percent.json", R"({"metrics": {"load_ms": {"delta": 3}}})");
  check_refused(desk.run({"compare", "--gate", percent, "--history", "h.sqlite", night}), "expected a ratio from 0 to 1");
}

TEST_CASE("a step without noise has a p that is no zero") {
  const Desk desk;
  for (int night = 1; night <= 16; ++night) {
    REQUIRE(desk.run({"history", "add", desk.night_file(night, night <= 10 ? 100 : 80), "--file", "h.sqlite"}).status == 0);
  }
  const Outcome changes = desk.run({"history", "changes", "--file", "h.sqlite"});
  CHECK_MESSAGE(changes.out.find("p < 1e-16") != std::string::npos, changes.out);
}

TEST_CASE("history adds, lists, shows trends and changes, and takes nights out") {
  const Desk desk;
  const auto history = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "history");
    arguments.insert(arguments.end(), {"--file", "h.sqlite"});
    return desk.run(arguments);
  };
  check_refused(history({"list"}), "no such history");
  for (int night = 1; night <= 28; ++night) {
    const Outcome added = history({"add", desk.night_file(night, (night <= 18 ? 100 : 90) + night % 3 * 0.1)});
    REQUIRE(added.status == 0);
    CHECK(added.out.find("1 series") != std::string::npos);
  }
  CHECK(history({"add", "night07.csv"}).out == "night07: already there\n");
  check_refused(history({"add", desk.night_file(7, 55)}), "with other values");
  const Outcome list = history({"list"});
  CHECK(list.out.find("28 nights, 1 series") == 0);
  CHECK(list.out.find("smol q4_1 smoke/is-prime cpu") != std::string::npos);
  CHECK(longest_line(list.out) <= 80);
  const json listed = json::parse(history({"list", "--json", "--latest", "0"}).out);
  CHECK(listed["nights"].size() == 28);
  CHECK(listed["series"][0]["key"]["model"] == "smol");
  const Outcome trend = history({"trend"});
  CHECK(trend.out.find("█") != std::string::npos);
  CHECK(trend.out.find("change point") != std::string::npos);
  CHECK(json::parse(history({"trend", "--json"}).out)[0]["points"].size() == 28);
  const json changes = json::parse(history({"changes", "--json", "--metric", "decode_tok_per_s"}).out);
  REQUIRE(changes.size() == 1);
  CHECK(changes[0]["run_id"] == "night19");
  CHECK(history({"changes"}).out.find("night19") != std::string::npos);
  CHECK(history({"changes", "--metric", "e2e_ms"}).out == "no change points\n");
  check_refused(history({"trend", "--metric", "tok_s"}), "'tok_s' is no metric");
  check_refused(history({"trend", "--series", "nothing"}), "no series that matches 'nothing'");
  CHECK(history({"remove", "night28"}).status == 0);
  check_refused(history({"remove", "night28"}), "no run 'night28'");
  check_refused(history({"rebaseline", "night99"}), "no run 'night99'");
  desk.file("h.sqlite",
            "this is no database at all, and longer than the hundred bytes of the header that SQLite looks at before it says so\n");
  check_refused(history({"list"}), "not an SQLite database");
  check_refused(history({"add", "night01.csv"}), "not an SQLite database");
}

TEST_CASE("history exports what import takes back") {
  const Desk desk;
  for (int night = 1; night <= 9; ++night) REQUIRE(desk.run({"history", "add", desk.night_file(night, 100 + night)}).status == 0);
  const Outcome files = desk.run({"history", "export", "--out", "otava"});
  REQUIRE(files.status == 0);
  CHECK(files.out.find("otava.yaml") != std::string::npos);
  std::string csv;
  for (const auto& entry : fs::directory_iterator(desk.dir.path() / "otava")) {
    if (entry.path().extension() == ".csv") csv = entry.path().string();
  }
  REQUIRE_FALSE(csv.empty());
  const Outcome taken = desk.run({"history", "import", csv, "--file", "back.sqlite"});
  CHECK(taken.status == 0);
  CHECK(taken.out.find("9 nights read") == 0);
  const json before = json::parse(desk.run({"history", "trend", "--json"}).out),
             after = json::parse(desk.run({"history", "trend", "--json", "--file", "back.sqlite"}).out);
  CHECK(before[0]["points"] == after[0]["points"]);
  CHECK(before[0]["series"]["id"] == after[0]["series"]["id"]);
  desk.file("old.csv", "when,tps\n2026-01-01,50\n2026-01-02,51\n");
  CHECK(desk.run({"history", "import", "old.csv", "--set", "model=smol", "--rename", "when=time", "--rename", "tps=decode_tok_per_s"})
            .status == 0);
  check_refused(desk.run({"history", "import", "old.csv", "--set", "model=smol"}), "column 'when' is neither");
  check_refused(desk.run({"history", "import", "old.csv", "--set", "colour=red"}), "'colour' is no column of a series' key");
  check_refused(desk.run({"history", "import", "old.csv", "--rename", "when"}), "expected NAME=VALUE");
}
