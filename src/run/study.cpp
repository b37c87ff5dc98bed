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

}  // namespace

std::vector<std::string> check_ablation(const std::vector<std::string>& names, const std::string& device) {
  for (auto name = names.begin(); name != names.end(); ++name) {
    backend::paths_without(*name, kind_of(device), "--ablate");
    if (std::find(names.begin(), name, *name) != name) throw Error(ErrorCode::kUsage, "'" + *name + "' is given twice", "--ablate");
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
    rows.back().paths = variant.paths;
    rows.back().phase = phase;
    return rows.back();
  };
  for (std::int64_t repetition = -1; repetition < repetitions; ++repetition) {  // the first one warms up
    for (std::size_t v = 0; v < variants.size(); ++v) {
      if (failed[v]) continue;
      if (cancel != nullptr && cancel->load()) throw Error(ErrorCode::kInterrupted, "interrupted");
      const auto failure = run_guarded([&] {
        for (const engine::PhaseTime& time : variants[v].run()) {
          record::AblationRow& row = row_of(variants[v], time.phase);
          row.tokens = time.tokens;
          if (times && repetition >= 0) row.time_ns.push_back(time.time_ns);
        }
      });
      if (!failure) continue;
      const bool ends = variants[v].off.empty() || failure->code == name_of(ErrorCode::kInterrupted);
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

std::unique_ptr<engine::Session> host_fed_session(OpenedModel& opened, const engine::Session& session,
                                                  const workload::EffectiveSettings& settings) {
  return session.feeds_on_device() ? open_session(opened, settings, session.context(), false) : nullptr;
}

AblationStudy::Copy& AblationStudy::copy_for(const std::string& name, const backend::Paths& paths) {
  for (auto& [known, copy] : copies_) {
    if (known == name) return copy;
  }
  DeviceRequest request = subject_.device;
  request.paths = paths;
  const std::int64_t context = subject_.session->context();
  Copy copy;
  copy.opened = open_model(subject_.opened->ref, *subject_.settings, context, request, *subject_.devices);
  copy.session = open_session(*copy.opened, *subject_.settings, context, false);
  copies_.emplace_back(name, std::move(copy));
  return copies_.back().second;
}

AblationVariant AblationStudy::variant(const std::string& name, const std::function<engine::Pass(engine::Session&)>& make_pass) {
  OpenedModel& base = *subject_.opened;
  const backend::DeviceKind kind = base.device->device().kind;
  if (name.empty()) return {"", base.device->device().paths, [pass = make_pass(*subject_.session)] { return pass(nullptr); }};
  const backend::Paths paths = backend::paths_without(name, kind, "--ablate");
  if (backend::same_weights(paths, {})) {
    const engine::Pass pass = make_pass(*subject_.session);
    return {name, backend::describe_paths(paths, kind), [&base, paths, pass] { return engine::run_with_paths(*base.device, *base.model, paths, pass); }};
  }
  // Loaded when its turn comes, so that what does not fit fails there.
  return {name, backend::describe_paths(paths, kind), [this, name, paths, make_pass, pass = engine::Pass()]() mutable {
            if (!pass) pass = make_pass(*copy_for(name, paths).session);
            return pass(nullptr);
          }};
}

std::vector<record::AblationRow> AblationStudy::measure(const std::function<engine::Pass(engine::Session&)>& make_pass,
                                                        std::int64_t repetitions, const std::atomic<bool>* cancel) {
  std::vector<AblationVariant> variants{variant("", make_pass)};
  for (const std::string& name : names_) variants.push_back(variant(name, make_pass));
  const bool times = subject_.opened->device->device().kind != backend::DeviceKind::kCudaEmulated;
  return measure_ablation(variants, repetitions, times, cancel);
}

record::BreakdownRecord measure_breakdown_record(OpenedModel& opened, const record::CellKey& cell, const engine::Pass& pass,
                                                 const std::atomic<bool>* cancel) {
  record::BreakdownRecord record;
  record.cell = cell;
  record.started_utc = iso8601_utc(wall_now_ns());
  const auto failure = run_guarded([&] {
    const backend::MachineLimits limits = opened.device->measure_limits();
    record.limits = {limits.read_gbps, limits.copy_gbps, limits.matmul_tflops};
    record.phases = engine::measure_breakdown(*opened.device, *opened.model, pass, kBreakdownPasses, cancel);
  });
  if (failure) {
    record.status = record::Status::kFailed;
    record.failure = *failure;
  }
  return record;
}

}  // namespace qbench::run
