#include <doctest/doctest.h>

#include <csignal>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/environment.h"
#include "base/random.h"
#include "record/result_set.h"
#include "workplace.h"

using namespace qbench;
using namespace qbench::test;

namespace {

constexpr std::int64_t kRepetitions = 40;

/// Everything of samples.jsonl up to its last whole line.
std::string whole_lines(const std::filesystem::path& folder) {
  const std::string text = read_file(folder / "samples.jsonl");
  const std::size_t end = text.rfind('\n');
  return end == std::string::npos ? std::string() : text.substr(0, end + 1);
}

/// Of each cell and session the timed repetitions are numbered 0, 1, 2, ... without a gap and none twice: a sample that was measured and lost would
/// leave its number to another one, and one that was written twice would have it twice.
void check_numbering(const record::SampleFileContent& content) {
  std::map<std::string, std::int64_t> next;
  for (const record::SampleRecord& sample : content.samples) {
    if (sample.phase != record::Phase::kTimed) continue;
    std::int64_t& expected = next[record::cell_id(sample.cell) + "#" + std::to_string(sample.session)];
    CHECK(sample.repetition == expected);
    ++expected;
  }
}

}  // namespace

TEST_CASE("sessions are worker processes of their own in which the models take turns") {
  const Workplace place;
  const Outcome outcome = place.qbench(place.run(place.model() + "," + place.model("other"), {"--suite", "two", "-r", "2", "--sessions", "3"}));
  REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
  const Results results = read_results(place.results());
  std::vector<std::string> order;
  for (const record::LoadRecord& load : results.content.loads) order.push_back(load.model.label + std::to_string(load.session));
  CHECK(order == std::vector<std::string>{"tiny0", "other0", "other1", "tiny1", "tiny2", "other2"});
  CHECK(results.summary.rows.size() == 8);
  CHECK(results.cell("tiny", "first", "speed", "n_sessions") == "3");
  CHECK(results.cell("tiny", "first", "speed", "n_samples") == "6");
  CHECK(results.cell("tiny", "first", "speed", "stop_rule") == "fixed");
  CHECK(results.cell("tiny", "first", "text", "n_sessions") == "1");
  CHECK(results.cell("tiny", "first", "speed", "output_digests") == "1");
  CHECK(results.cell("tiny", "first", "speed", "settings_digest").size() == 64);
  CHECK_FALSE(results.cell("tiny", "first", "speed", "decode_bytes").empty());
  CHECK_FALSE(results.cell("tiny", "first", "speed", "memory_available_bytes").empty());
  const record::ResultSet set = record::read_result_set(results.folder);
  for (const record::ResultRow& row : set.rows) {
    const auto& decode = row.metric(record::MetricId::kDecodeTokPerS);
    CHECK(decode.sessions.size() == (row.pass == record::Pass::kSpeed ? 3 : 1));
    std::vector<double> values;
    for (const auto& value : decode.sessions) values.push_back(value.value());
    std::sort(values.begin(), values.end());
    CHECK(decode.value == values[values.size() / 2]);
  }
}

TEST_CASE("a row says which rule ended its repetitions") {
  const Workplace place;
  struct Case {
    std::vector<std::string> options;
    std::string rule, samples;
  };
  for (const Case& c : {Case{{"--min-reps", "4", "--target-ci", "99%"}, "ci", "4"}, Case{{"--min-reps", "2", "--max-reps", "3", "--target-ci", "0.000001%"}, "max_reps", "3"},
                        Case{{"--max-time", "0.000001"}, "max_time", "1"}, Case{{"-r", "2"}, "fixed", "2"}}) {
    CAPTURE(c.rule);
    std::vector<std::string> options{"--suite", "two", "--prompts", "first", "--pass", "speed", "--warmup", "1"};
    options.insert(options.end(), c.options.begin(), c.options.end());
    const Outcome outcome = place.qbench(place.run(place.model(), options));
    REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
    const Results results = read_results(place.results());
    CHECK(results.cell("tiny", "first", "speed", "stop_rule") == c.rule);
    CHECK(results.cell("tiny", "first", "speed", "n_samples") == c.samples);
    CHECK(results.cell("tiny", "first", "speed", "n_warmup") == "1");
    std::filesystem::remove_all(place.results());
  }
}

