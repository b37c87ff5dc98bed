#include "run/study.h"

#include <algorithm>

#include "base/clock.h"
#include "base/error.h"
#include "run/guard.h"

namespace qbench::run {
namespace {

backend::DeviceKind kind_of(const std::string& device) {
  if (device == backend::kEmulatedDevice) return backend::DeviceKind::kCudaEmulated;
  return device.starts_with("cuda") ? backend::DeviceKind::kCuda : backend::DeviceKind::kCpu;
}

bool is_interruption(const record::Failure& failure) { return failure.code == name_of(ErrorCode::kInterrupted); }

/// The opened model for the paths that a pass can switch, and once more for each path that loading decides.
class Ablation {
 public:
  Ablation(const StudySubject& subject, const MakePass& make_pass) : subject_(subject), make_pass_(make_pass) {}

  /// Loads what it needs when its turn comes, so that what does not fit fails there.
  AblationVariant variant(const std::string& name) {
    return {name, [this, name, pass = engine::Pass(), copy = std::shared_ptr<Copy>()](bool watch) mutable {
              backend::Paths paths;
              if (!name.empty()) paths = paths_without(name);
              if (!backend::same_weights(paths, {}) && !copy) copy = load(paths);
              OpenedModel& opened = copy ? *copy->opened : *subject_.opened;
              if (!pass) pass = make_pass_(copy ? *copy->session : *subject_.session);
              return engine::run_with_paths(*opened.device, *opened.model, paths, pass, watch);
            }};
  }

 private:
  struct Copy {
    std::unique_ptr<OpenedModel> opened;
    std::unique_ptr<engine::Session> session;
  };

  backend::Paths paths_without(const std::string& name) const {
    const backend::Backend& device = *subject_.opened->device;
    if (!backend::path_is_on(device.paths_on(), name))
      throw Error(ErrorCode::kUnsupported, "'" + name + "' is off already: " + device.device().name + " does not have it for this model");
    return backend::paths_without(name, device.device().kind, "--ablate");
  }
  std::shared_ptr<Copy> load(const backend::Paths& paths) const {
    DeviceRequest request = subject_.device;
    request.paths = paths;
    request.memory = subject_.opened->device->memory_account();
    auto copy = std::make_shared<Copy>();
    copy->opened = open_model(subject_.opened->ref, *subject_.settings, subject_.session->context(), request, *subject_.devices);
    copy->session = open_session(*copy->opened, *subject_.settings, subject_.session->context(), false);
    return copy;
  }

  const StudySubject& subject_;
  const MakePass& make_pass_;
};

}  // namespace

std::optional<record::Failure> run_study(const StudySubject& subject, const std::function<void()>& work) {
  backend::Backend& device = *subject.opened->device;
  const std::uint64_t peak = device.memory_use().peak;
  subject.session->feed_from_host(true);
  std::optional<record::Failure> failure = run_guarded(work);
  subject.session->feed_from_host(false);
  const std::optional<record::Failure> end = run_guarded([&] { device.forget_study(peak); });
  if (!failure) failure = end;
  if (failure && is_interruption(*failure)) throw Error(ErrorCode::kInterrupted, failure->message);
  return failure;
}

std::vector<std::string> check_ablation(const std::vector<std::string>& names, const std::string& device, const std::string& isa) {
  for (auto name = names.begin(); name != names.end(); ++name) {
    backend::paths_without(*name, kind_of(device), "--ablate");
    if (std::find(names.begin(), name, *name) != name) throw Error(ErrorCode::kUsage, "'" + *name + "' is given twice", "--ablate");
    if (*name == "simd" && isa == "scalar") throw Error(ErrorCode::kUsage, "'simd' is off already: --isa scalar", "--ablate");
  }
  return names;
}

std::vector<record::AblationRow> measure_ablation(const std::vector<AblationVariant>& variants, std::int64_t repetitions, bool times,
                                                  const std::atomic<bool>* cancel) {
  std::vector<record::AblationRow> rows;
  std::vector<bool> failed(variants.size(), false);
  const auto row_of = [&](const AblationVariant& variant, const std::string& phase) -> record::AblationRow& {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.off == variant.off && row.phase == phase; });
    if (found != rows.end()) return *found;
    rows.push_back({});
    rows.back().off = variant.off;
    rows.back().phase = phase;
    return rows.back();
  };
  for (std::int64_t repetition = -1; repetition < repetitions; ++repetition) {  // the first one warms up
    for (std::size_t v = 0; v < variants.size(); ++v) {
      if (failed[v]) continue;
      if (cancel != nullptr && cancel->load()) throw Error(ErrorCode::kInterrupted, "interrupted");
      const auto failure = run_guarded([&] {
        for (const engine::PhaseTime& time : variants[v].run(repetition < 0)) {
          record::AblationRow& row = row_of(variants[v], time.phase);
          row.tokens = time.tokens;
          if (repetition < 0) row.paths = time.paths;
          if (times && repetition >= 0) row.time_ns.push_back(time.time_ns);
        }
      });
      if (!failure) continue;
      const bool ends = variants[v].off.empty() || is_interruption(*failure) || failure->code == name_of(ErrorCode::kDevice);
      if (ends) throw Error(error_code_from_name(failure->code), failure->message);
      failed[v] = true;
      std::erase_if(rows, [&](const auto& row) { return row.off == variants[v].off; });
      record::AblationRow& row = row_of(variants[v], "");
      row.status = record::Status::kFailed;
      row.failure = *failure;
    }
  }
  return rows;
}

record::BreakdownRecord measure_breakdown_record(const StudySubject& subject, const record::CellKey& cell, const MakePass& make_pass) {
  record::BreakdownRecord record;
  record.cell = cell;
  record.started_utc = iso8601_utc(wall_now_ns());
  OpenedModel& opened = *subject.opened;
  const auto failure = run_study(subject, [&] {
    const backend::MachineLimits limits = opened.device->measure_limits();
    record.limits = {limits.read_gbps, limits.copy_gbps, limits.matmul_tflops, std::nullopt};
    if (limits.matmul_tflops) record.limits.matmul_by = limits.matmul_by;
    record.phases = engine::measure_breakdown(*opened.device, *opened.model, make_pass(*subject.session), kBreakdownPasses, subject.cancel);
  });
  return failure ? record::failed_breakdown(cell, record.started_utc, *failure) : record;
}

record::AblationRecord measure_ablation_record(const StudySubject& subject, const record::CellKey& cell, const MakePass& make_pass,
                                               const std::vector<std::string>& names, std::int64_t repetitions) {
  record::AblationRecord record{cell, iso8601_utc(wall_now_ns()), {}};
  const auto failure = run_study(subject, [&] {
    Ablation ablation(subject, make_pass);
    std::vector<AblationVariant> variants{ablation.variant("")};
    for (const std::string& name : names) variants.push_back(ablation.variant(name));
    const bool times = subject.opened->device->device().kind != backend::DeviceKind::kCudaEmulated;
    record.rows = measure_ablation(variants, repetitions, times, subject.cancel);
  });
  return failure ? record::failed_ablation(cell, record.started_utc, *failure) : record;
}

}  // namespace qbench::run
