#include <doctest/doctest.h>

#include "base/error.h"
#include "run/job.h"
#include "workload/thinking.h"

using namespace qbench;

namespace {

run::Job example() {
  run::Job job;
  job.model.request = "./m.gguf";
  job.model.label = "m";
  job.model.path = "/models/m.gguf";
  job.device = {"cpu", 3, "avx2"};
  job.engine.precision = "q8_0";
  job.engine.kv_type = "f32";
  job.engine.batch = 2;
  job.engine.mmap = false;
  job.context = 512;
  job.stream = true;
  run::JobCell cell;
  cell.key = {.model = "m", .suite = "s", .prompt_id = "p", .turn = 1, .pass = record::Pass::kText, .device = "cpu", .precision = "q8_0", .kv_type = "f32", .batch = 2, .context = 512, .threads = 3};
  cell.pass = workload::Pass::kText;
  cell.prompt.id = "p";
  cell.prompt.system = "Be brief.";
  cell.prompt.language = "python";
  cell.prompt.digest = "abc";
  cell.prompt.turns = {{"one", 4}, {"zwei ü \"quoted\"\n", 5}};
  cell.settings.temperature = 0.25;
  cell.settings.stop = {"###", "\n\n"};
  cell.settings.enable_thinking = false;
  cell.settings.seed = 77;
  cell.settings.max_new_tokens = 11;
  cell.settings.max_thinking_tokens = 40;
  cell.settings.prefix_cache = "text";
  cell.prompt.turns.push_back({"three", 6, workload::TurnStage{"draft", 2, 3, 55, 0.5}});
  cell.repetitions = 1;
  cell.warmup = 0;
  cell.answers = {{{"an answer", "another"}, {{1, 2, 3}, {4}}}};
  job.cells.push_back(cell);
  return job;
}

}  // namespace

TEST_CASE("a job comes out of its JSON as it went in") {
  const run::Job job = example();
  const run::Job back = run::parse_job(run::to_json(job));
  CHECK(run::to_json(back) == run::to_json(job));
  CHECK(back.model.path == job.model.path);
  CHECK(back.model.source == catalog::ModelSource::kFile);
  CHECK(back.device.threads == 3);
  CHECK(back.engine.mmap == false);
  REQUIRE(back.cells.size() == 1);
  const run::JobCell& cell = back.cells.front();
  CHECK(cell.key == job.cells.front().key);
  CHECK(cell.pass == workload::Pass::kText);
  CHECK(cell.prompt.system == "Be brief.");
  CHECK(cell.prompt.turns[1].text == "zwei ü \"quoted\"\n");
  CHECK(cell.settings.stop == std::vector<std::string>{"###", "\n\n"});
  CHECK(cell.settings.enable_thinking == false);
  CHECK(cell.settings.seed == 77);
  CHECK(cell.settings.max_thinking_tokens == 40);
  CHECK(cell.settings.reuses_prefix(workload::Pass::kText));
  CHECK_FALSE(cell.settings.reuses_prefix(workload::Pass::kSpeed));
  REQUIRE(cell.prompt.turns.size() == 3);
  CHECK(workload::stage_label(cell.prompt.turns[2]) == "draft 2/3");
  CHECK(run::most_tokens(cell, 3) == 55);
  CHECK(run::most_tokens(cell, 1) == 11);
  CHECK(cell.answers.front().ids[0] == std::vector<std::int32_t>{1, 2, 3});
  CHECK(cell.answers.front().texts[1] == "another");
}

TEST_CASE("a thinking setting that was not made stays unmade") {
  run::Job job = example();
  job.cells.front().settings.enable_thinking.reset();
  CHECK_FALSE(run::parse_job(run::to_json(job)).cells.front().settings.enable_thinking.has_value());
}

TEST_CASE("what is no job is an error") {
  for (const char* text : {"", "[]", "{}", R"({"model": 1})", R"({"model": {"request": "x"}})"}) CHECK_THROWS_AS(run::parse_job(text), Error);
}
