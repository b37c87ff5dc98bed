#include "workload/thinking.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "workload_test_support.h"

namespace qbench::workload {
namespace {

ThinkingTexts texts() {
  ThinkingTexts t;
  t.closing = "\n</think>\n\n";
  t.closing_of = {{"qwen", "q</think>"}, {"qwen3", "q3</think>"}};
  t.instructions = {{"draft", "Look at {branch} of {branches}."}, {"answer", "Answer."}};
  return t;
}

Prompt one_turn() {
  Prompt prompt;
  prompt.id = "p";
  prompt.digest = "d";
  prompt.turns.push_back({"Do it.", 7});
  return prompt;
}

std::string problem_of(std::string_view stages) {
  try {
    settings_from_json(parse_json(R"({"thinking_stages": )" + std::string(stages) + "}", "t"), "p.json");
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a staged prompt has a turn for each request, the task in the first one, branches with their number") {
  const std::vector<ThinkingStage> stages{{"draft", 100, 0.8, 1}, {"draft", 50, 0.7, 3}, {"answer", 20, 0.5, 1}};
  const Prompt staged = staged_prompt(one_turn(), stages, texts());
  REQUIRE(staged.turns.size() == 5);
  CHECK(staged.turns[0].text == "Look at 1 of 1.\n\nDo it.");
  CHECK(staged.turns[2].text == "Look at 2 of 3.");
  CHECK(staged.turns[4].text == "Answer.");
  CHECK(staged.turns[2].stage->max_tokens == 50);
  CHECK(staged.turns[2].stage->temperature == 0.7);
  CHECK(stage_label(staged.turns[0]) == "draft");
  CHECK(stage_label(staged.turns[3]) == "draft 3/3");
  CHECK(stage_label(one_turn().turns[0]).empty());
  CHECK(staged.digest != staged_prompt(one_turn(), {stages[0], stages[2]}, texts()).digest);
  CHECK(staged.digest == staged_prompt(one_turn(), stages, texts()).digest);
  for (const Turn& turn : staged.turns) CHECK(turn.prompt_tokens > 0);
}

TEST_CASE("a branch sees what came before its stage, the stages after it see every branch") {
  const Prompt staged = staged_prompt(one_turn(), {{"draft", 9, 0, 1}, {"draft", 9, 0, 3}, {"draft", 9, 0, 2}, {"answer", 9, 0, 1}}, texts());
  const auto seen_by = [&](std::int64_t turn) {
    std::vector<std::int64_t> seen;
    for (std::int64_t earlier = 1; earlier <= 7; ++earlier) {
      if (sees_turn(staged, turn, earlier)) seen.push_back(earlier);
    }
    return seen;
  };
  CHECK(seen_by(1).empty());
  CHECK(seen_by(2) == std::vector<std::int64_t>{1});
  CHECK(seen_by(4) == std::vector<std::int64_t>{1});
  CHECK(seen_by(6) == std::vector<std::int64_t>{1, 2, 3, 4});
  CHECK(seen_by(7) == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});
  Prompt talk = one_turn();
  talk.turns.push_back({"And now?", 3});
  CHECK(sees_turn(talk, 2, 1));
}

TEST_CASE("the closing text is that of the longest name part that a model has") {
  CHECK(texts().closing_for("Qwen3-8B") == "q3</think>");
  CHECK(texts().closing_for("QwQ-and-qwen2.5") == "q</think>");
  CHECK(texts().closing_for("SmolLM3") == "\n</think>\n\n");
}

TEST_CASE("the shipped texts close thoughts and have an instruction for each stage of the profile") {
  const ThinkingTexts shipped = load_thinking_texts();
  CHECK(shipped.closing == "\n</think>\n\n");
  // As the authors' documentation has it: docs/source/getting_started/quickstart.md of QwenLM/Qwen3.
  CHECK(shipped.closing_for("Qwen3-30B-A3B-Thinking-2507") ==
        "\n\nConsidering the limited time by the user, I have to give the solution based on the thinking directly now.\n</think>\n\n");
  REQUIRE(shipped.stages.size() == 5);
  CHECK(shipped.stages[1].branching_factor == 3);
  const Prompt staged = staged_prompt(one_turn(), shipped.stages, shipped);
  CHECK(staged.turns.size() == 7);
  CHECK(staged.turns[2].text.find("exploration 2 of 3") != std::string::npos);
}

TEST_CASE("stages that cannot be are refused with what was expected") {
  CHECK(problem_of(R"([{"stage": "draft", "max_tokens": 4, "temperature": 0}])").empty());
  for (const auto& [stages, said] : std::vector<std::pair<std::string, std::string>>{
           {R"("draft")", "a list of stages"},
           {R"([3])", "a list of objects"},
           {R"([{"max_tokens": 3}])", "a list of objects"},
           {R"([{"stage": "A b"}])", "'stage' to be a name"},
           {R"([{"stage": "a", "max_tokens": 0}])", "'max_tokens'"},
           {R"([{"stage": "a", "max_tokens": -3}])", "'max_tokens' to be from 1"},
           {R"([{"stage": "a", "max_tokens": 99999999999}])", "'max_tokens' to be from 1"},
           {R"([{"stage": "a", "max_tokens": 1.5}])", "'max_tokens' to be a whole number"},
           {R"([{"stage": "a", "temperature": 11}])", "expected 0 to 10"},
           {R"([{"stage": "a", "temperature": "hot"}])", "'temperature' to be a number"},
           {R"([{"stage": "a", "branching_factor": 17}])", "expected 1 to 16"},
           {R"([{"stage": "a", "branching_factor": 0}])", "expected 1 to 16"},
           {R"([{"stage": "a", "depth": 1}])", "'depth'"}}) {
    CAPTURE(stages);
    CHECK(problem_of(stages).find(said) != std::string::npos);
    CHECK(problem_of(stages).find("p.json") != std::string::npos);
  }
  std::string many = "[";
  for (int i = 0; i < 17; ++i) many += std::string(i > 0 ? "," : "") + R"({"stage": "a"})";
  CHECK(problem_of(many + "]").find("at most 16 stages") != std::string::npos);
  CHECK_THROWS_WITH_AS(staged_prompt(one_turn(), {{"dream", 9, 0, 1}}, texts()), doctest::Contains("there are draft, answer"), Error);
}

TEST_CASE("a profile's stages are on unless told otherwise, a flag alone takes the shipped ones") {
  Settings profile;
  profile.thinking_stages = std::vector<ThinkingStage>{{"draft", 9, 0.5, 1}};
  CHECK(effective(profile).stages);
  Settings flag;
  flag.stages = false;
  CHECK_FALSE(effective(overlay(profile, flag)).stages);
  flag.stages = true;
  CHECK(effective(flag).stages);
  CHECK(effective(flag).thinking_stages.empty());
  CHECK_FALSE(effective({}).stages);
}

}  // namespace qbench::workload
