#include "measure/cell_summary.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/digest.h"

using namespace qbench;
using namespace qbench::record;
using namespace qbench::measure;

namespace {

constexpr std::int64_t kMs = 1'000'000;

CellRecord base_cell() {
  CellRecord cell;
  cell.cell.model = "m";
  cell.cell.prompt_id = "p";
  cell.cell.context = 4096;
  cell.settings.prompt_source = "text";
  return cell;
}

/// One repetition: first token after `ttft_ms`, then `gaps` gaps of `gap_ms` each.
SampleRecord repetition(Phase phase, double ttft_ms, int gaps, double gap_ms, const std::string& digest = "aa") {
  SampleRecord sample;
  sample.cell = base_cell().cell;
  sample.phase = phase;
  SequenceRecord sequence;
  sequence.prompt_tokens = 8;
  sequence.stop_reason = "max_tokens";
  sequence.output_digest = digest;
  sequence.output_chars = 10;
  sequence.output_bytes = 10;
  for (int i = 0; i <= gaps; ++i) sequence.token_ns.push_back(static_cast<std::int64_t>((ttft_ms + gap_ms * i) * kMs));
  sample.sequences = {sequence};
  return sample;
}

std::optional<double> at(const CellRecord& cell, MetricId id, Statistic statistic = Statistic::kMedian) {
  return cell.metrics.at(id, statistic);
}

}  // namespace

TEST_CASE("statistics are over the timed repetitions; the cold one and the warm-up count apart") {
  LoadRecord load;
  load.model.label = "m";
  load.load_ns = 900 * kMs;
  load.open_ns = 100 * kMs;
  load.pack_ns = 700 * kMs;
  const std::vector<SampleRecord> samples{repetition(Phase::kCold, 500, 4, 100), repetition(Phase::kWarmup, 90, 4, 9),
                                          repetition(Phase::kTimed, 10, 4, 2), repetition(Phase::kTimed, 20, 4, 2),
                                          repetition(Phase::kTimed, 60, 4, 2)};
  const CellRecord row = summarize_cell(base_cell(), samples, std::span(&load, 1));
  CHECK(row.status == Status::kOk);
  CHECK(row.n_samples == 3);
  CHECK(row.n_failed == 0);
  CHECK(row.n_warmup == 2);
  CHECK(at(row, MetricId::kTtftMs) == 20.0);
  CHECK(at(row, MetricId::kTtftMs, Statistic::kMin) == 10.0);
  CHECK(at(row, MetricId::kTtftMs, Statistic::kMax) == 60.0);
  CHECK(at(row, MetricId::kTtftMs, Statistic::kMean) == 30.0);
  CHECK(at(row, MetricId::kTtftMs, Statistic::kStddev).value() == doctest::Approx(std::sqrt(700.0)));  // (400 + 100 + 900) / 2
  CHECK(at(row, MetricId::kDecodeTokPerS).value() == doctest::Approx(500.0));
  CHECK(at(row, MetricId::kLoadMs) == 900.0);
  CHECK(at(row, MetricId::kPackMs) == 700.0);
  CHECK(at(row, MetricId::kFirstRequestTtftMs) == 500.0);
  CHECK(at(row, MetricId::kFirstRequestE2eMs) == 900.0);
  CHECK(row.stop_reason == "max_tokens");
  CHECK(row.output_digest == "aa");
  CHECK(row.output_digests == 1);
}

TEST_CASE("one repetition has no deviation, and without a load and a cold request those columns are empty") {
  const CellRecord row = summarize_cell(base_cell(), std::vector{repetition(Phase::kTimed, 10, 4, 2)}, {});
  CHECK(at(row, MetricId::kTtftMs) == 10.0);
  CHECK_FALSE(at(row, MetricId::kTtftMs, Statistic::kStddev).has_value());
  CHECK_FALSE(at(row, MetricId::kLoadMs).has_value());
  CHECK_FALSE(at(row, MetricId::kFirstRequestTtftMs).has_value());
}

