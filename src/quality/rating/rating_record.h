#pragma once

#include "quality/judge/judge.h"
#include "quality/rating/rating.h"
#include "quality/rating/web_check.h"
#include "record/records.h"
#include "workload/suite.h"

namespace qbench::quality {

/// Source of a rating's record.
inline constexpr std::string_view kRatingSource = "rating";

/// The rating as a record: values "quality_score", "stars" and the KPIs by name, words "stars_reason", "readiness", "readiness_reason" and
/// "best_use_case", sentences, tools. Cell, session, sample and iteration are the caller's to set. kFailed where nothing could be rated for
/// a reason that is not the answer's.
record::QualityRecord rating_record(const Rating& rating);

std::optional<Correctness> correctness_of(const Verdict& verdict);
/// A judge's verdict on an answer to `task` as the rating takes it; nothing of a harness error.
std::optional<Correctness> correctness_of(const Verdict& verdict, const workload::Task& task);

/// Judges an answer to any task: checks of a web service here, all others by the judge. Safe to use from several threads at once.
Verdict judge_task(Judge& judge, const sandbox::Sandbox& sandbox, const workload::Task& task, const std::string& answer);

/// Rates an answer to a prompt of a suite, with a task or without. `verdict`: the judge's, or nullptr where there is none.
Rating rate_prompt_answer(const Rater& rater, const workload::Prompt& prompt, const std::string& answer, const Verdict* verdict);

/// The report of a task's checks as a verdict. The started service speaks for itself, so it is judged inside.
Verdict verdict_of(const CheckReport& report);

}  // namespace qbench::quality
