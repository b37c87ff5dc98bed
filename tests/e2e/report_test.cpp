#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

#include "workplace.h"

using namespace qbench;
using namespace qbench::test;
namespace fs = std::filesystem;

namespace {

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A copy of the fixture's run of schema version 2, said to be of `version`.
void copy_stored_run(const fs::path& folder, int version) {
  const fs::path fixture = fixtures_dir() / "record" / "version2";
  for (const char* name : {"run.json", "samples.jsonl"}) {
    std::string text = read_file(fixture / name);
    for (const std::string from : {"\"schema_version\":2", "\"schema_version\": 2"}) {
      for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + 1)) text.replace(at, from.size(), "\"schema_version\":" + std::to_string(version));
    }
    write_file(folder / name, text);
  }
}

}  // namespace

TEST_CASE("a run leaves report.html and junit.xml, and report renders the same files again") {
  const Workplace place;
  const Outcome run = place.qbench(place.run(place.model(), {"--suite", "two"}));
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const fs::path folder = only_folder(place.results());
  CHECK(contains(run.out, (folder / "report.html").string()));
  CHECK(contains(run.out, (folder / "junit.xml").string()));
  CHECK(contains(read_file(folder / "junit.xml"), "decode_tok_per_s[two/first speed]"));
  const fs::path again = place.path() / "again" / "below";
  const Outcome report = place.qbench({"report", folder.string(), "--output-dir", again.string()});
  REQUIRE_MESSAGE(report.status == 0, report.err);
  const std::set<std::string> names = names_in(again);
  CHECK(names.size() == 4);
  for (const std::string& name : names) {
    CHECK(read_file(again / name) == read_file(folder / name));
    CHECK(contains(report.out, (again / name).string() + "\n"));
  }
}

TEST_CASE("report writes the formats that were asked for, and the terminal's goes to standard output without colours") {
  const Workplace place;
  REQUIRE(place.qbench(place.run(place.model(), {"--suite", "two", "--pass", "speed"})).status == 0);
  const fs::path folder = only_folder(place.results());
  const fs::path into = place.path() / "into";
  CHECK(place.qbench({"report", folder.string(), "--format", "junit,csv", "--output-dir", into.string()}).status == 0);
  CHECK(names_in(into) == std::set<std::string>{"junit.xml", "summary.csv"});
  const Outcome terminal = place.qbench({"report", folder.string(), "--format", "terminal"});
  CHECK(terminal.status == 0);
  CHECK(contains(terminal.out, "decode_tok_per_s"));
  CHECK(contains(terminal.out, "tiny: two/first, pass=speed; 3 repetitions, 1 session\n"));
  CHECK_FALSE(contains(terminal.out, "\x1b"));
}

TEST_CASE("report renders runs of earlier schema versions") {
  for (const int version : {1, 2}) {
    CAPTURE(version);
    const Workplace place;
    copy_stored_run(place.path() / "old", version);
    const Outcome report = place.qbench({"report", (place.path() / "old").string(), "--format", "md,csv,junit,html,terminal"});
    REQUIRE_MESSAGE(report.status == 0, report.err);
    const record::CsvTable table = record::read_summary_csv(place.path() / "old" / "summary.csv");
    CHECK(table.rows.size() == 2);
    CHECK(contains(read_file(place.path() / "old" / "report.html"), "decode_tok_per_s_median"));
  }
}

TEST_CASE("report says in one line what it cannot do") {
  const Workplace place;
  const Outcome nothing = place.qbench({"report", (place.path() / "nowhere").string()});
  CHECK(nothing.status == 2);
  CHECK(contains(nothing.err, "run.json"));
  CHECK(count_lines(nothing.err) == 1);
  copy_stored_run(place.path() / "new", 99);
  const Outcome newer = place.qbench({"report", (place.path() / "new").string()});
  CHECK(newer.status == 2);
  CHECK(contains(newer.err, "99"));
  copy_stored_run(place.path() / "old", 2);
  const Outcome format = place.qbench({"report", (place.path() / "old").string(), "--format", "pdf"});
  CHECK(format.status == 2);
  CHECK(contains(format.err, "'pdf' is no format; there are md, csv, junit, html, terminal"));
  write_file(place.path() / "file", "x");
  CHECK(place.qbench({"report", (place.path() / "old").string(), "--output-dir", (place.path() / "file").string()}).status == 2);
}

TEST_CASE("the page of a real run is right in a browser, its nights and a comparison's page too") {
  const Workplace place;
  REQUIRE(place.qbench(place.run(place.model() + "," + place.model("other"), {"--suite", "two", "--breakdown", "--gen-tokens", "12"})).status == 0);
  const fs::path folder = only_folder(place.results());
  const std::string history = (place.path() / "h.sqlite").string();
  REQUIRE(place.qbench({"history", "add", folder.string(), "--file", history}).status == 0);
  REQUIRE(place.qbench({"report", folder.string(), "--format", "html", "--history", history}).status == 0);
  CHECK(contains(read_file(folder / "report.html"), "id=\"chart-history\""));
  const std::string page = (place.path() / "comparison.html").string();
  REQUIRE(place.qbench({"compare", folder.string(), folder.string(), "--html", page}).status == 0);
  const std::string check = "python3 " QB_SOURCE_DIR "/scripts/check_page.py '";
  const int run_status = std::system((check + (folder / "report.html").string() + "' --csv '" + (folder / "summary.csv").string() + "'").c_str());
  if (WIFEXITED(run_status) && WEXITSTATUS(run_status) == 77) {
    report_skip("the page of a real run is right in a browser", "no Chromium here (scripts/setup.sh --reports installs it)");
    return;
  }
  CHECK(run_status == 0);
  CHECK(std::system((check + page + "'").c_str()) == 0);
}

TEST_CASE("a history is drawn into a page only, and a missing one is said") {
  const Workplace place;
  copy_stored_run(place.path() / "old", 2);
  const std::string folder = (place.path() / "old").string();
  const Outcome text = place.qbench({"report", folder, "--format", "csv", "--history", "h.sqlite"});
  CHECK(text.status == 2);
  CHECK(contains(text.err, "only the format html draws a history"));
  const Outcome missing = place.qbench({"report", folder, "--history", "h.sqlite"});
  CHECK(missing.status == 2);
  CHECK(contains(missing.err, "h.sqlite"));
}
