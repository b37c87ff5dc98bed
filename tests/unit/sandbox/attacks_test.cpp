#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "room.h"
#include "sandbox/attack.h"
#include "sandbox/traps.h"

using namespace qbench;
using namespace qbench::sandbox;
using test::room;

namespace {

/// A "sandbox" that holds nothing: the attacks have to succeed in it, or they are none.
class NoSandbox final : public Sandbox {
 public:
  Level level() const override { return Level::kRlimits; }
  std::string description() const override { return "nothing at all"; }
  std::unique_ptr<Process> start(const Job&) const override { return nullptr; }
  Outcome run(const Job& job) const override {
    const test::TempDir folder;
    std::string command;
    for (const std::string& word : job.argv) {
      std::string quoted = word.starts_with("/task/") ? (folder.path() / word.substr(6)).string() : word;
      command += "'" + quoted + "' ";
    }
    for (const File& file : job.files) {
      std::FILE* out = std::fopen((folder.path() / file.path).c_str(), "wb");
      std::fwrite(file.content.data(), 1, file.content.size(), out);
      std::fclose(out);
    }
    Outcome outcome;
    std::FILE* pipe = ::popen((command + " 2>&1 </dev/null").c_str(), "r");
    char piece[4096];
    for (std::size_t n = 0; (n = std::fread(piece, 1, sizeof piece, pipe)) > 0;) outcome.output.append(piece, n);
    outcome.exit_code = ::pclose(pipe);
    return outcome;
  }
};

}  // namespace

TEST_CASE("every attack is contained at the levels with namespaces") {
  for (const Level level : {Level::kBwrapCgroup, Level::kBwrap}) {
    const auto open = room(level);
    if (!open) continue;
    if (::access("/usr/bin/python3", X_OK) != 0) return test::report_skip("sandbox attacks", "/usr/bin/python3 is not installed");
    const auto traps = std::make_shared<Traps>();
    for (const Attack& attack : sandbox_attacks(traps)) {
      const Finding finding = attack.run(*open);
      CAPTURE(name_of(level));
      CAPTURE(attack.group);
      CAPTURE(attack.name);
      CAPTURE(finding.detail);
      CHECK(finding.contained);
    }
  }
}

TEST_CASE("attacks are real: without a sandbox, those that do no harm succeed") {
  if (::access("/usr/bin/python3", X_OK) != 0) return test::report_skip("sandbox attacks", "/usr/bin/python3 is not installed");
  const std::set<std::string> harmless{"read files outside",
                                       "the caller's environment",
                                       "inherited descriptors",
                                       "sockets of every family",
                                       "abstract and named local sockets",
                                       "the same from a shell, by posix",
                                       "the same from a shell, by execv",
                                       "ptrace",
                                       "setuid programs, users, limits",
                                       "memory bomb (shared)",
                                       "memory bomb (system_v)",
                                       "memory bomb (anonymous_files)",
                                       "memfd_create (does not exist inside)"};
  const auto traps = std::make_shared<Traps>();
  std::size_t tried = 0;
  for (const Attack& attack : sandbox_attacks(traps)) {
    if (!harmless.contains(attack.name)) continue;
    const Finding finding = attack.run(NoSandbox());
    CAPTURE(attack.name);
    CAPTURE(finding.detail);
    CHECK(!finding.contained);
    ++tried;
  }
  CHECK(tried == harmless.size());
}

TEST_CASE("what the level without namespaces cannot hold is found, and what the filter and the limits hold is not") {
  const auto open = room(Level::kRlimits);
  if (!open) return;
  const auto traps = std::make_shared<Traps>();
  std::map<std::string, std::string> holes;
  std::string found;
  for (const Attack& attack : sandbox_attacks(traps)) {
    const bool kills = attack.name == "signals to its parent and to others";
    if (!kills && attack.group != "files" && attack.group != "network" && attack.group != "system calls") continue;
    const Finding finding = attack.run(*open);
    if (finding.contained) continue;
    holes[attack.name] = finding.detail;
    found += attack.name + ": " + finding.detail + "\n";
  }
  CAPTURE(found);
  CHECK(holes.contains("read files outside"));
  CHECK(holes.contains("signals to its parent and to others"));
  CHECK(holes.contains("abstract and named local sockets"));
  CHECK(!holes.contains("sockets of every family"));
  CHECK(!holes.contains("inherited descriptors"));
  CHECK(!holes.contains("ptrace"));
  CHECK(!holes.contains("bpf"));
}
