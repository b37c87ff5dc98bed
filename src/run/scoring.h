#pragma once

#include <string_view>
#include <vector>

#include "engine/session.h"
#include "run/cell_runner.h"
#include "run/messages.h"
#include "run/opened_model.h"
#include "run/run_options.h"
#include "run/score_job.h"

namespace qbench::run {

/// What each prompt's first answer is scored by, beside its tests: the sources of the quality records. A scorer that is added stands here and
/// in make_scorers (scoring.cpp).
std::vector<std::string_view> scoring_sources(const ScoreOptions& options);

/// The scoring pass in the worker process: opens sandbox and judge, sends a TaskRecord for each attempt and a QualityRecord for each score. A
/// sandbox that cannot be opened makes every answer a harness_error.
void run_scoring(const ScoreJob& job, OpenedModel& opened, engine::Session& session, CellRunner& runner, MessageWriter& writer);

}  // namespace qbench::run
