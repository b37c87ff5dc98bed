#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "gguf_writer.h"
#include "workplace.h"

using namespace qbench;
using namespace qbench::test;

namespace {

/// The timed samples of the text pass, by turn.
std::vector<record::SampleRecord> text_samples(const Results& results) {
  std::vector<record::SampleRecord> samples;
  for (const record::SampleRecord& sample : results.content.samples) {
    if (sample.cell.pass == record::Pass::kText && sample.phase == record::Phase::kTimed) samples.push_back(sample);
  }
  return samples;
}

constexpr const char* kOpened = "Think.<think>\n";  // a base model gets it as it is: the thought is open

}  // namespace

TEST_CASE("a thought is closed at its budget, and row, sample and report say so") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model("thinker"), {"--prompt", kOpened, "--pass", "text", "--max-thinking-tokens", "8",
                                                                           "--max-new-tokens", "30", "--ignore-eos", "--output-temperature", "0"}));
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const Results results = read_results(place.results());
  const auto samples = text_samples(results);
  REQUIRE(samples.size() == 1);
  const record::SequenceRecord& sequence = samples[0].sequences.front();
  CHECK(sequence.thinking_end == "budget");
  CHECK(sequence.forced_tokens == 9);  // "\nEnd.\n", </think>, and two newlines
  CHECK(sequence.thinking_tokens == 17);
  CHECK(sequence.output_ids.size() == 30);
  CHECK(sequence.text.value().find("\nEnd.\n</think>\n\n") != std::string::npos);
  CHECK(results.cell("thinker", "prompt", "text", "thinking_tokens_median") == "17");
  CHECK(results.cell("thinker", "prompt", "text", "answer_tokens_median") == "13");
  CHECK(results.cell("thinker", "prompt", "text", "forced_tokens_median") == "9");
  CHECK_FALSE(results.cell("thinker", "prompt", "text", "thinking_tok_per_s_median").empty());
  CHECK_FALSE(results.cell("thinker", "prompt", "text", "answer_tok_per_s_median").empty());
  const auto sampling = nlohmann::json::parse(results.cell("thinker", "prompt", "text", "sampling"));
  CHECK(sampling["max_thinking_tokens"] == 8);
  CHECK(sampling["output_temperature"] == 0.0);
  CHECK_FALSE(sampling.contains("deterministic"));
  bool said = false;
  for (const auto& file : std::filesystem::directory_iterator(results.folder)) {
    if (file.path().extension() == ".md") said = read_file(file.path()).find("closed at its budget by 9 forced tokens") != std::string::npos;
  }
  CHECK(said);
}

TEST_CASE("sequences of a batch are closed each at its own budget, the speed pass is not touched") {
  const Workplace place;
  REQUIRE(place.qbench(place.run(place.model("thinker"), {"--prompt", kOpened, "--max-thinking-tokens", "5", "--max-new-tokens", "20", "--gen-tokens", "12",
                                                           "--ignore-eos", "--batch", "3", "-r", "1"}))
              .status == 0);
  const Results results = read_results(place.results());
  for (const record::SampleRecord& sample : results.content.samples) {
    REQUIRE(sample.sequences.size() == 3);
    for (const record::SequenceRecord& sequence : sample.sequences) {
      const bool timed_text = sample.cell.pass == record::Pass::kText && sample.phase == record::Phase::kTimed;
      CHECK(sequence.forced_tokens.has_value() == timed_text);
      if (timed_text) CHECK(sequence.thinking_end != "open");
    }
  }
}

TEST_CASE("a timeout closes too and says that it is not deterministic") {
  const Workplace place;
  REQUIRE(place.qbench(place.run(place.model("thinker"), {"--prompt", kOpened, "--pass", "text", "--thinking-timeout", "0.000001", "--max-new-tokens", "30",
                                                           "--ignore-eos"}))
              .status == 0);
  const Results results = read_results(place.results());
  CHECK(text_samples(results)[0].sequences.front().thinking_end == "timeout");
  CHECK(text_samples(results)[0].sequences.front().thinking_tokens == 10);
  const auto sampling = nlohmann::json::parse(results.cell("thinker", "prompt", "text", "sampling"));
  CHECK(sampling["deterministic"] == false);
}