TEST_CASE("without --warmup tiny requests are warmed up ten times, and with -r alone once") {
  const Workplace place;
  const std::vector<std::string> cell{"--prompt", "Say A.", "--gen-tokens", "4", "--pass", "speed"};
  const auto warmup = [&](const std::vector<std::string>& more) {
    std::vector<std::string> options = cell;
    options.insert(options.end(), more.begin(), more.end());
    REQUIRE(place.qbench(place.run(place.model(), options)).status == 0);
    const std::string n = read_results(place.results()).cell("tiny", "prompt", "speed", "n_warmup");
    std::filesystem::remove_all(place.results());
    return n;
  };
  CHECK(warmup({"--max-reps", "2", "--target-ci", "50%"}) == "10");
  CHECK(warmup({"-r", "1"}) == "1");
}

TEST_CASE("rules that contradict each other are refused") {
  const Workplace place;
  for (const auto& [options, words] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"-r", "3", "--max-reps", "5"}, "a fixed number excludes --min-reps"},
           {{"--min-reps", "9", "--max-reps", "5"}, "--min-reps is above --max-reps"},
           {{"--target-ci", "0.01"}, "--target-ci: expected a share of the median"},
           {{"--max-time", "nan"}, "--max-time"},
           {{"--sessions", "0"}, "--sessions: expected a whole number from 1 to 100"}}) {
    const Outcome outcome = place.qbench(place.run(place.model(), options));
    CHECK(outcome.status == 2);
    CHECK_MESSAGE(outcome.err.find(words) != std::string::npos, outcome.err);
  }
}

// QBENCH_TEST_KILLS says how often; scripts/soak.sh asks for 200.
TEST_CASE("a run of two sessions that is killed again and again at random loses nothing that was written, and ends whole") {
  const Workplace place;
  const auto wanted = environment_variable("QBENCH_TEST_KILLS");
  const int kills = wanted ? std::stoi(*wanted) : 12;
  Random random(20261121);
  int killed = 0, runs = 0;
  while (killed < kills) {
    ++runs;
    std::vector<std::string> arguments = place.run(place.model(), {"--suite", "two", "--pass", "speed", "-r", std::to_string(kRepetitions), "--sessions", "2"});
    std::string before;
    bool finished = false;
    while (!finished && killed < kills) {
      Program program(arguments, place.options());
      std::this_thread::sleep_for(std::chrono::microseconds(2'000 + random.next_below(400'000)));
      program.send(SIGKILL);
      const Outcome outcome = program.wait();
      finished = outcome.signal == 0;
      if (finished) {
        REQUIRE_MESSAGE(outcome.status == 0, outcome.err);
      } else {
        ++killed;
      }
      std::error_code ignored;
      if (!std::filesystem::exists(place.results(), ignored) || std::filesystem::is_empty(place.results(), ignored)) continue;
      const std::filesystem::path folder = only_folder(place.results());
      if (!std::filesystem::exists(folder / "run.json", ignored)) {  // killed before the run had begun
        std::filesystem::remove_all(place.results());
        continue;
      }
      if (std::filesystem::exists(folder / "samples.jsonl", ignored)) {
        const std::string now = whole_lines(folder);
        REQUIRE(now.starts_with(before));
        before = now;
        check_numbering(record::read_sample_file(folder / "samples.jsonl"));
      }
      arguments = {"run", "--resume", folder.string()};
    }
    if (!finished) {
      const Outcome last = place.qbench(arguments);
      REQUIRE_MESSAGE(last.status == 0, last.err);
    }
    const Results whole = read_results(place.results());
    CHECK_FALSE(whole.content.truncated_tail);
    check_numbering(whole.content);
    CHECK(whole.cell("tiny", "first", "speed", "n_samples") == std::to_string(2 * kRepetitions));
    CHECK(whole.cell("tiny", "second", "speed", "n_sessions") == "2");
    std::filesystem::remove_all(place.results());
  }
  std::printf("killed %d times in %d runs; no line was lost, every run ended whole\n", killed, runs);
}
