#include "quality/rating/rating_record.h"

#include <algorithm>

#include "quality/judge/answer_text.h"
#include "quality/judge/code_block.h"
#include "quality/judge/code_key.h"

namespace qbench::quality {
namespace {

/// What the answer's first block of code says that it is; empty: nothing that is rated.
std::string fenced_language(const std::string& answer) {
  const AnswerText clean = clean_answer(answer);
  for (const CodeBlock& block : find_blocks(clean.text)) {
    if (block.language == "python" || block.language == "typescript" || block.language == "cpp") return block.language;
    if (block.language == "javascript") return "typescript";
  }
  return {};
}

}  // namespace

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
  if (rating.works) out.words.push_back({"works", "yes"});
  out.strengths = rating.strengths;
  out.limitations = rating.limitations;
  for (const ToolUse& tool : rating.tools) out.tools.push_back({tool.name, tool.version, tool.problem});
  return out;
}

std::optional<Correctness> correctness_of(const Verdict& verdict) {
  if (verdict.status == record::TaskStatus::kHarnessError) return std::nullopt;
  return Correctness{verdict.status, verdict.cases_passed, verdict.cases_total, "tests", verdict.detail, 4.9};
}

std::optional<Correctness> correctness_of(const Verdict& verdict, const workload::Task& task) {
  std::optional<Correctness> found = correctness_of(verdict);
  if (found && task.kind == workload::TaskKind::kChecks) {
    Correctness& correctness = *found;
    correctness.unit = "checks";
    // "7 of 9 checks passed; input validated: ...": the count is said by the rating itself.
    const std::size_t end = correctness.detail.find("checks passed");
    if (end != std::string::npos)
      correctness.detail =
          correctness.detail.substr(std::min(correctness.detail.size(), correctness.detail.find_first_not_of("; ", end + 13)));
    correctness.score_limit = score_limit_of_check(std::string_view(correctness.detail).substr(0, correctness.detail.find(':')));
  }
  return found;
}

Verdict judge_task(Judge& judge, const sandbox::Sandbox& sandbox, const workload::Task& task, const std::string& answer) {
  if (task.kind != workload::TaskKind::kChecks) return judge.judge_answer(task, answer);
  const auto files = answer_files(answer, task).files;
  Verdict verdict = verdict_of(check_web_service(sandbox, {}, task, files));
  if (verdict.status != record::TaskStatus::kHarnessError) verdict.behaviour = code_key(files);  // checks return nothing that could agree
  return verdict;
}

Rating rate_prompt_answer(const Rater& rater, const workload::Prompt& prompt, const std::string& answer, const Verdict* verdict) {
  workload::Task task;
  if (prompt.task) {
    task = *prompt.task;
  } else {
    task.id = prompt.id;
    task.language = prompt.language.empty() ? fenced_language(answer) : prompt.language;
  }
  return rater.rate_answer(answer, task, workload::whole_text(prompt), verdict == nullptr ? std::nullopt : correctness_of(*verdict, task));
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
