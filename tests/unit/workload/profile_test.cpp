#include "workload/profile.h"

#include "test_support.h"
#include "workload_test_support.h"

namespace qbench::workload {
namespace {

using test::check_mentions;
using test::message_of;

Profile load(std::string_view json) {
  const test::TempDir dir;
  test::write_file(dir.path() / "mine.json", json);
  return load_profile(dir.path() / "mine.json");
}

}  // namespace

TEST_CASE("a profile is read with its settings and what waits") {
  const Profile profile = load(
      R"({"title": "T", "description": "D", "settings": {"temperature": 0.3, "batch": 8}, "not_yet": {"beams": 4, "shares": [{"a": 1}]}})");
  CHECK(profile.name == "mine");
  CHECK(profile.title == "T");
  CHECK(profile.description == "D");
  CHECK(profile.settings.temperature == 0.3);
  CHECK(profile.settings.batch == 8);
  CHECK(profile.not_yet == std::vector<std::pair<std::string, std::string>>{{"beams", "4"}, {"shares", R"([{"a":1}])"}});
  CHECK(profile.digest != load(R"({"settings": {"temperature": 0.4, "batch": 8}})").digest);
  CHECK(profile.digest == load(R"({"settings": {"batch": 8, "temperature": 0.3}})").digest);  // what waits and the order change nothing
}

TEST_CASE("every corruption of a profile is one config error that names file and key") {
  struct Case {
    std::string_view json, expected;
  };
  for (const Case& c :
       {Case{"", "not valid JSON"}, Case{"5", "expected an object"}, Case{"{}", "has no 'settings'"},
        Case{R"({"settings": 4})", "expected an object"}, Case{R"({"settings": {"temprature": 1}})", "did you mean 'temperature'?"},
        Case{R"({"settings": {"top_p": 2}})", "'top_p'"}, Case{R"({"settings": {}, "notyet": {}})", "did you mean 'not_yet'?"},
        Case{R"({"settings": {}, "temperature": 1})", "belongs under 'settings'"}, Case{R"({"settings": {}, "not_yet": []})", "'not_yet'"},
        Case{R"({"settings": {}, "not_yet": {"top_k": 5}})", "'top_k' acts already"},
        Case{R"({"settings": {}, "not_yet": {"A B": 5}})", "no name"}, Case{R"({"settings": {}, "title": 3})", "'title'"},
        Case{R"({"settings": {"seed": 1, "seed": 2}})", "stands twice"}}) {
    CAPTURE(c.json);
    check_mentions(message_of(ErrorCode::kConfig, [&] { load(c.json); }), {"mine.json", c.expected});
  }
  check_mentions(message_of(ErrorCode::kConfig, [] { load_profile("/nonexistent/p.json"); }), {"/nonexistent/p.json", "no such file"});
}

TEST_CASE("a profile's threads and context are upper limits") {
  const Profile profile = load(R"({"settings": {"threads": 12, "context": 32768, "temperature": 0.5}})");
  const Settings here = limit_to_machine(profile.settings, 2, 8192);
  CHECK(here.threads == 2);
  CHECK(here.context == 8192);
  CHECK(here.temperature == 0.5);
  CHECK(limit_to_machine(profile.settings, 64, 131072) == profile.settings);
  CHECK(limit_to_machine(profile.settings, 64, 0) == profile.settings);
  CHECK(limit_to_machine({}, 2, 8192) == Settings{});
}

}  // namespace qbench::workload
