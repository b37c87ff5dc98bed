#include "record/study_records.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace qbench::record {
namespace {

double median(std::vector<std::int64_t> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (static_cast<double>(values[(n - 1) / 2]) + static_cast<double>(values[n / 2])) / 2;
}

}  // namespace

std::optional<std::int64_t> BreakdownPhase::total_ns() const {
  if (timed_ns.empty()) return std::nullopt;
  return std::accumulate(timed_ns.begin(), timed_ns.end(), std::int64_t{0});
}

std::optional<std::int64_t> BreakdownPhase::rest_ns() const {
  std::optional<std::int64_t> rest = total_ns();
  for (const StepRecord& step : steps) {
    if (rest) *rest -= step.time_ns.value_or(0);
  }
  return rest;
}

std::optional<double> BreakdownPhase::overhead_ratio() const {
  if (timed_ns.empty() || plain_ns.empty()) return std::nullopt;
  const double plain = median(plain_ns);
  if (plain <= 0.0) return std::nullopt;
  return median(timed_ns) / plain - 1.0;
}

std::vector<StudyFailure> study_failures(const BreakdownRecord& record) {
  if (record.status == Status::kOk) return {};
  return {{"--breakdown", record.failure}};
}

std::vector<StudyFailure> study_failures(const AblationRecord& record) {
  std::vector<StudyFailure> failures;
  for (const AblationRow& row : record.rows) {
    if (row.status != Status::kOk) failures.push_back({row.off.empty() ? "--ablate" : "--ablate " + row.off, row.failure});
  }
  return failures;
}

BreakdownRecord failed_breakdown(const CellKey& cell, std::string started_utc, const Failure& failure) {
  BreakdownRecord record;
  record.cell = cell;
  record.status = Status::kFailed;
  record.failure = failure;
  record.started_utc = std::move(started_utc);
  return record;
}

AblationRecord failed_ablation(const CellKey& cell, std::string started_utc, const Failure& failure) {
  AblationRow row;
  row.status = Status::kFailed;
  row.failure = failure;
  return {cell, std::move(started_utc), {row}};
}

}  // namespace qbench::record
