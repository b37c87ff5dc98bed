#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "workplace.h"

using namespace qbench;
using namespace qbench::test;
namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("recommend without results says what to run, with results chooses, and a later run checks what it predicted") {
  const Workplace place;
  const fs::path task = place.path() / "task.txt", kept = place.path() / "predictions.jsonl";
  write_file(task, "Write a function that must parse a date.\n");
  const std::string results = place.results().string();
  fs::create_directories(place.results());
  const Outcome before = place.qbench({"recommend", "--task", task.string(), "--results", results});
  CHECK(before.status == 4);
  CHECK(contains(before.out, "qbench run -m MODEL -m MODEL --prompt-file " + task.string()));
  const Outcome as_json = place.qbench({"recommend", "--task", task.string(), "--results", results, "--json"});
  CHECK(contains(nlohmann::json::parse(as_json.out)["run"].dump(), "--prompt-file " + task.string()));

  const Outcome run = place.qbench(place.run(place.model(), {"--prompt-file", task.string()}));
  REQUIRE_MESSAGE(run.status == 0, run.err);
  const Outcome chosen = place.qbench({"recommend", "--task", task.string(), "--results", results, "--predictions", kept.string(), "--json"});
  REQUIRE_MESSAGE(chosen.status == 0, (chosen.err + chosen.out));
  const auto answer = nlohmann::json::parse(chosen.out);
  CHECK(answer["choice"]["confidence"] == 1.0);
  CHECK(answer["candidates"].size() == 1);
  CHECK(answer["candidates"][0]["context_limit"].get<double>() >= 1);
  CHECK(answer["candidates"][0]["prediction"]["ttft_ms"]["n"].get<int>() >= 1);
  CHECK(contains(answer["caveats"].dump(), "by speed alone"));

  write_file(kept, read_file(kept) + R"({"version":1,"created_u)");  // what a process leaves that is killed while it writes
  const Outcome known = place.qbench({"recommend", "--evaluate", results, "--predictions", kept.string()});
  CHECK(known.status == 4);
  CHECK(contains(known.out, "made when the run had begun that would check it, which proves nothing: 1 prediction."));
  CHECK(contains(known.err, "warning: " + kept.string() + ", line 2: left out: half a line"));

  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // stamps are in seconds
  const fs::path other = place.path() / "other.txt";
  write_file(other, "Sort.\n");
  REQUIRE(
      place.qbench({"recommend", "--task", other.string(), "--results", results, "--predictions", (place.path() / "other.jsonl").string()})
          .status == 0);
  const Outcome unkept =
      place.qbench({"recommend", "--task", other.string(), "--results", results, "--predictions", place.path().string()});
  CHECK(unkept.status == 2);
  CHECK(contains(unkept.err, "Is a directory; --predictions names another file, --no-save keeps no prediction"));
  const Outcome unmet = place.qbench({"recommend", "--evaluate", results, "--predictions", (place.path() / "other.jsonl").string()});
  CHECK(unmet.status == 4);
  CHECK(contains(unmet.out, "These results hold no prompt that was predicted"));
  REQUIRE(place.qbench(place.run(place.model(), {"--prompt-file", task.string(), "--label", "later"})).status == 0);
  const Outcome checked = place.qbench({"recommend", "--evaluate", results, "--predictions", kept.string()});
  CHECK_MESSAGE(checked.status == 0, checked.err);
  CHECK(contains(checked.out, "1 prediction of a task and model; 1 check by these results"));
  CHECK(contains(checked.out, "ttft_ms"));

  const Outcome twice = place.qbench({"recommend", "--task", task.string(), "--results", results + "," + results, "--no-save"});
  CHECK(contains(twice.err, "the same run as"));
  CHECK(place.qbench({"recommend", "--evaluate", results, "--constraints", "ttft<1s"}).status == 2);
}

TEST_CASE("recommend takes a model with and without thinking for two candidates") {
  const Workplace place;
  const std::string results = place.results().string();
  for (const char* how : {"--thinking", "--no-thinking"})
    REQUIRE(place.qbench(place.run(place.model("thinker"), {"--suite", "two", how, "--label", how + 2})).status == 0);
  const Outcome chosen = place.qbench({"recommend", "--task", "two#first", "--results", results, "--no-save", "--json"});
  REQUIRE_MESSAGE(chosen.status == 0, (chosen.err + chosen.out));
  const auto candidates = nlohmann::json::parse(chosen.out)["candidates"];
  REQUIRE(candidates.size() == 2);
  CHECK(candidates[0]["thinking"] != candidates[1]["thinking"]);
  for (const auto& one : candidates) CHECK(contains(one["name"], ", " + one["thinking"].get<std::string>()));
}

TEST_CASE("recommend refuses what it cannot use and leaves out folders that nobody named") {
  const Workplace place;
  CHECK(place.qbench({"recommend"}).status == 2);
  CHECK(place.qbench({"recommend", "--task", (place.path() / "none.txt").string()}).status == 2);
  const fs::path task = place.path() / "task.txt";
  write_file(task, "Sort.\n");
  const Outcome wrong = place.qbench({"recommend", "--task", task.string(), "--constraints", "speed<5ms", "--results", place.results().string()});
  CHECK(wrong.status == 2);
  CHECK(contains(wrong.err, "no quantity 'speed'"));
  const Outcome suite = place.qbench({"recommend", "--task", "two"});
  CHECK(suite.status == 2);
  CHECK(contains(suite.err, "'two' is a suite; name one of its prompts: two#ID"));
  for (const char* tokens : {"nan", "inf", "0", "1e9", "many"}) {
    CAPTURE(tokens);
    CHECK(place.qbench({"recommend", "--task", task.string(), "--output-tokens", tokens}).status == 2);
  }
  const Outcome no_file =
      place.qbench({"recommend", "--evaluate", place.results().string(), "--predictions", (place.path() / "none").string()});
  CHECK(no_file.status == 2);
  CHECK(contains(no_file.err, "none: no such file: `qbench recommend --task FILE` keeps predictions there"));
  const fs::path broken = place.results() / "broken";
  fs::create_directories(broken);
  write_file(broken / "summary.csv", "no,header\n");
  const Outcome left_out = place.qbench({"recommend", "--task", task.string(), "--results", place.results().string()});
  CHECK(left_out.status == 4);
  CHECK(contains(left_out.err, "warning: left out:"));
  CHECK(place.qbench({"recommend", "--task", task.string(), "--results", broken.string()}).status == 2);
}
