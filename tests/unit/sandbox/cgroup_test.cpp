#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "sandbox/cgroup.h"
#include "test_support.h"

using namespace qbench;
using sandbox::ControlGroups;

namespace {

namespace fs = std::filesystem;

/// Folders that look like mounted hierarchies; limits can be written, since any file can be made here.
struct Place {
  test::TempDir folder;
  fs::path root = folder.path();

  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((root / name).parent_path());
    std::ofstream(root / name) << text;
  }
  std::optional<ControlGroups> find(std::string& why) const { return ControlGroups::find(why, root / "mountinfo", root / "cgroup"); }
  std::string mount(const std::string& where, const std::string& type, const std::string& options, const std::string& part = "/") const {
    return "30 25 0:26 " + part + " " + (root / where).string() + " rw,nosuid - " + type + " " + type + " " + options + "\n";
  }
};

}  // namespace

TEST_CASE("control groups are refused with the reason where no hierarchy offers memory and pids") {
  const Place place;
  std::string why;
  place.write("mountinfo", place.mount("unified", "cgroup2", "rw"));
  place.write("cgroup", "0::/user.slice/user-1000.slice/session-1.scope\n");
  place.write("unified/user.slice/user-1000.slice/cgroup.subtree_control", "cpu io\n");
  CHECK(!place.find(why));
  CHECK(why == "no hierarchy offers memory and pids to this process's group");

  place.write("cgroup", "");
  CHECK(!place.find(why));
  place.write("mountinfo", "");
  CHECK(!place.find(why));
  place.write("mountinfo", "garbage\n\n1 2 3\n- - -\n");
  place.write("cgroup", "garbage\n:::\n0::\n");
  CHECK(!place.find(why));
}

TEST_CASE("of version 2 the parent of the process's own group is taken where only that may have children with limits") {
  const Place place;
  std::string why;
  place.write("mountinfo", place.mount("unified", "cgroup2", "rw"));
  place.write("cgroup", "0::/app.slice/run.scope\n");
  place.write("unified/app.slice/cgroup.subtree_control", "cpu memory pids\n");
  place.write("unified/app.slice/cgroup.procs", "");
  place.write("unified/app.slice/run.scope/cgroup.subtree_control", "\n");
  place.write("unified/app.slice/run.scope/cgroup.procs", "1\n");
  CHECK(!place.find(why));  // its files are no control group's: a new folder has no memory.max
  CHECK(why.starts_with("control groups cannot be made here"));
  CHECK(!fs::exists(place.root / "unified/app.slice/memory.max"));
  for (const auto& entry : fs::directory_iterator(place.root / "unified/app.slice"))
    CHECK(!entry.path().filename().string().starts_with("qbench-"));
}