TEST_CASE("a model without </think> runs as it would without a budget, with a note in the plan") {
  const Workplace place;
  const std::vector<std::string> budget{"--prompt", "Say A.", "--pass", "text", "--max-new-tokens", "6", "--max-thinking-tokens", "3"};
  const Outcome plan = place.qbench(place.run(place.model(), [&] { auto a = budget; a.push_back("--dry-run"); return a; }()));
  CHECK(plan.out.find("no </think> in the vocabulary") != std::string::npos);
  REQUIRE(place.qbench(place.run(place.model(), budget)).status == 0);
  CHECK(read_results(place.results()).cell("tiny", "prompt", "text", "sampling").find("max_thinking_tokens") == std::string::npos);
  const Outcome refused = place.qbench({"generate", "-m", place.model(), "--prompt", "x", "--max-thinking-tokens", "3"});
  CHECK(refused.status == 2);
  CHECK(refused.err.find("no </think>") != std::string::npos);
}

TEST_CASE("a plan warns of greedy thoughts and of budgets that leave no room for an answer, where the model may think") {
  const Workplace place;
  TinyModel shape;
  shape.thinks = true;
  auto file = tiny_gguf(shape);
  file.remove("general.name").string("general.name", "Ponderer Instruct");
  file.string("tokenizer.chat_template", "{{ messages[0].content }}{% if enable_thinking %}<think>{% endif %}");
  file.write(place.model("ponderer"));
  const auto plan = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"--prompt", "Say A.", "--pass", "text", "--dry-run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = place.qbench(place.run(place.model("ponderer"), arguments));
    CHECK_MESSAGE(outcome.status == 0, outcome.err);
    return outcome.out;
  };
  CHECK(plan({"--temperature", "0"}).find("thoughts at temperature 0") != std::string::npos);
  CHECK(plan({"--temperature", "0", "--no-thinking"}).find("thoughts at temperature 0") == std::string::npos);
  CHECK(plan({"--temperature", "0", "--thinking-temperature", "0.6"}).find("thoughts at temperature 0") == std::string::npos);
  CHECK(plan({"--max-thinking-tokens", "40", "--max-new-tokens", "40"}).find("a thought of 40 tokens leaves nothing") != std::string::npos);
  const std::string calm = plan({"--max-thinking-tokens", "30", "--max-new-tokens", "40"});
  CHECK(calm.find("leaves nothing") == std::string::npos);
  CHECK(calm.find("thoughts at temperature 0") == std::string::npos);
}

TEST_CASE("generate closes thoughts and says what of the output they are") {
  const Workplace place;
  const Outcome outcome = place.qbench({"generate", "-m", place.model("thinker"), "--prompt", kOpened, "--raw", "--greedy", "--ignore-eos", "--max-new-tokens",
                                        "20", "--max-thinking-tokens", "4", "--json"});
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const auto document = nlohmann::json::parse(outcome.out);
  CHECK(document["thinking_end"] == "budget");
  CHECK(document["thinking_tokens"] == 13);
  CHECK(document["forced_tokens"] == 9);
  CHECK(document["output_ids"].size() == 20);
}

