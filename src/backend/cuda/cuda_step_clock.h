#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backend/cuda/cuda_step_graph.h"
#include "backend/step_meter.h"
#include "kernels/cuda/runtime.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

/// Events around each step on the stream, and a profiler range with the step's name. Graphs are off while it runs: a graph is one submission,
/// between whose launches nothing can be recorded. Events are kept for the next pass, so that only a first one makes them.
class CudaStepClock final : public StepClock {
 public:
  CudaStepClock(kernels::Stream& stream, StepGraph& graph, bool times) : stream_(stream), graph_(graph), times_(times) {}

  void start() override { graph_.pause(true); }
  void stop() noexcept override { graph_.pause(false); }
  void begin(const char* name) override;
  void end() override;
  std::vector<std::int64_t> take_ns() override;

 private:
  void record();

  kernels::Stream& stream_;
  StepGraph& graph_;
  bool times_;  ///< false: the emulated device, whose times mean nothing
  std::vector<kernels::Event> events_;
  std::size_t used_ = 0;
};

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
