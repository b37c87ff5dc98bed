#include <doctest/doctest.h>

#include "workplace.h"

using namespace qbench;
using namespace qbench::test;

TEST_CASE("run measures two models in both passes and leaves valid files") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model() + "," + place.model("other"), {"--suite", "two"}));
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const Results results = read_results(place.results());
  CHECK(results.summary.rows.size() == 8);
  for (const std::string model : {"tiny", "other"}) {
    for (const std::string prompt : {"first", "second"}) {
      CHECK(results.cell(model, prompt, "speed", "status") == "ok");
      CHECK(results.cell(model, prompt, "speed", "n_samples") == "3");
      CHECK(results.cell(model, prompt, "speed", "output_tokens_median") == "6");
      CHECK(results.cell(model, prompt, "speed", "stop_reason") == "max_tokens");
      CHECK(results.cell(model, prompt, "speed", "output_digests") == "1");
      CHECK(results.cell(model, prompt, "text", "n_samples") == "1");
      CHECK(results.cell(model, prompt, "text", "prompt") == "text");
    }
  }
  CHECK(results.content.loads.size() == 2);
  CHECK(results.content.cells.size() == 8);
  CHECK_FALSE(results.run.finished_utc.empty());
  CHECK(results.run.models.size() == 2);
  CHECK(outcome.out.find("summary.csv") != std::string::npos);
  CHECK(outcome.out.find((results.folder / "samples.jsonl").string()) != std::string::npos);
}

TEST_CASE("the first request of each worker is recorded apart, and the warm-up is no sample") {
  const Workplace place;
  REQUIRE(place.qbench(place.run(place.model(), {"--suite", "two", "--pass", "speed", "--warmup", "2", "-r", "2"})).status == 0);
  const Results results = read_results(place.results());
  int cold = 0, warmup = 0, timed = 0;
  for (const record::SampleRecord& sample : results.content.samples) {
    cold += sample.phase == record::Phase::kCold;
    warmup += sample.phase == record::Phase::kWarmup;
    timed += sample.phase == record::Phase::kTimed;
  }
  CHECK(cold == 1);
  CHECK(warmup == 3);  // the cold request is the first cell's first warm-up
  CHECK(timed == 4);
  CHECK_FALSE(results.cell("tiny", "first", "speed", "first_request_ttft_ms_median").empty());
  CHECK(results.cell("tiny", "second", "speed", "first_request_ttft_ms_median").empty());
}

TEST_CASE("the prompt that was sent and the text that came back stand in the samples of the text pass") {
  const Workplace place;
  REQUIRE(place.qbench(place.run(place.model(), {"--prompt", "Say hello.", "--pass", "text", "--max-new-tokens", "7", "--ignore-eos"})).status == 0);
  const Results results = read_results(place.results());
  const record::SampleRecord& sample = results.content.samples.back();
  CHECK(sample.prompt_text == "Say hello.");
  REQUIRE(sample.sequences.size() == 1);
  CHECK(sample.sequences.front().text.has_value());
  CHECK(sample.sequences.front().output_ids.size() == 7);
  CHECK(sample.sequences.front().token_ns.size() == 7);
}

TEST_CASE("a later turn is sent with the model's own answer, and each turn has its row") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model(), {"--suite", "turns"}));
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const Results results = read_results(place.results());
  CHECK(results.summary.rows.size() == 3);
  CHECK(results.cell("tiny", "talk", "text", "status", "2") == "ok");
  std::string answer, second_prompt;
  for (const record::SampleRecord& sample : results.content.samples) {
    if (sample.cell.pass != record::Pass::kText || sample.phase != record::Phase::kTimed) continue;
    if (sample.cell.turn == 1) answer = sample.sequences.front().text.value();
    if (sample.cell.turn == 2) second_prompt = sample.prompt_text.value();
  }
  CHECK(second_prompt.find(answer) != std::string::npos);
  CHECK(second_prompt.find("Go on.") != std::string::npos);
}

TEST_CASE("synthetic weights run without a tokenizer: seeded ids of the declared length, empty text columns") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run("synthetic:small", {"--suite", "two", "--precision", "q8_0"}));
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const Results results = read_results(place.results());
  const std::string model = results.summary.rows.front()[*results.summary.column("model")];
  CHECK(results.cell(model, "first", "speed", "prompt") == "synthetic");
  CHECK(results.cell(model, "first", "speed", "weights") == "synthetic");
  CHECK(results.cell(model, "first", "speed", "prompt_tokens_median") == "6");
  CHECK(results.cell(model, "first", "speed", "output_digest").empty());
  CHECK(results.cell(model, "first", "speed", "chars_per_s_median").empty());
  CHECK_FALSE(results.cell(model, "first", "speed", "decode_tok_per_s_median").empty());
}