TEST_CASE("gap percentiles are pooled over the repetitions and empty below 64, 130 and 662 gaps") {
  const auto row_of = [](int repetitions, int gaps) {
    std::vector<SampleRecord> samples;
    for (int i = 0; i < repetitions; ++i) samples.push_back(repetition(Phase::kTimed, 10, gaps, 2));
    return summarize_cell(base_cell(), samples, {});
  };
  const auto has = [](const CellRecord& row, MetricId id) { return at(row, id, Statistic::kNone).has_value(); };
  CHECK(has(row_of(1, 1), MetricId::kItlP50Ms));
  CHECK_FALSE(has(row_of(1, 0), MetricId::kItlP50Ms));
  CHECK_FALSE(has(row_of(3, 21), MetricId::kItlP90Ms));  // 63
  CHECK(has(row_of(4, 16), MetricId::kItlP90Ms));        // 64
  CHECK_FALSE(has(row_of(3, 43), MetricId::kItlP95Ms));  // 129
  CHECK(has(row_of(5, 26), MetricId::kItlP95Ms));        // 130
  CHECK_FALSE(has(row_of(1, 661), MetricId::kItlP99Ms));
  CHECK(has(row_of(2, 331), MetricId::kItlP99Ms));  // 662
}

TEST_CASE("the pooled percentile weighs gaps, not repetitions") {
  const std::vector<SampleRecord> samples{repetition(Phase::kTimed, 10, 90, 1), repetition(Phase::kTimed, 10, 10, 5)};
  const CellRecord row = summarize_cell(base_cell(), samples, {});
  CHECK(at(row, MetricId::kItlP50Ms, Statistic::kNone) == 1.0);
  CHECK(at(row, MetricId::kItlMeanMs) == 3.0);  // of the repetitions' means, 1 and 5
}

TEST_CASE("different outputs are counted, different stop reasons are mixed") {
  std::vector<SampleRecord> samples{repetition(Phase::kTimed, 10, 4, 2, "aa"), repetition(Phase::kTimed, 10, 4, 2, "bb"),
                                    repetition(Phase::kTimed, 10, 4, 2, "aa")};
  samples[1].sequences[0].stop_reason = "eos";
  const CellRecord row = summarize_cell(base_cell(), samples, {});
  CHECK(row.output_digests == 2);
  CHECK(row.output_digest == "aa");
  CHECK(row.stop_reason == "mixed");
}

TEST_CASE("the digest of several sequences covers all of them") {
  SampleRecord sample = repetition(Phase::kTimed, 10, 4, 2, "aa");
  sample.sequences.push_back(sample.sequences[0]);
  sample.sequences[1].output_digest = "bb";
  CHECK(summarize_cell(base_cell(), std::vector{sample}, {}).output_digest == sha256_hex("aa\nbb\n"));
}

TEST_CASE("rows of synthetic prompts have no text, character and digest values") {
  CellRecord cell = base_cell();
  cell.settings.prompt_source = "synthetic";
  const CellRecord row = summarize_cell(cell, std::vector{repetition(Phase::kTimed, 10, 4, 2)}, {});
  CHECK(row.output_digest.empty());
  CHECK_FALSE(row.output_digests.has_value());
  CHECK_FALSE(at(row, MetricId::kCharsPerS).has_value());
  CHECK_FALSE(at(row, MetricId::kBytesPerToken).has_value());
  CHECK(at(row, MetricId::kTtftMs) == 10.0);
}

TEST_CASE("a failed repetition makes the row failed and keeps what the others measured") {
  std::vector<SampleRecord> samples{repetition(Phase::kTimed, 10, 4, 2), repetition(Phase::kTimed, 12, 4, 2)};
  samples[1].status = Status::kFailed;
  samples[1].failure = {"device", "lost"};
  const CellRecord row = summarize_cell(base_cell(), samples, {});
  CHECK(row.status == Status::kFailed);
  CHECK(row.failure == Failure{"device", "lost"});
  CHECK(row.n_samples == 1);
  CHECK(row.n_failed == 1);
  CHECK(at(row, MetricId::kTtftMs) == 10.0);
}

