#include "workload/suite.h"

#include <nlohmann/json.hpp>

#include "test_support.h"
#include "workload_test_support.h"

namespace qbench::workload {
namespace {

namespace fs = std::filesystem;
using test::check_mentions;
using test::message_of;
using test::write_file;

/// A suite with everything that a suite can hold.
constexpr std::string_view kFull = R"({
  "title": "T", "description": "D",
  "defaults": {"gen_tokens": 16, "max_new_tokens": 64, "temperature": 0.2, "repetitions": 2, "warmup": 0, "pass": "speed"},
  "prompts": [
    {"id": "one", "title": "First", "language": "python", "system": "Be brief.", "group": "g", "size_class": "7b", "tags": ["a", "b"],
     "max_new_tokens": 32, "stop": ["END"], "enable_thinking": false,
     "turns": [{"file": "texts/one.txt", "prompt_tokens": 11}, {"text": "And now in C.", "prompt_tokens": 6}]},
    {"id": "two", "turns": [{"text": "Hello"}]}
  ]})";

void write_full(const fs::path& dir) {
  write_file(dir / "suite.json", kFull);
  write_file(dir / "texts" / "one.txt", "Write a loop.  \nUse `for`.\n");
}

/// The message that a suite.json of this text gives.
std::string refuse(std::string_view json) {
  const test::TempDir dir;
  write_file(dir.path() / "s" / "suite.json", json);
  write_file(dir.path() / "s" / "ok.txt", "text\n");
  return message_of(ErrorCode::kConfig, [&] { load_suite(dir.path() / "s"); });
}

std::string with_prompt(const std::string& inside) { return R"({"prompts": [{"id": "p", "turns": [{"text": "x"}], )" + inside + "}]}"; }

}  // namespace

TEST_CASE("a suite is read with all it holds") {
  const test::TempDir dir;
  write_full(dir.path() / "mine");
  const Suite suite = load_suite(dir.path() / "mine");
  CHECK(suite.name == "mine");
  CHECK(suite.title == "T");
  CHECK(suite.description == "D");
  CHECK(suite.path == dir.path() / "mine" / "suite.json");
  REQUIRE(suite.prompts.size() == 2);
  const Prompt& one = suite.prompts[0];
  CHECK(one.id == "one");
  CHECK(one.title == "First");
  CHECK(one.language == "python");
  CHECK(one.system == std::optional<std::string>("Be brief."));
  CHECK(one.group == "g");
  CHECK(one.size_class == "7b");
  CHECK(one.tags == std::vector<std::string>{"a", "b"});
  REQUIRE(one.turns.size() == 2);
  CHECK(one.turns[0].text == "Write a loop.  \nUse `for`.");  // trailing spaces stay, the final newline does not
  CHECK(one.turns[0].prompt_tokens == 11);
  CHECK(one.turns[1].text == "And now in C.");
  CHECK(one.turns[1].prompt_tokens == 6);
  CHECK(one.settings.max_new_tokens == 32);  // its own over the suite's
  CHECK(one.settings.gen_tokens == 16);
  CHECK(one.settings.temperature == 0.2);
  CHECK(one.settings.enable_thinking == false);
  const Prompt& two = suite.prompts[1];
  CHECK(two.title == "two");
  CHECK_FALSE(two.system.has_value());
  CHECK(two.turns[0].prompt_tokens >= 1);  // an estimate
  CHECK(two.settings.max_new_tokens == 64);
}

TEST_CASE("a suite has the same name and digest by folder, by trailing slash and by file") {
  const test::TempDir dir;
  write_full(dir.path() / "mine");
  const Suite suite = load_suite(dir.path() / "mine");
  for (const std::string path : {"mine/", "mine/suite.json", "./mine", "mine/../mine"}) {
    CAPTURE(path);
    const Suite again = load_suite(dir.path() / path);
    CHECK(again.name == "mine");
    CHECK(again.digest == suite.digest);
  }
  fs::copy_file(dir.path() / "mine" / "suite.json", dir.path() / "mine" / "other.json");
  CHECK(load_suite(dir.path() / "mine" / "other.json").name == "other");
}

