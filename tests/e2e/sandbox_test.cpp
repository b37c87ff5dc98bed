#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "test_support.h"
#include "workplace.h"

using namespace qbench;
using namespace qbench::test;
using nlohmann::json;

TEST_CASE("sandbox selftest lists attacks, and a level that lets some through is exit 1") {
  const Outcome attacked = qbench::test::qbench({"sandbox", "selftest", "--only", "files", "--json"});
  if (attacked.status == 2) return report_skip("sandbox selftest", attacked.err);
  CHECK(attacked.status == 0);
  const json document = json::parse(attacked.out);
  CHECK(document["sandbox_level"].get<std::string>().starts_with("bwrap"));
  CHECK(document["holes"] == 0);
  CHECK(document["attacks"].size() >= 11);
  for (const json& attack : document["attacks"]) CHECK(attack["contained"] == true);
  CHECK(document["cost"]["inside_ms"].get<double>() > 0);

  const Outcome text = qbench::test::qbench({"sandbox", "selftest", "--only", "ptrace"});
  CHECK(text.status == 0);
  CHECK(text.out.find("contained  system calls  ptrace") != std::string::npos);
  CHECK(text.out.find("1 attacks, all contained") != std::string::npos);

  const Outcome holes = qbench::test::qbench({"sandbox", "selftest", "--sandbox", "rlimits", "--unsafe", "--only", "read files"});
  CHECK(holes.status == 1);
  CHECK(holes.out.find("HOLE       files         read files outside") != std::string::npos);
}

TEST_CASE("sandbox levels that are wrong, unsafe or not there are exit 2 with what to pass") {
  const Outcome unsafe = qbench::test::qbench({"sandbox", "selftest", "--sandbox", "rlimits"});
  CHECK(unsafe.status == 2);
  CHECK(unsafe.err.find("--unsafe") != std::string::npos);
  const Outcome wrong = qbench::test::qbench({"sandbox", "selftest", "--sandbox", "docker"});
  CHECK(wrong.status == 2);
  CHECK(wrong.err.find("bwrap+cgroup, bwrap and rlimits") != std::string::npos);
  for (const char* level : {"", "bwrap"}) {
    std::vector<std::string> words{"sandbox", "selftest", "--unsafe", "--only", "ptrace"};
    if (*level != '\0') words.insert(words.end(), {"--sandbox", level});
    const Outcome idle = qbench::test::qbench(words);
    CHECK(idle.status == 2);
    CHECK(idle.err.find("--unsafe: goes with --sandbox=rlimits only") != std::string::npos);
  }
  CHECK(qbench::test::qbench({"sandbox", "selftest", "--only", "no such attack"}).status == 2);
  CHECK(qbench::test::qbench({"sandbox"}).status == 2);
}
