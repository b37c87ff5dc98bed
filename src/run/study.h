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

/// --ablate as it was given, split at commas. Error{kUsage} for a name that the device does not have, listing those it has, or one that is
/// given twice. `device`: as DeviceFactory::resolve names it.
std::vector<std::string> check_ablation(const std::vector<std::string>& names, const std::string& device);

/// A session of the model's own for studies, where the device feeds the given one itself; nullptr where the host feeds that one, which then
/// serves. Between steps that the host feeds, each can be timed, taken apart and exchanged, and none runs ahead of the pass's end.
std::unique_ptr<engine::Session> host_fed_session(OpenedModel& opened, const engine::Session& session,
                                                  const workload::EffectiveSettings& settings);

/// One of several ways to run the same pass.
struct AblationVariant {
  std::string off;    ///< what is left out; empty: nothing
  std::string paths;  ///< what runs
  std::function<std::vector<engine::PhaseTime>()> run;
};

/// Each variant once to warm up, then all of them in turn, `repetitions` times: a machine that slows down slows all of them down. A variant
/// that fails has one row that says why, the others go on; where the baseline fails, nothing can be compared and its Error is thrown. `times`
/// false: the device's times mean nothing and are left out.
std::vector<record::AblationRow> measure_ablation(const std::vector<AblationVariant>& variants, std::int64_t repetitions, bool times,
                                                  const std::atomic<bool>* cancel = nullptr);

/// The opened model once more for each path that loading decides, and the model itself for the others.
class AblationStudy {
 public:
  struct Subject {
    OpenedModel* opened;
    engine::Session* session;
    const workload::EffectiveSettings* settings;
    DeviceRequest device;
    const DeviceFactory* devices;
  };
  AblationStudy(const Subject& subject, std::vector<std::string> names) : subject_(subject), names_(std::move(names)) {}

  /// The same pass with each path left out; `make_pass` makes it for a session. Copies of the weights are loaded when they are first needed
  /// and kept; one that does not fit is a row that says so. Error{kInterrupted}.
  std::vector<record::AblationRow> measure(const std::function<engine::Pass(engine::Session&)>& make_pass, std::int64_t repetitions,
                                           const std::atomic<bool>* cancel = nullptr);

 private:
  struct Copy {
    std::unique_ptr<OpenedModel> opened;
    std::unique_ptr<engine::Session> session;
  };
  AblationVariant variant(const std::string& name, const std::function<engine::Pass(engine::Session&)>& make_pass);
  Copy& copy_for(const std::string& name, const backend::Paths& paths);

  Subject subject_;
  std::vector<std::string> names_;
  std::vector<std::pair<std::string, Copy>> copies_;
};

/// The limits and the breakdown of a pass, or why there is none. `cell`: what the record says it is of.
record::BreakdownRecord measure_breakdown_record(OpenedModel& opened, const record::CellKey& cell, const engine::Pass& pass,
                                                 const std::atomic<bool>* cancel = nullptr);

}  // namespace qbench::run
