// The suites and profiles in the repository.
#include <algorithm>
#include <cstdlib>
#include <map>

#include "base/digest.h"
#include "base/text_file.h"
#include "test_support.h"
#include "workload/cells.h"
#include "workload/profile.h"
#include "workload/suite.h"
#include "workload_test_support.h"

namespace qbench::workload {
namespace {

namespace fs = std::filesystem;
using test::check_mentions;
using test::message_of;

/// Lets data_dir() point at this checkout.
struct DataDirHere {
  DataDirHere() { setenv("QBENCH_DATA_DIR", QB_SOURCE_DIR, 1); }
  ~DataDirHere() { unsetenv("QBENCH_DATA_DIR"); }
};

const Prompt& prompt_of(const Suite& suite, std::string_view id) {
  const auto at = std::find_if(suite.prompts.begin(), suite.prompts.end(), [&](const Prompt& prompt) { return prompt.id == id; });
  REQUIRE_MESSAGE(at != suite.prompts.end(), "no prompt " << std::string(id));
  return *at;
}

constexpr std::string_view kFastApiTask =
    "I need to create a FastAPI server to serve the HuggingFace Vision Transformer model, \n"
    "Falconsai/nsfw_image_detection. The API should follow best practices and be optimized \n"
    "for high inference performance. Please provide the complete implementation.";

/// The owner's document, when it is there.
std::optional<std::string> seed_text(std::string_view name) {
  const auto shared = test::shared_data_dir();
  if (!shared) return std::nullopt;
  const fs::path file = shared->parent_path() / "seeds" / name;
  if (!fs::exists(file)) return std::nullopt;
  return read_text_file(file);
}

}  // namespace

TEST_CASE("every suite in the repository loads, has files of its own only and sane declared lengths") {
  const DataDirHere here;
  CHECK(list_suites() == std::vector<std::string>{"codegen", "cpp-tasks", "guide", "python-tasks", "smoke", "typescript-tasks"});
  for (const std::string& name : list_suites()) {
    const Suite suite = find_suite(name);
    CAPTURE(name);
    CHECK(suite.name == name);
    CHECK_FALSE(suite.title.empty());
    CHECK_FALSE(suite.description.empty());
    // A task's text is prompt.txt in its own folder; all others stand beside suite.json.
    std::size_t turns = 0, tasks = 0;
    for (const Prompt& prompt : suite.prompts) {
      CAPTURE(prompt.id);
      const bool checked = prompt.task && prompt.task->kind == TaskKind::kChecks;  // its text stands beside suite.json
      tasks += prompt.task ? 1 : 0;
      turns += !prompt.task || checked ? prompt.turns.size() : 0;
      for (const Turn& turn : prompt.turns) {
        // English and code: 3 to 7 bytes a token; the template adds 10 to 29 tokens.
        const auto bytes = static_cast<std::int64_t>(turn.text.size());
        CHECK(turn.prompt_tokens > bytes / 7);
        CHECK(turn.prompt_tokens < bytes / 3 + 32);
      }
      if (prompt.task && !checked) CHECK_MESSAGE(prompt.task->wrong.size() >= 2, "tests that no wrong answer has tried");
    }
    const fs::path folder = suite.path.parent_path();
    const auto count = [&](auto&& wanted) { return std::count_if(fs::directory_iterator(folder), fs::directory_iterator(), wanted); };
    const auto is_text = [](const fs::directory_entry& entry) { return entry.path().extension() == ".txt"; };
    const auto is_task = [](const fs::directory_entry& entry) { return fs::exists(entry.path() / "task.json"); };
    CHECK_MESSAGE(static_cast<std::size_t>(count(is_text)) == turns, "a text file without a prompt, or used twice");
    CHECK_MESSAGE(static_cast<std::size_t>(count(is_task)) == tasks, "a task without a prompt, or used twice");
  }
}

TEST_CASE("the standard prompt is the owner's task word for word") {
  const DataDirHere here;
  const Suite suite = find_suite("codegen");
  const Prompt& standard = suite.prompts.front();
  CHECK(standard.id == "fastapi-vit");
  CHECK(std::find(standard.tags.begin(), standard.tags.end(), "standard") != standard.tags.end());
  REQUIRE(standard.turns.size() == 1);
  CHECK(standard.turns[0].text == kFastApiTask);
  CHECK_FALSE(standard.system.has_value());
  const EffectiveSettings settings = settings_for(standard, {}, {});
  CHECK(settings.temperature == 0.7);
  CHECK(settings.top_p == 0.9);
  CHECK(settings.max_new_tokens == 4096);
  const auto seed = seed_text("002_04c35fe8562bcb25.txt");
  if (!seed) return test::report_skip("the standard prompt in the owner's document", "the documents are not here");
  CHECK(seed->find("```\n" + standard.turns[0].text + "\n```") != std::string::npos);
}

TEST_CASE("the guide's prompts stand in the owner's document") {
  const DataDirHere here;
  const auto seed = seed_text("000_3da6ac58e0be6524.txt");
  if (!seed) return test::report_skip("the guide's prompts in the owner's document", "the documents are not here");
  for (const Prompt& prompt : find_suite("guide").prompts) {
    for (const Turn& turn : prompt.turns) {
      CAPTURE(prompt.id);
      CHECK(seed->find("\n```\n" + turn.text + "\n```\n") != std::string::npos);
    }
  }
}

TEST_CASE("the guide holds the sizes, the refinements, the phases, the batch and the pair") {
  const DataDirHere here;
  const Suite guide = find_suite("guide");
  for (const auto& [id, size] :
       std::map<std::string, std::string>{{"login-form", "7b"}, {"user-management", "14b"}, {"microservices", "72b"}}) {
    CHECK(prompt_of(guide, id).size_class == size);
  }
  for (const std::string id : {"calculator", "dashboard", "context-phases"}) CHECK(prompt_of(guide, id).turns.size() == 3);
  CHECK(prompt_of(guide, "auth-system-batch").turns[0].text.find("5. AuthContext") != std::string::npos);
  const Prompt& verbose = prompt_of(guide, "web-app-verbose");
  const Prompt& dense = prompt_of(guide, "web-app-dense");
  CHECK_FALSE(verbose.group.empty());
  CHECK(verbose.group == dense.group);
}

TEST_CASE("the smoke suite is short") {
  const DataDirHere here;
  std::int64_t tokens = 0;
  for (const Cell& cell : make_cells(1, find_suite("smoke"), {}, {}))
    tokens += cell.new_tokens_per_turn() * (cell.repetitions + cell.warmup);
  CHECK(tokens < 1000);
}

TEST_CASE("some of a suite's prompts can be chosen") {
  const DataDirHere here;
  const Suite one = find_suite("codegen#fastapi-vit");
  CHECK(one.prompts.size() == 1);
  CHECK(one.digest != find_suite("codegen").digest);
  CHECK(one.prompts[0].digest == find_suite("codegen").prompts[0].digest);
  CHECK(find_suite("guide#calculator,login-form").prompts.front().id == "login-form");  // the suite's order
  check_mentions(message_of(ErrorCode::kConfig, [] { find_suite("codegen#fastapi"); }), {"no prompt 'fastapi'", "fastapi-vit"});
  check_mentions(message_of(ErrorCode::kConfig, [] { find_suite("codegen#"); }), {"no prompt ''"});
}

TEST_CASE("an unknown suite or profile says which there are") {
  const DataDirHere here;
  check_mentions(message_of(ErrorCode::kConfig, [] { find_suite("smok"); }),
                 {"no suite 'smok'", "did you mean 'smoke'?", "codegen, cpp-tasks, guide, python-tasks, smoke, typescript-tasks"});
  check_mentions(message_of(ErrorCode::kConfig, [] { find_suite(""); }), {"no suite ''"});
  check_mentions(message_of(ErrorCode::kConfig, [] { find_profile("fast"); }), {"no profile 'fast'", "throughput"});
  check_mentions(message_of(ErrorCode::kConfig, [] { find_profile("./none.json"); }), {"none.json", "no such file"});
}

TEST_CASE("every profile in the repository loads and keeps the owner's numbers") {
  const DataDirHere here;
  CHECK(list_profiles() == std::vector<std::string>{"nightly", "qa", "realtime", "reasoning", "technical", "thinking", "throughput"});
  struct Case {
    std::string_view name;
    double temperature;
    std::optional<double> top_p;
    std::optional<std::int64_t> top_k;
    std::optional<double> repetition_penalty;
    std::int64_t context, batch;
  };
  for (const Case& c : {Case{"throughput", 0.3, 0.8, 20, {}, 8192, 8}, Case{"realtime", 0.3, 0.8, 20, {}, 8192, 1},
                        Case{"technical", 0.5, 0.85, 40, 1.1, 32768, 4}, Case{"qa", 0.8, 0.92, 50, 1.05, 16384, 4},
                        Case{"reasoning", 0.6, 0.88, 40, 1.02, 32768, 2}, Case{"thinking", 0.7, {}, {}, {}, 40960, 1}}) {
    CAPTURE(c.name);
    const Profile profile = find_profile(c.name);
    CHECK_FALSE(profile.title.empty());
    CHECK_FALSE(profile.description.empty());
    CHECK_FALSE(profile.not_yet.empty());
    CHECK(profile.settings.temperature == c.temperature);
    CHECK(profile.settings.top_p == c.top_p);
    CHECK(profile.settings.top_k == c.top_k);
    CHECK(profile.settings.repetition_penalty == c.repetition_penalty);
    CHECK(profile.settings.context == c.context);
    CHECK(profile.settings.batch == c.batch);
  }
  CHECK(find_profile("reasoning").settings.no_repeat_ngram == 3);
  CHECK(find_profile("reasoning").settings.max_new_tokens == 4096);
  CHECK(find_profile("thinking").settings.max_new_tokens == 32768);
}

}  // namespace qbench::workload
