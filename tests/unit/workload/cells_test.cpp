#include "workload/cells.h"

#include "workload_test_support.h"

namespace qbench::workload {
namespace {

Prompt make_prompt(std::string id, std::size_t turns = 1) {
  Prompt prompt;
  prompt.id = std::move(id);
  for (std::size_t i = 0; i < turns; ++i) prompt.turns.push_back({"x", 10});
  return prompt;
}

Suite make_suite() {
  Suite suite;
  suite.prompts = {make_prompt("a"), make_prompt("b", 3)};
  suite.prompts[0].settings.gen_tokens = 32;
  suite.prompts[1].settings.gen_tokens = 64;
  return suite;
}

std::vector<std::string> keys_of(const std::vector<Cell>& cells) {
  std::vector<std::string> keys;
  for (const Cell& cell : cells) keys.push_back(std::to_string(cell.model_index) + ":" + cell.key());
  return keys;
}

}  // namespace

TEST_CASE("cells come model by model, speed before text, in the suite's order") {
  const auto cells = make_cells(2, make_suite(), {}, {});
  CHECK(keys_of(cells) ==
        std::vector<std::string>{"0:a/speed", "0:b/speed", "0:a/text", "0:b/text", "1:a/speed", "1:b/speed", "1:a/text", "1:b/text"});
  CHECK(keys_of(make_cells(2, make_suite(), {}, {})) == keys_of(cells));
  CHECK(make_cells(0, make_suite(), {}, {}).empty());
}

TEST_CASE("the pass can be chosen for all, and by a prompt's suite") {
  Settings speed;
  speed.pass = PassChoice::kSpeed;
  CHECK(keys_of(make_cells(1, make_suite(), {}, speed)) == std::vector<std::string>{"0:a/speed", "0:b/speed"});
  Suite suite = make_suite();
  suite.prompts[1].settings.pass = PassChoice::kText;
  CHECK(keys_of(make_cells(1, suite, {}, {})) == std::vector<std::string>{"0:a/speed", "0:a/text", "0:b/text"});
}

TEST_CASE("repetitions and warm-up belong to the speed pass; the text pass runs once") {
  Settings command_line;
  command_line.repetitions = 7;
  command_line.warmup = 2;
  for (const Cell& cell : make_cells(1, make_suite(), {}, command_line)) {
    CHECK(cell.repetitions == (cell.pass == Pass::kSpeed ? 7 : 1));
    CHECK(cell.warmup == (cell.pass == Pass::kSpeed ? 2 : 0));
  }
}

TEST_CASE("the command line wins over the profile, the profile over the prompt") {
  const Suite suite = make_suite();
  Settings profile, command_line;
  profile.gen_tokens = 100;
  profile.temperature = 0.1;
  command_line.gen_tokens = 200;
  const EffectiveSettings settings = settings_for(suite.prompts[0], profile, command_line);
  CHECK(settings.gen_tokens == 200);
  CHECK(settings.temperature == 0.1);
  CHECK(settings_for(suite.prompts[0], profile, {}).gen_tokens == 100);
  CHECK(settings_for(suite.prompts[0], {}, {}).gen_tokens == 32);
}

}  // namespace qbench::workload