TEST_CASE("a digest changes with whatever is asked and not with how often it is measured") {
  const auto digest_of = [](std::string json) {
    const test::TempDir dir;
    write_file(dir.path() / "s" / "suite.json", json);
    return load_suite(dir.path() / "s").prompts.front().digest;
  };
  const std::string base = digest_of(R"({"prompts": [{"id": "p", "turns": [{"text": "x", "prompt_tokens": 5}]}]})");
  CHECK(base.size() == 64);
  CHECK(
      digest_of(
          R"({"title": "T", "defaults": {"repetitions": 9, "warmup": 3}, "prompts": [{"id": "p", "title": "P", "turns": [{"text": "x", "prompt_tokens": 5}]}]})") ==
      base);
  for (const std::string other :
       {R"({"prompts": [{"id": "q", "turns": [{"text": "x", "prompt_tokens": 5}]}]})",
        R"({"prompts": [{"id": "p", "turns": [{"text": "y", "prompt_tokens": 5}]}]})",
        R"({"prompts": [{"id": "p", "turns": [{"text": "x", "prompt_tokens": 6}]}]})",
        R"({"prompts": [{"id": "p", "system": "", "turns": [{"text": "x", "prompt_tokens": 5}]}]})",
        R"({"prompts": [{"id": "p", "language": "c", "turns": [{"text": "x", "prompt_tokens": 5}]}]})",
        R"({"prompts": [{"id": "p", "gen_tokens": 3, "turns": [{"text": "x", "prompt_tokens": 5}]}]})",
        R"({"defaults": {"seed": 3}, "prompts": [{"id": "p", "turns": [{"text": "x", "prompt_tokens": 5}]}]})",
        R"({"prompts": [{"id": "p", "turns": [{"text": "x", "prompt_tokens": 5}, {"text": "x", "prompt_tokens": 5}]}]})"}) {
    CAPTURE(other);
    CHECK(digest_of(other) != base);
  }
}

TEST_CASE("every corruption of a suite file is one config error that says where") {
  struct Case {
    std::string json;
    std::string_view expected;
  };
  const std::string deep(100, '[');
  for (const Case& c : {
           Case{"", "not valid JSON"},
           Case{"{", "not valid JSON"},
           Case{deep, "nested deeper"},
           Case{"[]", "expected an object"},
           Case{"{}", "has no 'prompts'"},
           Case{R"({"prompts": 1})", "'prompts'"},
           Case{R"({"prompts": []})", "'prompts'"},
           Case{R"({"prompts": [1]})", "prompt 1"},
           Case{R"({"prompts": [{}]})", "has no 'id'"},
           Case{R"({"prompts": [{"id": "p"}]})", "has no 'turns'"},
           Case{R"({"prompts": [{"id": "p", "id": "q", "turns": [{"text": "x"}]}]})", "stands twice"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"text": "x"}]}, {"id": "p", "turns": [{"text": "y"}]}]})", "prompt 2"},
           Case{R"({"prompts": [{"id": "P", "turns": [{"text": "x"}]}]})", "no name"},
           Case{R"({"prompts": [{"id": "../p", "turns": [{"text": "x"}]}]})", "no name"},
           Case{R"({"prompts": [{"id": "", "turns": [{"text": "x"}]}]})", "no name"},
           Case{R"({"prompts": [{"id": 5, "turns": [{"text": "x"}]}]})", "expected a string"},
           Case{R"({"prompts": [{"id": "p", "turns": []}]})", "'turns'"},
           Case{R"({"prompts": [{"id": "p", "turns": "x"}]})", "'turns'"},
           Case{R"({"prompts": [{"id": "p", "turns": ["x"]}]})", "turn 1"},
           Case{R"({"prompts": [{"id": "p", "turns": [{}]}]})", "exactly one of 'file' and 'text'"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"text": "x", "file": "ok.txt"}]}]})", "exactly one of"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"text": ""}]}]})", "empty"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"text": "a\u0000b"}]}]})", "not UTF-8 text"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"text": "x", "token": 3}]}]})", "unknown key 'token'"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"file": "none.txt"}]}]})", "none.txt"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"file": ""}]}]})", "does not lie below"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"file": "/etc/passwd"}]}]})", "does not lie below"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"file": "../s/ok.txt"}]}]})", "does not lie below"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"file": "."}]}]})", "is a folder"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"text": "x", "prompt_tokens": 0}]}]})", "'prompt_tokens'"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"text": "x", "prompt_tokens": -4}]}]})", "'prompt_tokens'"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"text": "x", "prompt_tokens": 1.5}]}]})", "'prompt_tokens'"},
           Case{R"({"prompts": [{"id": "p", "turns": [{"text": "x", "prompt_tokens": 1048577}]}]})", "1048576"},
           Case{R"({"promts": []})", "did you mean 'prompts'?"},
           Case{R"({"title": 5, "prompts": [{"id": "p", "turns": [{"text": "x"}]}]})", "'title'"},
           Case{R"({"defaults": 5, "prompts": [{"id": "p", "turns": [{"text": "x"}]}]})", "defaults"},
           Case{R"({"defaults": {"gen_token": 5}, "prompts": [{"id": "p", "turns": [{"text": "x"}]}]})", "did you mean 'gen_tokens'?"},
           Case{R"({"defaults": {"threads": 5}, "prompts": [{"id": "p", "turns": [{"text": "x"}]}]})", "'threads' cannot be set here"},
           Case{with_prompt(R"("lang": "c")"), "unknown key 'lang'"},
           Case{with_prompt(R"("la\ng": "c")"), "unknown key 'la?g'"},
           Case{with_prompt(R"("gen_tokens": 0)"), "'gen_tokens'"},
           Case{with_prompt(R"("gen_tokens": "many")"), "a whole number"},
           Case{with_prompt(R"("batch": 2)"), "'batch' cannot be set for one prompt"},
           Case{with_prompt(R"("repetitions": 2)"), "'repetitions' cannot be set for one prompt"},
           Case{with_prompt(R"("tags": "a")"), "'tags'"},
           Case{with_prompt(R"("tags": ["A b"])"), "no name"},
           Case{with_prompt(R"("system": 4)"), "'system'"},
           Case{with_prompt(R"("language": "C++")"), "'language'"},
       }) {
    CAPTURE(c.json);
    check_mentions(refuse(c.json), {"suite.json", c.expected});
  }
}

