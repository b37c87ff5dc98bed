#include "measure/sample_metrics.h"

#include <algorithm>
#include <optional>

#include "backend/backend.h"
#include "base/check.h"
#include "base/units.h"
#include "measure/gpu_metrics.h"
#include "measure/telemetry.h"

namespace qbench::measure {
namespace {

using record::MetricId;
using record::SequenceRecord;

/// a / b, or nothing where the denominator is not positive.
std::optional<double> ratio(double a, double b) {
  if (!(b > 0)) return std::nullopt;
  return a / b;
}

/// Count per second of so many nanoseconds.
std::optional<double> rate(std::int64_t count, std::int64_t ns) { return ratio(static_cast<double>(count) * 1e9, static_cast<double>(ns)); }

double as_double(std::int64_t value) { return static_cast<double>(value); }

/// What all sequences of a repetition add up to. Times are nanoseconds after t0.
struct Totals {
  std::int64_t prompt_tokens = 0;  ///< p
  std::int64_t output_tokens = 0;  ///< n
  std::int64_t t1 = 0;             ///< the last sequence has its first token
  std::int64_t tn = 0;             ///< the last token of all
  std::int64_t after_t1 = 0;       ///< tokens later than t1
  std::int64_t gaps = 0;           ///< between tokens of one sequence, from t1 on
  std::int64_t gaps_ns = 0;
  std::optional<std::int64_t> cached;  ///< of prompt_tokens, where a prefix may come from the KV cache
  std::int64_t longest = 0;  ///< positions taken by the longest sequence: the last token takes none
};

/// When the last sequence has its first token; nothing where one has none.
std::optional<std::int64_t> first_tokens_done(const std::vector<SequenceRecord>& sequences) {
  std::int64_t t1 = 0;
  for (const SequenceRecord& sequence : sequences) {
    if (sequence.token_ns.empty()) return std::nullopt;
    t1 = std::max(t1, sequence.token_ns.front());
  }
  return t1;
}

/// Calls visit(gap in ns) for every gap between tokens of one sequence that begins when all sequences are decoding: an earlier one also
/// holds the prefill of other sequences, which no token waits for while decoding.
template <class Visit>
void each_gap(const std::vector<SequenceRecord>& sequences, Visit visit) {
  const std::optional<std::int64_t> t1 = first_tokens_done(sequences);
  if (!t1) return;
  for (const SequenceRecord& sequence : sequences) {
    for (std::size_t i = 1; i < sequence.token_ns.size(); ++i) {
      if (sequence.token_ns[i - 1] >= *t1) visit(sequence.token_ns[i] - sequence.token_ns[i - 1]);
    }
  }
}

Totals add_up(const std::vector<SequenceRecord>& sequences) {
  Totals totals;
  for (const SequenceRecord& sequence : sequences) {
    const auto& stamps = sequence.token_ns;
    QB_CHECK(std::is_sorted(stamps.begin(), stamps.end()) && (stamps.empty() || stamps.front() >= 0));
    const auto count = static_cast<std::int64_t>(stamps.size());
    totals.prompt_tokens += sequence.prompt_tokens;
    if (sequence.prefix_cached_tokens) totals.cached = totals.cached.value_or(0) + *sequence.prefix_cached_tokens;
    totals.output_tokens += count;
    totals.longest = std::max(totals.longest, sequence.prompt_tokens + std::max<std::int64_t>(0, count - 1));
    if (!stamps.empty()) totals.tn = std::max(totals.tn, stamps.back());
  }
  totals.t1 = first_tokens_done(sequences).value_or(0);
  each_gap(sequences, [&](std::int64_t gap_ns) {
    ++totals.gaps;
    totals.gaps_ns += gap_ns;
  });
  // One sequence: all but the first, also when stamps coincide. Several: those that came when all were decoding.
  if (sequences.size() == 1) {
    totals.after_t1 = std::max<std::int64_t>(0, totals.output_tokens - 1);
  } else {
    for (const SequenceRecord& sequence : sequences) {
      totals.after_t1 += sequence.token_ns.end() - std::upper_bound(sequence.token_ns.begin(), sequence.token_ns.end(), totals.t1);
    }
  }
  return totals;
}

void add_phases(const record::SampleRecord& sample, record::MetricValues& metrics) {
  if (sample.rendered_ns) metrics[MetricId::kRenderMs] = ms_from_ns(as_double(*sample.rendered_ns));
  if (sample.tokenized_ns) {
    metrics[MetricId::kTokenizeMs] = ms_from_ns(as_double(*sample.tokenized_ns - sample.rendered_ns.value_or(0)));
  }
  if (sample.detokenize_ns) metrics[MetricId::kDetokenizeMs] = ms_from_ns(as_double(*sample.detokenize_ns));
  if (sample.peak_rss_bytes) metrics[MetricId::kPeakBytes] = as_double(*sample.peak_rss_bytes);
}

void add_text(const record::SampleRecord& sample, const Totals& totals, record::MetricValues& metrics) {
  std::int64_t chars = 0, bytes = 0;
  for (const SequenceRecord& sequence : sample.sequences) {
    if (!sequence.output_chars || !sequence.output_bytes) return;
    chars += *sequence.output_chars;
    bytes += *sequence.output_bytes;
  }
  metrics[MetricId::kCharsPerS] = rate(chars, totals.tn);
  metrics[MetricId::kBytesPerToken] = ratio(as_double(bytes), as_double(totals.output_tokens));
}

/// Thoughts and answers of all sequences. Times are nanoseconds after t0.
struct Thoughts {
  std::int64_t thinking = 0, answer = 0;  ///< tokens
  std::int64_t later = 0;                 ///< thinking tokens but the first of each sequence
  std::int64_t begin = INT64_MAX;         ///< the first thinking token of all
  std::int64_t first_end = INT64_MAX;     ///< the last thinking token of the sequence that ends its thought first
  std::int64_t last_end = 0;              ///< and of the one that ends it last
  std::int64_t answer_end = 0;            ///< the last answer token of all
  std::optional<std::int64_t> forced;
};

/// Nothing where a sequence does not say what of it is its thought.
std::optional<Thoughts> add_up_thoughts(const std::vector<SequenceRecord>& sequences) {
  Thoughts all;
  for (const SequenceRecord& sequence : sequences) {
    if (!sequence.thinking_tokens) return std::nullopt;
    const auto count = static_cast<std::int64_t>(sequence.token_ns.size());
    const std::int64_t thinking = *sequence.thinking_tokens;
    QB_CHECK(thinking >= 0 && thinking <= count);
    all.thinking += thinking;
    all.answer += count - thinking;
    if (sequence.forced_tokens) all.forced = all.forced.value_or(0) + *sequence.forced_tokens;
    if (count > thinking) all.answer_end = std::max(all.answer_end, sequence.token_ns.back());
    if (thinking == 0) continue;
    const std::int64_t end = sequence.token_ns[static_cast<std::size_t>(thinking - 1)];
    all.later += thinking - 1;
    all.begin = std::min(all.begin, sequence.token_ns.front());
    all.first_end = std::min(all.first_end, end);
    all.last_end = std::max(all.last_end, end);
  }
  return all;
}

void add_thinking(const record::SampleRecord& sample, record::MetricValues& metrics) {
  const std::optional<Thoughts> thoughts = add_up_thoughts(sample.sequences);
  if (!thoughts) return;
  metrics[MetricId::kThinkingTokens] = as_double(thoughts->thinking);
  metrics[MetricId::kAnswerTokens] = as_double(thoughts->answer);
  if (thoughts->forced) metrics[MetricId::kForcedTokens] = as_double(*thoughts->forced);
  if (thoughts->thinking > 0) metrics[MetricId::kThinkingMs] = ms_from_ns(as_double(thoughts->last_end));
  if (thoughts->later > 0) metrics[MetricId::kThinkingTokPerS] = rate(thoughts->later, thoughts->last_end - thoughts->begin);
  if (thoughts->thinking > 0 && thoughts->answer > 0)
    metrics[MetricId::kAnswerTokPerS] = rate(thoughts->answer, thoughts->answer_end - thoughts->first_end);
  const SequenceRecord& first = sample.sequences.front();
  const auto first_answer = static_cast<std::size_t>(*first.thinking_tokens);
  if (first_answer < first.token_ns.size()) metrics[MetricId::kFirstAnswerMs] = ms_from_ns(as_double(first.token_ns[first_answer]));
}

void add_prefix(const record::SampleRecord& sample, const Totals& totals, record::MetricValues& metrics) {
  if (!totals.cached) return;
  metrics[MetricId::kPrefixCachedTokens] = as_double(*totals.cached);
  if (sample.prefix_saved_ns) metrics[MetricId::kPrefixSavedMs] = ms_from_ns(as_double(*sample.prefix_saved_ns));
}

void add_discarded(const record::SampleRecord& sample, record::MetricValues& metrics) {
  std::int64_t discarded = 0;
  for (const SequenceRecord& sequence : sample.sequences) {
    if (!sequence.discarded_tokens) return;
    discarded += *sequence.discarded_tokens;
  }
  metrics[MetricId::kDiscardedTokens] = as_double(discarded);
}

/// Everything that is a time or has one in it.
void forget_times(record::MetricValues& metrics) {
  for (const record::MetricInfo& info : record::metric_catalog()) {
    if (info.unit == "ms" || info.unit == "cores" || info.unit.ends_with("/s")) metrics[info.id].reset();
  }
}

}  // namespace

bool is_emulated(const record::CellKey& cell) { return cell.device == backend::kEmulatedDevice; }

std::vector<std::int64_t> offsets_from(std::int64_t t0_ns, std::span<const std::int64_t> stamps_ns) {
  std::vector<std::int64_t> offsets;
  offsets.reserve(stamps_ns.size());
  for (const std::int64_t stamp : stamps_ns) offsets.push_back(stamp - t0_ns);
  return offsets;
}

record::MetricValues sample_metrics(const record::SampleRecord& sample) {
  record::MetricValues metrics;
  if (sample.status != record::Status::kOk || sample.sequences.empty()) return metrics;
  const Totals totals = add_up(sample.sequences);
  add_phases(sample, metrics);
  metrics[MetricId::kCpuUseCores] = mean_cpu_cores(sample.telemetry);
  add_gpu_metrics(sample.telemetry, totals.output_tokens, metrics);
  metrics[MetricId::kPromptTokens] = as_double(totals.prompt_tokens);
  metrics[MetricId::kOutputTokens] = as_double(totals.output_tokens);
  metrics[MetricId::kContextUseRatio] = ratio(as_double(totals.longest), as_double(sample.cell.context));
  add_discarded(sample, metrics);
  if (first_tokens_done(sample.sequences)) {
    metrics[MetricId::kTtftMs] = ms_from_ns(as_double(totals.t1));
    metrics[MetricId::kPrefillTokPerS] = rate(totals.prompt_tokens - totals.cached.value_or(0), totals.t1);
    metrics[MetricId::kE2eMs] = ms_from_ns(as_double(totals.tn));
    metrics[MetricId::kE2eTokPerS] = rate(totals.output_tokens, totals.tn);
    if (sample.prefill_start_ns) metrics[MetricId::kPrefillMs] = ms_from_ns(as_double(totals.t1 - *sample.prefill_start_ns));
    if (totals.gaps > 0) metrics[MetricId::kItlMeanMs] = ms_from_ns(as_double(totals.gaps_ns)) / as_double(totals.gaps);
    if (totals.after_t1 > 0) {
      metrics[MetricId::kDecodeMs] = ms_from_ns(as_double(totals.tn - totals.t1));
      metrics[MetricId::kDecodeTokPerS] = rate(totals.after_t1, totals.tn - totals.t1);
    }
    add_text(sample, totals, metrics);
    add_thinking(sample, metrics);
    add_prefix(sample, totals, metrics);
  }
  if (is_emulated(sample.cell)) forget_times(metrics);
  return metrics;
}

record::MetricValues load_metrics(const record::LoadRecord& load) {
  record::MetricValues metrics;
  if (load.status != record::Status::kOk) return metrics;
  metrics[MetricId::kLoadMs] = ms_from_ns(as_double(load.load_ns));
  metrics[MetricId::kOpenMs] = ms_from_ns(as_double(load.open_ns));
  metrics[MetricId::kPackMs] = ms_from_ns(as_double(load.pack_ns));
  return metrics;
}

void append_gaps_ms(const record::SampleRecord& sample, std::vector<double>& gaps) {
  each_gap(sample.sequences, [&](std::int64_t gap_ns) { gaps.push_back(ms_from_ns(as_double(gap_ns))); });
}

}  // namespace qbench::measure
