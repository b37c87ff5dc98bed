#include "backend/cuda/cuda_step_clock.h"

#include <cmath>

namespace qbench::backend::QB_CUDA_NAMESPACE {

void CudaStepClock::record() {
  graph_.submit();
  if (used_ == events_.size()) events_.emplace_back();
  events_[used_++].record(stream_);
}

void CudaStepClock::begin(const char* name) {
  kernels::push_profiler_range(name);
  record();
}

void CudaStepClock::end() {
  record();
  kernels::pop_profiler_range();
}

std::vector<std::int64_t> CudaStepClock::take_ns() {
  std::vector<std::int64_t> stamps_ns;
  if (used_ > 0) events_[used_ - 1].synchronize();
  // Neighbouring events are compared: from the first one on, a float of milliseconds would lose microseconds within seconds.
  for (std::size_t i = 0; times_ && i < used_; ++i) {
    const double step_ms = i == 0 ? 0.0 : static_cast<double>(events_[i].elapsed_ms_since(events_[i - 1]));
    stamps_ns.push_back((i == 0 ? 0 : stamps_ns.back()) + std::llround(step_ms * 1e6));
  }
  used_ = 0;
  return stamps_ns;
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