TEST_CASE("a prompt's text file must be text of a sensible size") {
  const test::TempDir dir;
  const fs::path file = dir.path() / "p.txt";
  const auto refused = [&](std::string_view content) {
    write_file(file, content);
    return message_of(ErrorCode::kConfig, [&] { suite_from_prompt_file(file); });
  };
  check_mentions(refused(""), {"p.txt", "empty"});
  check_mentions(refused("\n"), {"p.txt", "empty"});
  for (const std::string_view bad :
       {"\xff", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x80\x80\x80", "a\xe2\x82", "\x80"}) {
    CAPTURE(bad);
    check_mentions(refused(bad), {"p.txt", "not UTF-8"});
  }
  check_mentions(refused(std::string(2 << 20, 'x')), {"p.txt", "1048576"});
  check_mentions(message_of(ErrorCode::kConfig, [&] { suite_from_prompt_file(dir.path() / "none.txt"); }), {"none.txt", "no such file"});
  write_file(file, "Grüße, 世界 😀\n\n");
  CHECK(suite_from_prompt_file(file).prompts.front().turns.front().text == "Grüße, 世界 😀\n");
}

TEST_CASE("what is no suite says what would be one") {
  const test::TempDir dir;
  write_file(dir.path() / "prompt.txt", "x\n");
  fs::create_directories(dir.path() / "empty");
  check_mentions(message_of(ErrorCode::kConfig, [&] { load_suite(dir.path() / "prompt.txt"); }), {"prompt.txt", "--prompt-file"});
  check_mentions(message_of(ErrorCode::kConfig, [&] { load_suite(dir.path() / "empty"); }), {"empty", "suite.json"});
  check_mentions(message_of(ErrorCode::kConfig, [&] { load_suite(dir.path() / "none.json"); }), {"none.json", "no such file"});
  check_mentions(message_of(ErrorCode::kConfig, [&] { find_suite((dir.path() / "none").string()); }), {"none"});
}

TEST_CASE("the whole text of a conversation is its turns, a blank line between them") {
  Prompt prompt;
  CHECK(whole_text(prompt).empty());
  prompt.turns = {{"One.", 0}};
  CHECK(whole_text(prompt) == "One.");
  prompt.turns.push_back({"Two.", 0});
  CHECK(whole_text(prompt) == "One.\n\nTwo.");
}

TEST_CASE("a prompt from the command line becomes a suite of one") {
  const Suite suite = suite_from_text("Write a haiku.");
  CHECK(suite.name == "prompt");
  REQUIRE(suite.prompts.size() == 1);
  CHECK(suite.prompts[0].turns[0].text == "Write a haiku.");
  CHECK(suite.prompts[0].turns[0].prompt_tokens == 16 + 4);
  CHECK(suite.digest != suite_from_text("Write a poem.").digest);
  check_mentions(message_of(ErrorCode::kUsage, [] { suite_from_text(""); }), {"--prompt"});
  check_mentions(message_of(ErrorCode::kUsage, [] { suite_from_text("\xff"); }), {"--prompt", "UTF-8"});
}

}  // namespace qbench::workload
