#include "measure/sample_metrics.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace qbench;
using namespace qbench::record;
using namespace qbench::measure;

namespace {

constexpr std::int64_t kMs = 1'000'000;

/// 10 prompt tokens; rendered at 1 ms, tokenized at 3 ms, prefill from 4 ms; tokens at 20, 30, 45 and 60 ms.
SampleRecord four_tokens() {
  SampleRecord sample;
  sample.cell.context = 100;
  sample.t0_ns = 5'000'000'000'000;
  sample.rendered_ns = 1 * kMs;
  sample.tokenized_ns = 3 * kMs;
  sample.prefill_start_ns = 4 * kMs;
  sample.detokenize_ns = 2 * kMs;
  sample.peak_rss_bytes = 1'000'000;
  SequenceRecord sequence;
  sequence.prompt_tokens = 10;
  sequence.token_ns = {20 * kMs, 30 * kMs, 45 * kMs, 60 * kMs};
  sequence.output_chars = 12;
  sequence.output_bytes = 15;
  sample.sequences = {sequence};
  return sample;
}

}  // namespace

TEST_CASE("the formulas hold on stamps computed by hand") {
  const MetricValues m = sample_metrics(four_tokens());
  const auto value = [&](MetricId id) { return doctest::Approx(m[id].value()).epsilon(1e-14); };
  CHECK(20.0 == value(MetricId::kTtftMs));
  CHECK(40.0 / 3 == value(MetricId::kItlMeanMs));    // (60 - 20) / 3
  CHECK(500.0 == value(MetricId::kPrefillTokPerS));  // 10 / 0.020
  CHECK(75.0 == value(MetricId::kDecodeTokPerS));    // 3 / 0.040
  CHECK(4 / 0.060 == value(MetricId::kE2eTokPerS));
  CHECK(60.0 == value(MetricId::kE2eMs));
  CHECK(1.0 == value(MetricId::kRenderMs));
  CHECK(2.0 == value(MetricId::kTokenizeMs));
  CHECK(16.0 == value(MetricId::kPrefillMs));  // 20 - 4
  CHECK(40.0 == value(MetricId::kDecodeMs));
  CHECK(2.0 == value(MetricId::kDetokenizeMs));
  CHECK(200.0 == value(MetricId::kCharsPerS));     // 12 / 0.060
  CHECK(3.75 == value(MetricId::kBytesPerToken));  // 15 / 4
  CHECK(10.0 == value(MetricId::kPromptTokens));
  CHECK(4.0 == value(MetricId::kOutputTokens));
  CHECK(0.13 == value(MetricId::kContextUseRatio));  // (10 + 4 - 1) / 100
  CHECK(1'000'000.0 == value(MetricId::kPeakBytes));
  CHECK_FALSE(m[MetricId::kThinkingTokens].has_value());
  CHECK_FALSE(m[MetricId::kFirstAnswerMs].has_value());
  CHECK_FALSE(m[MetricId::kLoadMs].has_value());
  CHECK_FALSE(m[MetricId::kItlP50Ms].has_value());
}

TEST_CASE("with one token there is no gap and no decode rate") {
  SampleRecord sample = four_tokens();
  sample.sequences[0].token_ns.resize(1);
  const MetricValues m = sample_metrics(sample);
  CHECK(m[MetricId::kTtftMs] == 20.0);
  CHECK(m[MetricId::kE2eMs] == 20.0);
  CHECK(m[MetricId::kE2eTokPerS] == 50.0);
  CHECK_FALSE(m[MetricId::kItlMeanMs].has_value());
  CHECK_FALSE(m[MetricId::kDecodeTokPerS].has_value());
  CHECK_FALSE(m[MetricId::kDecodeMs].has_value());
  std::vector<double> gaps;
  append_gaps_ms(sample, gaps);
  CHECK(gaps.empty());
}

TEST_CASE("without any token there is no time at all") {
  SampleRecord sample = four_tokens();
  sample.sequences[0].token_ns.clear();
  const MetricValues m = sample_metrics(sample);
  CHECK(m[MetricId::kOutputTokens] == 0.0);
  CHECK(m[MetricId::kPromptTokens] == 10.0);
  for (const MetricId id : {MetricId::kTtftMs, MetricId::kE2eMs, MetricId::kE2eTokPerS, MetricId::kPrefillTokPerS, MetricId::kDecodeTokPerS,
                            MetricId::kCharsPerS, MetricId::kBytesPerToken}) {
    CHECK_FALSE(m[id].has_value());
  }
}

TEST_CASE("tokens with equal stamps have a gap of 0 and no rate") {
  SampleRecord sample = four_tokens();
  sample.sequences[0].token_ns = {20 * kMs, 20 * kMs};
  const MetricValues m = sample_metrics(sample);
  CHECK(m[MetricId::kItlMeanMs] == 0.0);
  CHECK_FALSE(m[MetricId::kDecodeTokPerS].has_value());
}