TEST_CASE("run converts to int8 and fp8 while loading, draws int4, and says so in its rows") {
  struct Case {
    std::string model, precision, conversion;
  };
  const Workplace place;
  for (const Case& c : {Case{place.model(), "int8", " to int8"}, Case{place.model(), "fp8", " to fp8"}, Case{"synthetic:slow", "int4", "drawn as int4"}}) {
    CAPTURE(c.precision);
    const Outcome outcome = place.qbench(place.run(c.model, {"--suite", "two", "--pass", "speed", "--precision", c.precision, "-r", "1"}));
    REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
    const Results results = read_results(place.results());
    const std::string label = results.summary.rows.front()[*results.summary.column("model")];
    CHECK(results.cell(label, "first", "speed", "status") == "ok");
    CHECK(results.cell(label, "first", "speed", "precision") == c.precision);
    CHECK(results.cell(label, "first", "speed", "conversion").find(c.conversion) != std::string::npos);
    std::filesystem::remove_all(place.results());
  }
  const Outcome refused = place.qbench({"models", "plan", "-m", place.model(), "--precision", "int4"});
  CHECK(refused.status == 3);
  CHECK(refused.err.find("int4 and the K types are for synthetic weights") != std::string::npos);
}

TEST_CASE("the context holds a prompt with more tokens than a guess from its bytes") {
  const Workplace place;
  std::string digits;
  for (int i = 0; i < 400; ++i) digits += static_cast<char>('0' + i * i * 7 % 10);
  const Outcome outcome = place.qbench(
      place.run(QB_SOURCE_DIR "/tests/fixtures/quantised/llama-Q8_0.gguf", {"--prompt", digits, "--pass", "speed", "--gen-tokens", "7", "-r", "1"}));
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const Results results = read_results(place.results());
  CHECK(results.cell("llama-Q8_0", "prompt", "speed", "output_tokens_median") == "7");
  CHECK(std::stoi(results.cell("llama-Q8_0", "prompt", "speed", "prompt_tokens_median")) > 256);
}

TEST_CASE("two runs that begin in the same second have a folder each") {
  const Workplace place;
  for (int i = 0; i < 3; ++i) REQUIRE(place.qbench(place.run(place.model(), {"--prompt", "x", "--pass", "speed", "-r", "1"})).status == 0);
  CHECK(std::distance(std::filesystem::directory_iterator(place.results()), std::filesystem::directory_iterator()) == 3);
}

TEST_CASE("several sequences at once are all recorded") {
  const Workplace place;
  REQUIRE(place.qbench(place.run(place.model(), {"--suite", "two", "--prompts", "first", "--batch", "3", "--ignore-eos"})).status == 0);
  const Results results = read_results(place.results());
  CHECK(results.summary.rows.size() == 2);
  for (const record::SampleRecord& sample : results.content.samples) CHECK(sample.sequences.size() == 3);
  CHECK(results.cell("tiny", "first", "speed", "batch") == "3");
}

TEST_CASE("--stream shows the text of the text pass on standard output") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model(), {"--suite", "two", "--prompts", "first", "--pass", "text", "--ignore-eos", "--stream"}));
  REQUIRE(outcome.status == 0);
  const Results results = read_results(place.results());
  CHECK(outcome.out.find(results.content.samples.back().sequences.front().text.value()) != std::string::npos);
}

TEST_CASE("a dry run prints plan, memory and what a profile keeps for later, and loads and writes nothing") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model() + ",synthetic:giant", {"--suite", "two", "--profile", "calm", "--dry-run"}));
  CHECK(outcome.status == 3);  // the giant cannot run
  CHECK(outcome.out.find("not yet: dreaming = true") != std::string::npos);
  CHECK(outcome.out.find("5 tokens generated") != std::string::npos);
  CHECK(outcome.out.find("KV cache") != std::string::npos);
  CHECK(outcome.out.find("does not fit") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(place.results()));
}

TEST_CASE("--quiet leaves standard error empty") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model(), {"--suite", "two", "--prompts", "first", "--quiet"}));
  CHECK(outcome.status == 0);
  CHECK(outcome.err.empty());
}

TEST_CASE("a reader of standard output that has gone costs nothing") {
  const Workplace place;
  RunOptions options = place.options();
  options.close_stdout = true;
  const Outcome outcome = qbench::test::qbench(place.run(place.model(), {"--suite", "two", "--prompts", "first"}), options);
  CHECK(outcome.status == 0);
  CHECK(read_results(place.results()).summary.rows.size() == 2);
}

TEST_CASE("a table that could not be printed is said at the end, with where the results are") {
  const Workplace place;
  RunOptions options = place.options();
  options.full_stdout = true;
  const Outcome outcome = qbench::test::qbench(place.run(place.model(), {"--suite", "two", "--prompts", "first", "--quiet"}), options);
  CHECK(outcome.status == 2);
  const Results results = read_results(place.results());
  CHECK(outcome.err == "error: cannot write to standard output: No space left on device; the results are in " + results.folder.string() + "\n");
  CHECK(results.summary.rows.size() == 2);
  CHECK(qbench::test::qbench({"--help"}, options).status == 2);
  CHECK(qbench::test::qbench({"bench", "-m", place.model(), "-p", "4", "-n", "0", "-r", "1"}, options).status == 2);
}
