#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "backend/timed_backend.h"
#include "engine/session.h"
#include "record/study_records.h"

namespace qbench::engine {

/// One phase of one pass.
struct PhaseTime {
  std::string phase;                      ///< "prefill", "decode"
  std::int64_t tokens = 0;                ///< fed or generated, all sequences
  std::int64_t time_ns = 0;
  std::vector<backend::StepTotal> steps;  ///< of an instrumented pass, what the host did with the logits included
  std::string paths = {};                 ///< of an instrumented or watched pass: what ran
};

/// Runs some work once and says how long each of its phases took. `timed`: the device that it runs on when it is instrumented or watched, which
/// the pass tells when to start and asks at the end; nullptr when it is neither.
using Pass = std::function<std::vector<PhaseTime>(backend::TimedBackend* timed)>;

/// One phase of work that does not pick tokens.
Pass single_phase_pass(std::string phase, std::int64_t tokens, std::function<void()> work);
/// A generation of fixed length: prefill up to each sequence's first token, then decode. The request is repeated as it is; it must neither
/// stop early nor be cancelled (then Error{kInterrupted}).
Pass generation_pass(Session& session, GenerateRequest request);

/// Where the pass's time goes: as it runs, and with its fused steps taken apart. Instrumented and plain passes in turn, `passes` of each after
/// one that warms up. The model is back on its device afterwards. Error{kInterrupted} when cancel is set, kUnsupported where the device has
/// no stopwatch; what the pass throws.
std::vector<record::BreakdownPhase> measure_breakdown(backend::Backend& device, model::Model& model, const Pass& pass, int passes,
                                                      const std::atomic<bool>* cancel = nullptr);

/// The pass with these paths, on a device whose weights were loaded for them; the paths of before are back afterwards. `watch`: each phase says
/// which paths ran, in a pass that is not measured.
std::vector<PhaseTime> run_with_paths(backend::Backend& device, model::Model& model, const backend::Paths& paths, const Pass& pass,
                                      bool watch = false);

}  // namespace qbench::engine
