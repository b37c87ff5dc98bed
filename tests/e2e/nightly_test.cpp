#include <doctest/doctest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <regex>

#include "workplace.h"

using namespace qbench;
using namespace qbench::test;

namespace {

namespace fs = std::filesystem;

fs::path source_dir() { return fixtures_dir().parent_path().parent_path(); }

/// scripts/nightly.sh with the tiny model and a gate file; its exit status, with what it wrote in `said`.
struct Night {
  const Workplace& place;
  std::string said = {};

  int run(const std::string& more) {
    const fs::path log = place.path() / "nightly.log";
    const std::string command = "QBENCH_DATA_DIR='" + (place.path() / "data").string() + "' '" + (source_dir() / "scripts" / "nightly.sh").string() + "' --bin '" + QB_BINARY +
                                "' --suite two --profile calm --results '" + place.results().string() + "' --out '" + out().string() + "' --gate '" +
                                (source_dir() / "configs" / "gates" / "nightly.json").string() + "' " + more + " >'" + log.string() + "' 2>&1";
    const int status = std::system(command.c_str());
    said = read_file(log);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  fs::path out() const { return place.path() / "out"; }
};

}  // namespace

TEST_CASE("nightly.sh measures, judges, keeps and reports a night") {
  const Workplace place;
  Night night{place};
  const std::string options = "-m '" + place.model() + "' -- --pass speed -r 2 --threads 1";
  REQUIRE_MESSAGE(night.run(options) == 0, night.said);
  for (const char* name : {"run.xml", "gate.xml", "gate.md", "gate.json", "report.html", "changes.txt"}) CHECK_MESSAGE(fs::exists(night.out() / name), name);
  CHECK(read_file(night.out() / "gate.md").find("no baseline") != std::string::npos);
  CHECK(read_file(night.out() / "gate.xml").find("<testsuite") != std::string::npos);
  CHECK(read_file(night.out() / "run.xml").find("<testsuite") != std::string::npos);
  const Outcome list = place.qbench({"history", "list", "--file", (place.results() / "history.sqlite").string()});
  CHECK_MESSAGE(list.out.find("nightly") != std::string::npos, list.out);
  // Without nights before it nothing can be said, which --strict calls inconclusive; the reports are this night's.
  CHECK_MESSAGE(night.run("--strict " + options) == 4, night.said);
}

TEST_CASE("nightly.sh judges the night of a model that failed and ends with 3, and starts nothing it cannot finish") {
  const Workplace place;
  Night night{place};
  CHECK_MESSAGE(night.run("-m '" + place.model() + ",nowhere.gguf' -- --pass speed -r 2 --threads 1") == 3, night.said);
  CHECK(fs::exists(night.out() / "gate.json"));
  fs::remove_all(place.results());
  CHECK(night.run("-m '" + place.model() + "' -- --no-such-option") == 2);
  CHECK(!fs::exists(night.out() / "gate.json"));  // of the night before
  CHECK(night.run("") == 2);
  CHECK(night.said.find("no model given") != std::string::npos);
  CHECK(night.run("--no-such-option") == 2);
  CHECK(night.run("-m x --gate nowhere.json") == 2);
}

TEST_CASE("nightly.sh --dry-run shows the plan and leaves nothing") {
  const Workplace place;
  Night night{place};
  REQUIRE_MESSAGE(night.run("-m '" + place.model() + "' --dry-run -- --pass speed") == 0, night.said);
  CHECK(night.said.find("then: compare --gate") != std::string::npos);
  CHECK(!fs::exists(place.results()));
  CHECK(!fs::exists(night.out()));
}

TEST_CASE("the files for GitLab and Jenkins call scripts that exist, with options that they have") {
  for (const char* name : {"gitlab-ci.yml", "Jenkinsfile"}) {
    CAPTURE(name);
    const std::string text = read_file(source_dir() / "scripts" / "ci" / name);
    const std::regex script("\\./scripts/[a-z_]+\\.(sh|py)");
    std::size_t found = 0;
    for (auto at = std::sregex_iterator(text.begin(), text.end(), script); at != std::sregex_iterator(); ++at, ++found) {
      CHECK_MESSAGE(fs::exists(source_dir() / at->str()), at->str());
    }
    CHECK(found >= 2);
    const std::string nightly = read_file(source_dir() / "scripts" / "nightly.sh");
    const std::size_t from = text.find("scripts/nightly.sh"), to = text.find("--strict", from);
    REQUIRE(to != std::string::npos);
    const std::string call = text.substr(from, to - from);
    const std::regex option(" (--[a-z]+)");
    for (auto at = std::sregex_iterator(call.begin(), call.end(), option); at != std::sregex_iterator(); ++at) {
      CHECK_MESSAGE(nightly.find((*at)[1].str() + ") ") != std::string::npos, at->str());
    }
  }
}
