#include "measure/cell_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "measure/gpu_metrics.h"
#include "measure/sample_metrics.h"
#include "measure/throttling.h"
#include "stats/summary.h"

namespace qbench::measure {
namespace {

using record::MetricId;
using record::MetricInfo;
using record::MetricScope;
using record::MetricValues;
using record::SampleRecord;
using record::Statistic;

std::optional<double> pick(const stats::Summary& summary, Statistic statistic) {
  switch (statistic) {
    case Statistic::kMedian:
      return summary.median;
    case Statistic::kMin:
      return summary.min;
    case Statistic::kMax:
      return summary.max;
    case Statistic::kMean:
      return summary.mean;
    case Statistic::kStddev:
      return summary.stddev;
    case Statistic::kNone:
      return std::nullopt;
  }
  return std::nullopt;
}

MetricValues values_of(const SampleRecord& sample, const record::CellRecord& cell) {
  MetricValues values = sample_metrics(sample);
  if (cell.settings.prompt_source == "synthetic") {
    values[MetricId::kCharsPerS].reset();
    values[MetricId::kBytesPerToken].reset();
  }
  return values;
}

/// What one worker process brought to the cell.
struct SessionPart {
  const record::LoadRecord* load = nullptr;
  const SampleRecord* cold = nullptr;
  std::vector<const SampleRecord*> timed;  ///< kept
};

/// The metrics of the given repetitions, each over those that have it.
std::vector<double> column_of(MetricId id, const std::vector<MetricValues>& values) {
  std::vector<double> column;
  for (const MetricValues& one : values) {
    if (one[id]) column.push_back(*one[id]);
  }
  return column;
}

void add_gap_percentiles(const std::vector<const SampleRecord*>& timed, MetricValues& out) {
  std::vector<double> gaps;
  for (const SampleRecord* sample : timed) append_gaps_ms(*sample, gaps);
  constexpr std::array<std::pair<MetricId, double>, 4> kPercentiles{
      {{MetricId::kItlP50Ms, 0.50}, {MetricId::kItlP90Ms, 0.90}, {MetricId::kItlP95Ms, 0.95}, {MetricId::kItlP99Ms, 0.99}}};
  for (const auto& [id, q] : kPercentiles) out[id] = stats::guarded_quantile(gaps, q);
}

/// A session's value of every metric: the catalogue's main statistic over its repetitions, percentiles of its gaps, its load and first request.
MetricValues session_values(const SessionPart& part, const record::CellRecord& cell) {
  MetricValues out = part.load != nullptr && !is_emulated(cell.cell) ? load_metrics(*part.load) : MetricValues{};
  if (part.cold != nullptr) {
    const MetricValues first = sample_metrics(*part.cold);
    out[MetricId::kFirstRequestTtftMs] = first[MetricId::kTtftMs];
    out[MetricId::kFirstRequestE2eMs] = first[MetricId::kE2eMs];
  }
  std::vector<MetricValues> values;
  for (const SampleRecord* sample : part.timed) values.push_back(values_of(*sample, cell));
  for (const MetricInfo& info : record::metric_catalog()) {
    if (info.scope == MetricScope::kRepetition) out[info.id] = pick(stats::summarize(column_of(info.id, values)), info.main_statistic());
  }
  out[MetricId::kEnergyJPerToken] = pooled_joules_per_token(part.timed);
  if (!is_emulated(cell.cell)) add_gap_percentiles(part.timed, out);
  return out;
}

/// The row's values: of each metric the median of the sessions' values in its main statistic, and the others over all repetitions.
void summarize_metrics(const std::vector<MetricValues>& sessions, const std::vector<const SampleRecord*>& kept, record::CellRecord& cell) {
  std::vector<MetricValues> all;
  for (const SampleRecord* sample : kept) all.push_back(values_of(*sample, cell));
  for (const MetricInfo& info : record::metric_catalog()) {
    if (info.scope == MetricScope::kRoofline || info.scope == MetricScope::kCellTasks) continue;
    const stats::Summary pooled = stats::summarize(column_of(info.id, all));
    for (const Statistic statistic : info.statistics) {
      cell.metrics.set(info.id, statistic, statistic == info.main_statistic() ? stats::median(column_of(info.id, sessions)) : pick(pooled, statistic));
    }
  }
}

/// How a phase stands against what the machine reaches at best.
struct PhaseRoofline {
  std::optional<std::int64_t> bytes, flops;
  std::optional<double> time_ms;
  MetricId gb_per_s, tflop_per_s, ratio;
};

void add_roofline(const PhaseRoofline& phase, record::CellRecord& cell) {
  if (!phase.bytes || !phase.flops || !phase.time_ms || *phase.time_ms <= 0) return;
  const double seconds = *phase.time_ms / 1e3, bytes = static_cast<double>(*phase.bytes), flops = static_cast<double>(*phase.flops);
  cell.metrics.set(phase.gb_per_s, Statistic::kNone, bytes / seconds / 1e9);
  cell.metrics.set(phase.tflop_per_s, Statistic::kNone, flops / seconds / 1e12);
  const record::RooflineFacts& limits = cell.roofline;
  if (!limits.read_limit_gb_per_s || !limits.matmul_limit_tflop_per_s) return;
  const double least_s = std::max(bytes / (*limits.read_limit_gb_per_s * 1e9), flops / (*limits.matmul_limit_tflop_per_s * 1e12));
  cell.metrics.set(phase.ratio, Statistic::kNone, least_s / seconds);
}

void add_rooflines(record::CellRecord& cell) {
  const record::RooflineFacts& r = cell.roofline;
  add_roofline({r.prefill_bytes, r.prefill_flops, cell.metrics.at(MetricId::kPrefillMs, Statistic::kMedian), MetricId::kPrefillGbPerS,
                MetricId::kPrefillTflopPerS, MetricId::kPrefillRooflineRatio},
               cell);
  add_roofline({r.decode_bytes, r.decode_flops, cell.metrics.at(MetricId::kDecodeMs, Statistic::kMedian), MetricId::kDecodeGbPerS,
                MetricId::kDecodeTflopPerS, MetricId::kDecodeRooflineRatio},
               cell);
}

std::optional<std::int64_t> all_clock_reasons(const std::vector<const SampleRecord*>& timed) {
  std::optional<std::int64_t> all;
  for (const SampleRecord* sample : timed) {
    if (!sample->telemetry.gpu) continue;
    for (const auto& bits : sample->telemetry.gpu->clock_reasons) {
      if (bits) all = all.value_or(0) | *bits;
    }
  }
  return all;
}

/// Digest of a repetition: of its sequence, or of its sequences' digests one a line; empty where one has none.
std::string digest_of(const SampleRecord& sample) {
  if (sample.sequences.size() == 1) return sample.sequences.front().output_digest;
  std::string all;
  for (const auto& sequence : sample.sequences) {
    if (sequence.output_digest.empty()) return {};
    all += sequence.output_digest + "\n";
  }
  return all.empty() ? all : sha256_hex(all);
}

void describe_outputs(const std::vector<const SampleRecord*>& timed, record::CellRecord& cell) {
  std::set<std::string> reasons, digests;
  for (const SampleRecord* sample : timed) {
    for (const auto& sequence : sample->sequences) reasons.insert(sequence.stop_reason);
    if (std::string digest = digest_of(*sample); !digest.empty()) digests.insert(std::move(digest));
  }
  cell.stop_reason = reasons.empty() ? "" : reasons.size() == 1 ? *reasons.begin() : "mixed";
  if (cell.settings.prompt_source == "synthetic" || digests.empty()) return;
  cell.output_digest = digest_of(*timed.front());
  cell.output_digests = static_cast<std::int64_t>(digests.size());
}

/// The load of each session's latest worker process, of sessions that brought a sample to the cell.
void find_loads(std::span<const record::LoadRecord> loads, const record::CellKey& key, std::map<std::int64_t, SessionPart>& parts) {
  for (const record::LoadRecord& load : loads) {
    const auto part = parts.find(load.session);
    if (part != parts.end() && load.model.label == key.model && load.status == record::Status::kOk) part->second.load = &load;
  }
}

void set_status(record::CellRecord& cell, const SampleRecord* failed, const KeptSamples& samples) {
  if (cell.status != record::Status::kOk) return;
  if (failed != nullptr) {
    cell.status = record::Status::kFailed;
    cell.failure = failed->failure;
  } else if (samples.kept.empty()) {
    cell.status = record::Status::kFailed;
    cell.failure = {"interrupted", "no timed repetition was finished"};
  } else if (samples.too_many()) {
    cell.status = record::Status::kThrottled;
    cell.failure = {"throttled", fmt::format("{} of {} repetitions ran at lowered clocks, more than can be left out: its values are of all of them",
                                             samples.throttled, samples.kept.size())};
  }
}

}  // namespace

record::CellRecord summarize_cell(record::CellRecord cell, std::span<const SampleRecord> samples, std::span<const record::LoadRecord> loads) {
  std::vector<const SampleRecord*> timed;
  std::map<std::int64_t, SessionPart> parts;
  const SampleRecord* failed = nullptr;
  cell.n_samples = cell.n_failed = cell.n_warmup = 0;
  for (const SampleRecord& sample : samples) {
    if (!(sample.cell == cell.cell)) continue;
    const bool ok = sample.status == record::Status::kOk;
    if (!ok && failed == nullptr) failed = &sample;
    SessionPart& part = parts[sample.session];
    if (sample.phase != record::Phase::kTimed) {
      ++cell.n_warmup;
      if (sample.phase == record::Phase::kCold && ok) part.cold = &sample;
    } else if (!ok) {
      ++cell.n_failed;
    } else {
      timed.push_back(&sample);
    }
  }
  find_loads(loads, cell.cell, parts);
  const KeptSamples kept = keep_unthrottled(timed);
  for (const SampleRecord* sample : kept.kept) parts[sample->session].timed.push_back(sample);
  cell.n_samples = static_cast<std::int64_t>(kept.kept.size());
  cell.n_discarded = static_cast<std::int64_t>(kept.discarded);

  std::vector<MetricValues> all_parts;
  cell.sessions.clear();
  for (const auto& [session, part] : parts) {
    all_parts.push_back(session_values(part, cell));
    if (!part.timed.empty()) cell.sessions.push_back(all_parts.back());
  }
  cell.n_sessions = std::max<std::int64_t>(1, static_cast<std::int64_t>(cell.sessions.size()));
  summarize_metrics(cell.sessions.empty() ? all_parts : cell.sessions, kept.kept, cell);
  add_rooflines(cell);
  describe_outputs(kept.kept, cell);
  if (std::string found = gpu_disturbances(timed); !found.empty()) cell.disturbances = std::move(found);
  if (const auto reasons = all_clock_reasons(timed)) cell.state.gpu_clock_reasons = reasons;
  set_status(cell, failed, kept);
  return cell;
}

}  // namespace qbench::measure
