#include "measure/cell_summary.h"

#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "measure/gpu_metrics.h"
#include "measure/sample_metrics.h"
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

/// The statistics of every metric of the scope. A metric that only some of the repetitions have is summarised over those.
void summarize_scope(MetricScope scope, const std::vector<MetricValues>& values, record::MetricSummary& out) {
  std::vector<double> sample;
  for (const MetricInfo& info : record::metric_catalog()) {
    if (info.scope != scope) continue;
    sample.clear();
    for (const MetricValues& one : values) {
      if (one[info.id]) sample.push_back(*one[info.id]);
    }
    const stats::Summary summary = stats::summarize(sample);
    for (const Statistic statistic : info.statistics) out.set(info.id, statistic, pick(summary, statistic));
  }
}

void summarize_gaps(const std::vector<const SampleRecord*>& timed, record::MetricSummary& out) {
  std::vector<double> gaps;
  for (const SampleRecord* sample : timed) append_gaps_ms(*sample, gaps);
  constexpr std::array<std::pair<MetricId, double>, 4> kPercentiles{
      {{MetricId::kItlP50Ms, 0.50}, {MetricId::kItlP90Ms, 0.90}, {MetricId::kItlP95Ms, 0.95}, {MetricId::kItlP99Ms, 0.99}}};
  for (const auto& [id, q] : kPercentiles) out.set(id, Statistic::kNone, stats::guarded_quantile(gaps, q));
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

MetricValues values_of(const SampleRecord& sample, const record::CellRecord& cell) {
  MetricValues values = sample_metrics(sample);
  if (cell.settings.prompt_source == "synthetic") {
    values[MetricId::kCharsPerS].reset();
    values[MetricId::kBytesPerToken].reset();
  }
  return values;
}

}  // namespace

record::CellRecord summarize_cell(record::CellRecord cell, std::span<const SampleRecord> samples, const record::LoadRecord* load) {
  std::vector<const SampleRecord*> timed;
  std::vector<MetricValues> values;
  const SampleRecord* cold = nullptr;
  const SampleRecord* failed = nullptr;
  cell.n_samples = cell.n_failed = cell.n_warmup = 0;
  for (const SampleRecord& sample : samples) {
    if (!(sample.cell == cell.cell)) continue;
    const bool ok = sample.status == record::Status::kOk;
    if (!ok && failed == nullptr) failed = &sample;
    if (sample.phase != record::Phase::kTimed) {
      ++cell.n_warmup;
      if (sample.phase == record::Phase::kCold && ok) cold = &sample;
      continue;
    }
    ++(ok ? cell.n_samples : cell.n_failed);
    if (!ok) continue;
    timed.push_back(&sample);
    values.push_back(values_of(sample, cell));
  }
  summarize_scope(MetricScope::kRepetition, values, cell.metrics);
  cell.metrics.set(MetricId::kEnergyJPerToken, Statistic::kMedian, pooled_joules_per_token(timed));
  if (!is_emulated(cell.cell)) summarize_gaps(timed, cell.metrics);
  describe_outputs(timed, cell);
  if (std::string found = gpu_disturbances(timed); !found.empty()) cell.disturbances = std::move(found);

  MetricValues of_load = load != nullptr && !is_emulated(cell.cell) ? load_metrics(*load) : MetricValues{};
  if (cold != nullptr) {
    const MetricValues first = sample_metrics(*cold);
    of_load[MetricId::kFirstRequestTtftMs] = first[MetricId::kTtftMs];
    of_load[MetricId::kFirstRequestE2eMs] = first[MetricId::kE2eMs];
  }
  summarize_scope(MetricScope::kLoad, {of_load}, cell.metrics);

  if (cell.status != record::Status::kOk) return cell;
  if (failed != nullptr) {
    cell.status = record::Status::kFailed;
    cell.failure = failed->failure;
  } else if (timed.empty()) {
    cell.status = record::Status::kFailed;
    cell.failure = {"interrupted", "no timed repetition was finished"};
  }
  return cell;
}

}  // namespace qbench::measure