TEST_CASE("without text there are no characters, without stamps before the prefill no phases") {
  SampleRecord sample = four_tokens();
  sample.sequences[0].output_chars.reset();
  sample.rendered_ns.reset();
  sample.tokenized_ns.reset();
  sample.detokenize_ns.reset();
  const MetricValues m = sample_metrics(sample);
  CHECK_FALSE(m[MetricId::kCharsPerS].has_value());
  CHECK_FALSE(m[MetricId::kBytesPerToken].has_value());
  CHECK_FALSE(m[MetricId::kRenderMs].has_value());
  CHECK_FALSE(m[MetricId::kTokenizeMs].has_value());
  CHECK_FALSE(m[MetricId::kDetokenizeMs].has_value());
  CHECK(m[MetricId::kTtftMs] == 20.0);
}

TEST_CASE("a prompt that is given as ids counts its tokenizing from t0") {
  SampleRecord sample = four_tokens();
  sample.rendered_ns.reset();
  CHECK(sample_metrics(sample)[MetricId::kTokenizeMs] == 3.0);
}

TEST_CASE("thinking and answer are counted and timed apart") {
  SampleRecord sample = four_tokens();
  sample.sequences[0].thinking_tokens = 3;
  MetricValues m = sample_metrics(sample);
  CHECK(m[MetricId::kThinkingTokens] == 3.0);
  CHECK(m[MetricId::kAnswerTokens] == 1.0);
  CHECK(m[MetricId::kThinkingMs] == 45.0);
  CHECK(m[MetricId::kFirstAnswerMs] == 60.0);
  sample.sequences[0].thinking_tokens = 4;  // the budget ran out while it was thinking
  m = sample_metrics(sample);
  CHECK(m[MetricId::kThinkingMs] == 60.0);
  CHECK(m[MetricId::kAnswerTokens] == 0.0);
  CHECK_FALSE(m[MetricId::kFirstAnswerMs].has_value());
  sample.sequences[0].thinking_tokens = 0;
  m = sample_metrics(sample);
  CHECK_FALSE(m[MetricId::kThinkingMs].has_value());
  CHECK(m[MetricId::kFirstAnswerMs] == 20.0);
}

TEST_CASE("thinking and answer have rates of their own, forced tokens are thinking") {
  SampleRecord sample = four_tokens();
  sample.sequences[0].thinking_tokens = 3;
  sample.sequences[0].forced_tokens = 2;
  MetricValues m = sample_metrics(sample);
  const auto value = [&](MetricId id) { return doctest::Approx(m[id].value()).epsilon(1e-14); };
  CHECK(80.0 == value(MetricId::kThinkingTokPerS));       // 2 / (45 - 20)
  CHECK(1 / 0.015 == value(MetricId::kAnswerTokPerS));    // 1 / (60 - 45)
  CHECK(m[MetricId::kForcedTokens] == 2.0);
  SequenceRecord second = sample.sequences[0];
  second.token_ns = {25 * kMs, 30 * kMs, 40 * kMs, 50 * kMs, 80 * kMs};
  second.thinking_tokens = 2;
  second.forced_tokens = 0;
  sample.sequences.push_back(second);
  m = sample_metrics(sample);
  CHECK(3 / 0.025 == value(MetricId::kThinkingTokPerS));  // from 20 ms to 45 ms
  CHECK(4 / 0.050 == value(MetricId::kAnswerTokPerS));    // from 30 ms to 80 ms
  CHECK(m[MetricId::kForcedTokens] == 2.0);
  sample.sequences.resize(1);
  sample.sequences[0].thinking_tokens = 4;
  m = sample_metrics(sample);
  CHECK_FALSE(m[MetricId::kAnswerTokPerS].has_value());
  sample.sequences[0].thinking_tokens = 0;
  m = sample_metrics(sample);
  CHECK_FALSE(m[MetricId::kThinkingTokPerS].has_value());
  CHECK_FALSE(m[MetricId::kAnswerTokPerS].has_value());
}

TEST_CASE("tokens that came from the cache are no work of the prefill, and what they saved stands beside them") {
  SampleRecord sample = four_tokens();
  sample.sequences[0].prefix_cached_tokens = 6;
  sample.prefix_saved_ns = 9 * kMs;
  const MetricValues m = sample_metrics(sample);
  CHECK(m[MetricId::kPromptTokens] == 10.0);
  CHECK(m[MetricId::kPrefillTokPerS] == doctest::Approx(200.0).epsilon(1e-14));  // 4 / 0.020
  CHECK(m[MetricId::kPrefixCachedTokens] == 6.0);
  CHECK(m[MetricId::kPrefixSavedMs] == 9.0);
  CHECK_FALSE(sample_metrics(four_tokens())[MetricId::kPrefixCachedTokens].has_value());
}

