#include <algorithm>

#include "base/error.h"
#include "run/cell_runner.h"
#include "run/guard.h"

namespace qbench::run {
namespace {

/// Tokens decoded in each of the many passes of a study: enough for a mean, few enough for a slow device.
constexpr std::int64_t kMostStudyTokens = 32;
constexpr std::int64_t kStudyRepetitions = 5;  // of each path left out, where the cell's own follow a stopping rule

}  // namespace

void CellRunner::measure_studies(const JobCell& cell) {
  if (!job_->breakdown && job_->ablate.empty()) return;
  const StudySubject subject{context_.opened, context_.session, &job_->engine, job_->device, context_.devices, context_.cancel};
  const MakePass make_pass = [&](engine::Session& session) {
    // One token of prefill and one of decode at least, so that both phases have rows.
    engine::GenerateRequest request = make_request(cell.settings, {}, true, std::clamp<std::int64_t>(cell.settings.gen_tokens, 2, kMostStudyTokens));
    request.on_token = nullptr;
    request.prompts = prompts_.prepare({&cell.prompt, 1, {}}, cell.settings).ids;
    return engine::generation_pass(session, std::move(request));
  };
  const auto send = [this](const auto& record) {
    context_.writer->send(record);
    for (const record::StudyFailure& failed : study_failures(record)) {
      study_lost_device_ = study_lost_device_ || failed.failure.code == name_of(ErrorCode::kDevice);
    }
  };
  const auto interrupted = run_guarded([&] {
    if (job_->breakdown) send(measure_breakdown_record(subject, cell.key, make_pass));
    if (!job_->ablate.empty()) send(measure_ablation_record(subject, cell.key, make_pass, job_->ablate,
                                                            cell.repetitions > 0 ? cell.repetitions : kStudyRepetitions));
  });
  cancelled_ = cancelled_ || interrupted.has_value();
}

}  // namespace qbench::run