TEST_CASE("--stages asks a prompt in stages: a row for each request, branches apart, the rest sees all") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model("thinker"), {"--suite", "two", "--prompts", "first", "--pass", "text", "--stages", "--ignore-eos"}));
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const Results results = read_results(place.results());
  const auto samples = text_samples(results);
  REQUIRE(samples.size() == 4);
  const std::vector<std::string> stages{"look", "try 1/2", "try 2/2", "say"};
  const std::vector<std::size_t> lengths{6, 9, 9, 7};
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    const std::string turn = std::to_string(i + 1);
    CHECK(samples[i].stage == stages[i]);
    CHECK(samples[i].sequences.front().output_ids.size() == lengths[i]);
    CHECK(results.cell("thinker", "first", "text", "stage", turn) == stages[i]);
    CHECK(results.cell("thinker", "first", "text", "gen_tokens", turn) == std::to_string(lengths[i]));
    CHECK_FALSE(results.cell("thinker", "first", "text", "e2e_ms_median", turn).empty());
  }
  CHECK(samples[0].prompt_text.value() == "Look first.\n\nSay A.");
  CHECK(samples[2].prompt_text.value().find("Try 2 of 2.") != std::string::npos);
  CHECK(samples[2].prompt_text.value().find("Try 1 of 2.") == std::string::npos);
  CHECK(samples[3].prompt_text.value().find("Try 1 of 2.") != std::string::npos);
  CHECK(samples[1].sequences.front().output_ids != samples[2].sequences.front().output_ids);  // each branch draws anew
  CHECK(nlohmann::json::parse(results.cell("thinker", "first", "text", "sampling", "4"))["temperature"] == 0.0);
}

TEST_CASE("a plan says each stage's tokens and temperature") {
  const Workplace place;
  const Outcome plan = place.qbench(place.run(place.model("thinker"), {"--suite", "two", "--prompts", "first", "--pass", "text", "--stages", "--dry-run"}));
  CHECK(plan.out.find("4 requests in stages: look (6 tokens, temperature 0.8), try x2 (9, 0.7), say (7, 0)") != std::string::npos);
}

TEST_CASE("settings that cannot act are said: lengths and temperatures beside stages, thoughts and stages without a text pass") {
  const Workplace place;
  const auto plan = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"--suite", "two", "--prompts", "first", "--dry-run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return place.qbench(place.run(place.model("thinker"), arguments));
  };
  const Outcome staged = plan({"--stages", "--max-new-tokens", "5", "--temperature", "0.3"});
  CHECK(staged.status == 0);
  CHECK(staged.out.find("no effect on stages: --max-new-tokens, --temperature\n") != std::string::npos);
  CHECK(plan({"--stages"}).out.find("no effect") == std::string::npos);
  CHECK(plan({"--max-new-tokens", "5"}).out.find("no effect") == std::string::npos);
  for (const std::vector<std::string>& option : {std::vector<std::string>{"--stages"},
                                                 {"--max-thinking-tokens", "5"},
                                                 {"--thinking-timeout", "5"},
                                                 {"--thinking-temperature", "0.5"},
                                                 {"--output-temperature", "0.5"}}) {
    std::vector<std::string> arguments = option;
    arguments.insert(arguments.end(), {"--pass", "speed"});
    const Outcome refused = plan(arguments);
    CAPTURE(refused.err);
    CHECK(refused.status == 2);
    CHECK(refused.err.find(option.front() + ": acts in the text pass, and this run has none") != std::string::npos);
  }
}

TEST_CASE("stages that the context does not hold are shortened with a note, prompts of several turns are left alone") {
  const Workplace place;
  const Outcome narrow = place.qbench(place.run(place.model("thinker"), {"--suite", "two", "--prompts", "first", "--pass", "text", "--stages", "--context", "96", "--dry-run"}));
  CHECK(narrow.out.find("stages are shortened") != std::string::npos);
  const Outcome talk = place.qbench(place.run(place.model("thinker"), {"--suite", "turns", "--pass", "text", "--stages", "--dry-run"}));
  CHECK(talk.out.find("talk has several turns of its own") != std::string::npos);
}