TEST_CASE("several sequences are added up; decoding begins when the last one has its first token") {
  SampleRecord sample = four_tokens();
  SequenceRecord second;
  second.prompt_tokens = 20;
  second.token_ns = {25 * kMs, 30 * kMs, 45 * kMs, 60 * kMs, 75 * kMs};
  second.output_chars = 3;
  second.output_bytes = 3;
  sample.sequences.push_back(second);
  const MetricValues m = sample_metrics(sample);
  const auto value = [&](MetricId id) { return doctest::Approx(m[id].value()).epsilon(1e-14); };
  CHECK(25.0 == value(MetricId::kTtftMs));
  CHECK(30 / 0.025 == value(MetricId::kPrefillTokPerS));
  // After 25 ms come 30, 45, 60 of the first and 30, 45, 60, 75 of the second: 7 tokens in 50 ms.
  CHECK(7 / 0.050 == value(MetricId::kDecodeTokPerS));
  // Gaps from 25 ms on: 15, 15 of the first (30 - 20 began before) and 5, 15, 15, 15 of the second.
  CHECK(80.0 / 6 == value(MetricId::kItlMeanMs));
  CHECK(9 / 0.075 == value(MetricId::kE2eTokPerS));
  CHECK(15 / 0.075 == value(MetricId::kCharsPerS));
  CHECK(0.24 == value(MetricId::kContextUseRatio));  // the longest: (20 + 5 - 1) / 100
  std::vector<double> gaps;
  append_gaps_ms(sample, gaps);
  CHECK(gaps == std::vector<double>{15, 15, 5, 15, 15, 15});
}

TEST_CASE("waiting for the prefill of other sequences is no gap between tokens") {
  SampleRecord sample = four_tokens();
  sample.sequences[0].token_ns = {100 * kMs, 310 * kMs, 320 * kMs};  // between its first two tokens two other prompts were read
  for (const std::int64_t first : {200, 300}) {
    SequenceRecord other = sample.sequences[0];
    other.token_ns = {first * kMs, 310 * kMs, 320 * kMs};
    sample.sequences.push_back(other);
  }
  std::vector<double> gaps;
  append_gaps_ms(sample, gaps);
  CHECK(gaps == std::vector<double>{10, 10, 10, 10});
  CHECK(sample_metrics(sample)[MetricId::kItlMeanMs] == 10.0);
  sample.sequences[1].token_ns.clear();  // without t1 nothing is a decoding gap
  gaps.clear();
  append_gaps_ms(sample, gaps);
  CHECK(gaps.empty());
}

TEST_CASE("a failed repetition has no metrics") {
  SampleRecord sample = four_tokens();
  sample.status = Status::kFailed;
  const MetricValues m = sample_metrics(sample);
  for (const MetricInfo& info : metric_catalog()) CHECK_FALSE(m[info.id].has_value());
}

TEST_CASE("stamps become offsets from t0 without losing a nanosecond") {
  const std::int64_t t0 = 9'007'199'254'740'993;
  const std::vector<std::int64_t> stamps{t0, t0 + 1, t0 + 3};
  CHECK(offsets_from(t0, stamps) == std::vector<std::int64_t>{0, 1, 3});
}

TEST_CASE("the metrics of a load are its times; a failed load has none") {
  LoadRecord load;
  load.open_ns = 5 * kMs;
  load.pack_ns = 70 * kMs;
  load.load_ns = 80 * kMs;
  MetricValues m = load_metrics(load);
  CHECK(m[MetricId::kOpenMs] == 5.0);
  CHECK(m[MetricId::kPackMs] == 70.0);
  CHECK(m[MetricId::kLoadMs] == 80.0);
  load.status = Status::kFailed;
  m = load_metrics(load);
  CHECK_FALSE(m[MetricId::kLoadMs].has_value());
}

TEST_CASE("rows of the emulated device carry tokens and bytes, and no time") {
  SampleRecord sample = four_tokens();
  sample.cell.device = "cuda-emulated";
  const MetricValues m = sample_metrics(sample);
  for (const MetricInfo& info : metric_catalog()) {
    const bool timeless = info.unit == "tokens" || info.unit == "bytes" || info.unit == "bytes/tok" || info.unit == "1";
    CAPTURE(info.name);
    if (!timeless) CHECK_FALSE(m[info.id].has_value());
  }
  CHECK(m[MetricId::kOutputTokens] == 4.0);
  CHECK(m[MetricId::kPeakBytes] == 1'000'000.0);
}

TEST_CASE("tokens computed past a stop are added up over the sequences, and unknown where one does not say") {
  SampleRecord sample = four_tokens();
  CHECK_FALSE(sample_metrics(sample)[MetricId::kDiscardedTokens].has_value());
  sample.sequences[0].discarded_tokens = 0;
  CHECK(sample_metrics(sample)[MetricId::kDiscardedTokens] == 0.0);
  sample.sequences.push_back(sample.sequences[0]);
  sample.sequences[1].discarded_tokens = 3;
  CHECK(sample_metrics(sample)[MetricId::kDiscardedTokens] == 3.0);
  CHECK(sample_metrics(sample)[MetricId::kOutputTokens] == 8.0);  // not in n
}
