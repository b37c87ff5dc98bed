#include <algorithm>

#include "base/clock.h"
#include "base/error.h"
#include "run/cell_runner.h"
#include "run/guard.h"

namespace qbench::run {
namespace {

/// Tokens decoded in each of the many passes of a study: enough for a mean, few enough for a slow device.
constexpr std::int64_t kMostStudyTokens = 32;

bool is_interruption(const record::Failure& failure) { return failure.code == name_of(ErrorCode::kInterrupted); }

}  // namespace

void CellRunner::measure_studies(const JobCell& cell) {
  if (!job_->breakdown && job_->ablate.empty()) return;
  const auto failure = run_guarded([&] { run_studies(cell, prompts_.prepare({&cell.prompt, 1, {}}, cell.settings)); });
  if (failure && is_interruption(*failure)) {
    cancelled_ = true;
  } else if (failure) {
    failure_ = failure;  // the baseline itself did not run: the cell's row says so
  }
}

void CellRunner::run_studies(const JobCell& cell, const PreparedPrompt& prompt) {
  // One token of prefill and one of decode at least, so that both phases have rows.
  engine::GenerateRequest request = make_request(cell, {}, true, std::clamp<std::int64_t>(cell.settings.gen_tokens, 2, kMostStudyTokens));
  request.on_token = nullptr;
  request.prompts = prompt.ids;
  if (!study_session_) study_session_ = host_fed_session(*context_.opened, *context_.session, job_->engine);
  engine::Session& own = study_session_ ? *study_session_ : *context_.session;
  const auto make_pass = [&request](engine::Session& session) { return engine::generation_pass(session, request); };
  if (job_->breakdown) {
    const record::BreakdownRecord record = measure_breakdown_record(*context_.opened, cell.key, make_pass(own), context_.cancel);
    if (record.status != record::Status::kOk && is_interruption(record.failure)) throw Error(ErrorCode::kInterrupted, record.failure.message);
    context_.writer->send(record);
  }
  if (job_->ablate.empty()) return;
  if (!ablation_) {
    ablation_.emplace(AblationStudy::Subject{context_.opened, &own, &job_->engine, job_->device, context_.devices}, job_->ablate);
  }
  record::AblationRecord record;
  record.cell = cell.key;
  record.started_utc = iso8601_utc(wall_now_ns());
  record.rows = ablation_->measure(make_pass, cell.repetitions, context_.cancel);
  context_.writer->send(record);
}

}  // namespace qbench::run
