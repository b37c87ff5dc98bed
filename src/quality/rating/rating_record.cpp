#include "quality/rating/rating_record.h"

#include <algorithm>

namespace qbench::quality {

record::QualityRecord rating_record(const Rating& rating) {
  record::QualityRecord out;
  out.source = std::string(kRatingSource);
  if (!rating.stars) {
    out.status = record::Status::kFailed;
    out.failure = {"not_rated", rating.stars_reason};
  }
  out.values.push_back({"quality_score", rating.quality_score, rating.stars_reason});
  out.values.push_back({"stars", rating.stars ? std::optional<double>(*rating.stars) : std::nullopt, rating.stars_reason});
  for (const KpiInfo& info : kpi_catalog()) {
    const KpiValue& value = rating.kpi(info.kpi);
    out.values.push_back({std::string(info.name), value.value, value.evidence});
  }
  out.words.push_back({"language", rating.language});
  out.words.push_back({"stars_reason", rating.stars_reason});
  if (rating.stars) out.words.push_back({"readiness", std::string(name_of(rating.readiness))});
  out.words.push_back({"readiness_reason", rating.readiness_reason});
  out.words.push_back({"best_use_case", rating.best_use_case});
  out.strengths = rating.strengths;
  out.limitations = rating.limitations;
  for (const ToolUse& tool : rating.tools) out.tools.push_back({tool.name, tool.version, tool.problem});
  return out;
}

std::optional<Correctness> correctness_of(const Verdict& verdict) {
  if (verdict.status == record::TaskStatus::kHarnessError) return std::nullopt;
  return Correctness{verdict.status, verdict.cases_passed, verdict.cases_total, "tests", verdict.detail};
}

Verdict verdict_of(const CheckReport& report) {
  Verdict verdict;
  verdict.status = report.status;
  verdict.seconds = report.seconds;
  verdict.detail = report.detail;
  verdict.cases_passed = report.passed();
  verdict.cases_total = static_cast<std::int64_t>(report.checks.size());
  const Check* start = report.checks.empty() ? nullptr : &report.checks.back();
  verdict.judged_inside = start != nullptr && start->name == "starts and answers" && start->result != CheckResult::kUnknown;
  return verdict;
}

}  // namespace qbench::quality
