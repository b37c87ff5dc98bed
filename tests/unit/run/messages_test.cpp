#include <doctest/doctest.h>
#include <unistd.h>

#include <array>

#include "base/error.h"
#include "run/messages.h"

using namespace qbench;

namespace {

/// The line that a writer wrote for a message, read back.
template <class T>
T round_trip(const T& message) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  run::MessageWriter(ends[1]).send(message);
  ::close(ends[1]);
  std::string line(1 << 16, '\0');
  const ssize_t n = ::read(ends[0], line.data(), line.size());
  ::close(ends[0]);
  REQUIRE(n > 1);
  line.resize(static_cast<std::size_t>(n));
  CHECK(line.back() == '\n');
  line.pop_back();
  CHECK(line.find('\n') == std::string::npos);
  const run::Message back = run::parse_message(line);
  REQUIRE(std::holds_alternative<T>(back));
  return std::get<T>(back);
}

}  // namespace

TEST_CASE("every message comes out of its line as it went in") {
  const auto ready = round_trip(run::ModelReady{"EPYC", "avx512", "flash", "q4_1", 2, 96'000'000, 11'000'000, 512});
  CHECK(ready.device_description == "EPYC");
  CHECK(ready.kv_bytes == 11'000'000);
  CHECK(round_trip(run::CellStart{7}).cell == 7);
  const auto progress = round_trip(run::Progress{.cell = 3, .phase = record::Phase::kWarmup, .repetition = 2, .turn = 4, .tokens = 17, .most_tokens = 32, .tok_per_s = 12.5});
  CHECK(progress.phase == record::Phase::kWarmup);
  CHECK(progress.turn == 4);
  CHECK(progress.tok_per_s == 12.5);
  CHECK(round_trip(run::StreamedText{"a\nb \xC3\xBC"}).text == "a\nb \xC3\xBC");
  CHECK(round_trip(run::WorkerDone{true}).interrupted);
}

TEST_CASE("records travel as the lines that samples.jsonl gets") {
  record::SampleRecord sample;
  sample.cell.model = "m";
  sample.repetition = 5;
  record::SequenceRecord& sequence = sample.sequences.emplace_back();
  sequence.prompt_tokens = 3;
  sequence.token_ns = {10, 20};
  sequence.output_ids = {7, 8};
  const auto back = round_trip(sample);
  CHECK(back.repetition == 5);
  CHECK(back.sequences.front().output_ids == std::vector<std::int32_t>{7, 8});
  record::LoadRecord load;
  load.status = record::Status::kFailed;
  load.failure = {"memory", "too big"};
  CHECK(round_trip(load).failure.message == "too big");
}

TEST_CASE("a line that is no message is an error") {
  for (const char* line : {"", "x", "{}", R"({"kind": "song"})", R"({"kind": "cell_start"})", R"({"kind": "done", "interrupted": 3})"}) {
    CHECK_THROWS_AS(run::parse_message(line), Error);
  }
}
