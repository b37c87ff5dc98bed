#include "engine/phase_costs.h"
#include "run/cell_runner.h"
#include "run/guard.h"
#include "run/study.h"

namespace qbench::run {
namespace {

/// Weights below it may stay in a processor's caches, where the rate of reading memory is no limit; nor is it worth a second to measure it.
constexpr std::int64_t kFewestWeightBytes = std::int64_t{32} << 20;

}  // namespace

/// After the repetitions, so that nothing of it is in them: what their steps cost, and once a process what the machine reaches.
void CellRunner::measure_roofline(const JobCell& cell) {
  const backend::DeviceInfo device = context_.opened->device->device();
  if (device.kind == backend::DeviceKind::kCudaEmulated) return;
  const StudySubject subject{context_.opened, context_.session, &job_->engine, job_->device, context_.devices, context_.cancel};
  const auto count = [&] {
    const PreparedPrompt prompt = prompts_.prepare({&cell.prompt, 1, {}}, cell.settings);
    const engine::PhaseCosts costs = engine::count_phase_costs(*context_.opened->device, *context_.session, prompt.ids, cell.settings.gen_tokens,
                                                               cell.settings.kv_window, cell.settings.kv_sinks);
    roofline_.prefill_bytes = costs.prefill_bytes;
    roofline_.prefill_flops = costs.prefill_flops;
    if (cell.settings.gen_tokens > 1) {
      roofline_.decode_bytes = costs.decode_bytes;
      roofline_.decode_flops = costs.decode_flops;
    }
    if (context_.opened->facts.weight_bytes.value_or(0) < kFewestWeightBytes) return;
    if (!limits_) limits_ = context_.opened->device->measure_limits();
    roofline_.read_limit_gb_per_s = limits_->read_gbps;
    roofline_.matmul_limit_tflop_per_s = limits_->matmul_tflops;
  };
  std::optional<record::Failure> failure;
  const auto interrupted = run_guarded([&] { failure = run_study(subject, count); });
  cancelled_ = cancelled_ || interrupted.has_value();
  // The repetitions are measured and stand; a device that is of no more use needs a new process all the same.
  study_lost_device_ = study_lost_device_ || (failure && failure->code == name_of(ErrorCode::kDevice));
}

}  // namespace qbench::run