TEST_CASE("a cell without a finished timed repetition failed; a failure that the caller knows stays") {
  CHECK(summarize_cell(base_cell(), {}, {}).status == Status::kFailed);
  CHECK(summarize_cell(base_cell(), std::vector{repetition(Phase::kCold, 10, 4, 2)}, {}).failure.code == "interrupted");
  CellRecord skipped = base_cell();
  skipped.status = Status::kSkipped;
  skipped.failure = {"memory", "does not fit"};
  const CellRecord row = summarize_cell(skipped, {}, {});
  CHECK(row.status == Status::kSkipped);
  CHECK(row.failure.code == "memory");
  CHECK(row.stop_reason.empty());
}

TEST_CASE("samples of other cells are not counted") {
  SampleRecord other = repetition(Phase::kTimed, 99, 4, 2);
  other.cell.pass = Pass::kText;
  const CellRecord row = summarize_cell(base_cell(), std::vector{other, repetition(Phase::kTimed, 10, 4, 2)}, {});
  CHECK(row.n_samples == 1);
  CHECK(at(row, MetricId::kTtftMs) == 10.0);
}

TEST_CASE("a session's value is its own median, the row's the median of the sessions, and extremes are over all repetitions") {
  std::vector<SampleRecord> samples;
  const double ttft[3][3] = {{10, 11, 90}, {20, 21, 22}, {30, 31, 32}};
  for (std::int64_t session = 0; session < 3; ++session) {
    for (const double ms : ttft[session]) {
      samples.push_back(repetition(Phase::kTimed, ms, 4, 2));
      samples.back().session = session;
      samples.back().peak_rss_bytes = 1000 * (session + 1) + static_cast<std::int64_t>(ms);
    }
  }
  std::vector<LoadRecord> loads(4);
  for (std::size_t i = 0; i < loads.size(); ++i) {
    loads[i].model.label = "m";
    loads[i].session = static_cast<std::int64_t>(i < 3 ? i : 2);  // the third session's worker died once
    loads[i].load_ns = static_cast<std::int64_t>(i + 1) * 100 * kMs;
  }
  const CellRecord row = summarize_cell(base_cell(), samples, loads);
  CHECK(row.n_sessions == 3);
  CHECK(row.n_samples == 9);
  REQUIRE(row.sessions.size() == 3);
  CHECK(row.sessions[0][MetricId::kTtftMs] == 11.0);
  CHECK(row.sessions[1][MetricId::kTtftMs] == 21.0);
  CHECK(row.sessions[2][MetricId::kTtftMs] == 31.0);
  CHECK(at(row, MetricId::kTtftMs) == 21.0);
  CHECK(at(row, MetricId::kTtftMs, Statistic::kMin) == 10.0);
  CHECK(at(row, MetricId::kTtftMs, Statistic::kMax) == 90.0);
  CHECK(row.sessions[0][MetricId::kPeakBytes] == 1090.0);
  CHECK(at(row, MetricId::kPeakBytes, Statistic::kMax) == 2022.0);  // of 1090, 2022 and 3032
  CHECK(row.sessions[2][MetricId::kLoadMs] == 400.0);
  CHECK(at(row, MetricId::kLoadMs) == 200.0);
}

TEST_CASE("a percentile needs its gaps in each session: it is the median of the sessions that have it") {
  std::vector<SampleRecord> samples;
  for (std::int64_t session = 0; session < 3; ++session) {
    samples.push_back(repetition(Phase::kTimed, 10, session == 0 ? 63 : 64, 1.0 + static_cast<double>(session)));
    samples.back().session = session;
  }
  const CellRecord row = summarize_cell(base_cell(), samples, {});
  CHECK_FALSE(row.sessions[0][MetricId::kItlP90Ms].has_value());
  CHECK(at(row, MetricId::kItlP90Ms, Statistic::kNone).value() == doctest::Approx(2.5));
}

