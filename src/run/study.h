#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/pass_study.h"
#include "record/study_records.h"
#include "run/device_factory.h"
#include "run/opened_model.h"

namespace qbench::run {

/// Instrumented passes, and as many plain ones between them.
inline constexpr int kBreakdownPasses = 3;

/// --ablate as it was given, split at commas. Error{kUsage} for a name that the device does not have, listing those it has, one that is given
/// twice, and one that is off already. `device`: as DeviceFactory::resolve names it; `isa`: --isa.
std::vector<std::string> check_ablation(const std::vector<std::string>& names, const std::string& device, const std::string& isa = {});

/// One of several ways to run the same pass.
struct AblationVariant {
  std::string off;  ///< what is left out; empty: nothing
  /// `watch`: the times say which paths ran; such a run is not measured.
  std::function<std::vector<engine::PhaseTime>(bool watch)> run;
};

/// Each variant once to warm up and to see what runs, then all of them in turn, `repetitions` times: a machine that slows down slows all of them
/// down. A variant that fails has one row that says why, the others go on; where the baseline or the device fails, nothing can be compared and
/// the Error is thrown. `times` false: the device's times mean nothing and are left out.
std::vector<record::AblationRow> measure_ablation(const std::vector<AblationVariant>& variants, std::int64_t repetitions, bool times,
                                                  const std::atomic<bool>* cancel = nullptr);

/// What a study runs on. During a study the host feeds the session, also where the device could; afterwards the device holds no more than before.
struct StudySubject {
  OpenedModel* opened;
  engine::Session* session;
  const workload::EffectiveSettings* settings;
  DeviceRequest device;
  const DeviceFactory* devices;
  const std::atomic<bool>* cancel = nullptr;
};
/// Makes the pass that is studied for a session of the model or of a copy of it.
using MakePass = std::function<engine::Pass(engine::Session&)>;

/// Runs work on the opened model that is no part of what is measured: the host feeds the session meanwhile, and memory that it took is forgotten.
/// Whatever it fails of is the study's own and comes back; an interruption is everybody's: Error{kInterrupted}.
std::optional<record::Failure> run_study(const StudySubject& subject, const std::function<void()>& work);

/// The limits and the breakdown of a pass, or why there is none. `cell`: what the record says it is of. Error{kInterrupted} alone is thrown.
record::BreakdownRecord measure_breakdown_record(const StudySubject& subject, const record::CellKey& cell, const MakePass& make_pass);

/// The same pass with each path left out, or why there is none. Copies of the weights that a path needs are loaded for it, charged to the
/// model's account and gone at the end; one that does not fit is a row that says so. Error{kInterrupted} alone is thrown.
record::AblationRecord measure_ablation_record(const StudySubject& subject, const record::CellKey& cell, const MakePass& make_pass,
                                               const std::vector<std::string>& names, std::int64_t repetitions);

}  // namespace qbench::run