TEST_CASE("an interrupted pipeline is resumed at its next stage") {
  const Workplace place;
  REQUIRE(place.qbench(place.run(place.model("thinker"), {"--suite", "two", "--prompts", "first", "--pass", "text", "--stages", "--ignore-eos", "--temperature", "0"})).status == 0);
  const Results whole = read_results(place.results());
  // What a run leaves that was killed after its second stage.
  const std::filesystem::path samples = whole.folder / "samples.jsonl";
  std::string kept;
  int rows = 0;
  const std::string all = read_file(samples);
  for (std::size_t at = 0; at < all.size() && rows < 2;) {
    const std::size_t end = all.find('\n', at) + 1;
    const std::string line = all.substr(at, end - at);
    kept += line;
    rows += nlohmann::json::parse(line).contains("n_samples") ? 1 : 0;
    at = end;
  }
  write_file(samples, kept);
  const Outcome resumed = place.qbench({"run", "--resume", whole.folder.string()});
  REQUIRE_MESSAGE(resumed.status == 0, resumed.err);
  const auto before = text_samples(whole), after = text_samples(read_results(place.results()));
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i].sequences.front().output_ids == before[i].sequences.front().output_ids);
}

TEST_CASE("--prefix-cache prefills a common beginning once, changes no token, and says what it saved") {
  const Workplace place;
  const std::vector<std::string> common{"--suite", "two", "--stages", "--ignore-eos", "--precision", "f32", "-r", "1"};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = common;
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::filesystem::remove_all(place.results());
    const Outcome outcome = place.qbench(place.run(place.model("thinker"), arguments));
    REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
    return read_results(place.results());
  };
  const Results plain = with({}), text = with({"--prefix-cache"}), speed = with({"--prefix-cache=speed"});
  const auto a = text_samples(plain), b = text_samples(text);
  REQUIRE(a.size() == b.size());
  std::int64_t cached = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].sequences.front().output_ids == b[i].sequences.front().output_ids);
    CHECK_FALSE(a[i].sequences.front().prefix_cached_tokens.has_value());
    cached += b[i].sequences.front().prefix_cached_tokens.value();
    if (b[i].sequences.front().prefix_cached_tokens.value() > 0) CHECK(b[i].prefix_saved_ns.value() > 0);
  }
  CHECK(b[0].sequences.front().prefix_cached_tokens == 0);  // what the harness ran before is not reused
  CHECK(b[1].sequences.front().prefix_cached_tokens.value() >= 19);  // "Look first.\n\nSay A."
  CHECK(cached > 100);
  for (const record::SampleRecord& sample : text.content.samples) {
    if (sample.cell.pass == record::Pass::kSpeed) CHECK_FALSE(sample.sequences.front().prefix_cached_tokens.has_value());
  }
  CHECK(plain.cell("thinker", "first", "speed", "prefix_cache") == "off");
  CHECK(text.cell("thinker", "first", "speed", "prefix_cache") == "off");
  CHECK(text.cell("thinker", "first", "text", "prefix_cache", "2") == "on");
  CHECK(speed.cell("thinker", "first", "speed", "prefix_cache") == "on");
  // The first cell's only warm-up is the process's first request. All of "Say B!" but its last token:
  CHECK(speed.cell("thinker", "second", "speed", "prefix_cached_tokens_median") == "5");
  CHECK(plain.cell("thinker", "first", "speed", "settings_digest") == text.cell("thinker", "first", "speed", "settings_digest"));
  CHECK(plain.cell("thinker", "first", "speed", "settings_digest") != speed.cell("thinker", "first", "speed", "settings_digest"));
}

TEST_CASE("a prefix cache and a window exclude each other, and passes that there are not are refused") {
  const Workplace place;
  const Outcome window = place.qbench(place.run(place.model(), {"--suite", "two", "--prefix-cache", "--kv-window", "32"}));
  CHECK(window.status == 2);
  CHECK(window.err.find("--kv-window drops some of it") != std::string::npos);
  const Outcome unknown = place.qbench(place.run(place.model(), {"--suite", "two", "--prefix-cache=both"}));
  CHECK(unknown.status == 2);
  CHECK(unknown.err.find("--prefix-cache: expected one of off, text, speed") != std::string::npos);
}