namespace {

/// A repetition whose GPU telemetry has these clocks, the first entry before the work; throttled entries carry the power cap's bit.
SampleRecord on_gpu(std::vector<std::int64_t> clocks, std::int64_t reasons = 0, std::int64_t session = 0) {
  SampleRecord sample = repetition(Phase::kTimed, 10, 4, 2);
  sample.session = session;
  sample.telemetry.gpu.emplace();
  for (const std::int64_t clock : clocks) {
    sample.telemetry.time_ns.push_back(static_cast<std::int64_t>(sample.telemetry.time_ns.size()));
    sample.telemetry.rss_bytes.push_back(1);
    sample.telemetry.cpu_time_ns.push_back(0);
    sample.telemetry.gpu->sm_clock_mhz.push_back(clock);
    sample.telemetry.gpu->clock_reasons.push_back(reasons);
  }
  return sample;
}

}  // namespace

TEST_CASE("repetitions at lowered clocks are left out and counted, at most a fifth of them") {
  std::vector<SampleRecord> samples;
  for (int i = 0; i < 8; ++i) samples.push_back(on_gpu({345, 1980, 1980}));
  samples.push_back(on_gpu({345, 1980, 1980}, 0x4));
  samples.push_back(on_gpu({345, 1700, 1700}));  // below nine tenths of the usual clock
  CellRecord row = summarize_cell(base_cell(), samples, {});
  CHECK(row.status == Status::kOk);
  CHECK(row.n_samples == 8);
  CHECK(row.n_discarded == 2);
  CHECK(row.state.gpu_clock_reasons == 0x4);
  samples.push_back(on_gpu({345, 1980, 1980}, 0x20));
  row = summarize_cell(base_cell(), samples, {});
  CHECK(row.status == Status::kThrottled);
  CHECK(row.n_samples == 11);  // its values are of all, never of none
  CHECK(row.n_discarded == 0);
  CHECK(row.failure.code == "throttled");
  CHECK(row.failure.message.starts_with("3 of 11 repetitions ran at lowered clocks"));
  CHECK(at(row, MetricId::kTtftMs) == 10.0);
}

TEST_CASE("a session that runs slowly as a whole is compared with its own clock, and idle or chosen clocks are no throttling") {
  std::vector<SampleRecord> samples;
  for (int i = 0; i < 5; ++i) samples.push_back(on_gpu({345, 1980}, 0x1));
  for (int i = 0; i < 5; ++i) samples.push_back(on_gpu({345, 1500}, 0x2, 1));
  const CellRecord row = summarize_cell(base_cell(), samples, {});
  CHECK(row.status == Status::kOk);
  CHECK(row.n_discarded == 0);
}

TEST_CASE("the roofline sets costs and limits against the medians of the phases") {
  CellRecord cell = base_cell();
  cell.roofline = {4'000'000, 8'000'000'000, 10'000'000, 1'000'000, 2.0, 1.0};
  std::vector<SampleRecord> samples{repetition(Phase::kTimed, 10, 4, 2)};
  samples[0].prefill_start_ns = 0;
  const CellRecord row = summarize_cell(cell, samples, {});
  const auto value = [&](MetricId id) { return at(row, id, Statistic::kNone).value(); };
  // Prefill takes 10 ms, decode 8 ms. Reading 4 MB takes 2 ms, 8 GFLOP take 8 ms; reading 10 MB takes 5 ms.
  CHECK(value(MetricId::kPrefillRooflineRatio) == doctest::Approx(0.8));
  CHECK(value(MetricId::kPrefillGbPerS) == doctest::Approx(0.4));
  CHECK(value(MetricId::kPrefillTflopPerS) == doctest::Approx(0.8));
  CHECK(value(MetricId::kDecodeRooflineRatio) == doctest::Approx(5.0 / 8));
  CHECK(value(MetricId::kDecodeGbPerS) == doctest::Approx(1.25));
  cell.roofline.read_limit_gb_per_s.reset();
  CHECK_FALSE(at(summarize_cell(cell, samples, {}), MetricId::kDecodeRooflineRatio, Statistic::kNone).has_value());
}
