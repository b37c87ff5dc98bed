#pragma once

#include <cstdint>

#include "backend/cuda/cuda_step_graph.h"
#include "backend/step_meter.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

struct CudaBatch;

/// Adds what the launch moves and computes, by the cost function beside its launcher. Attention's follows from the batch's positions.
void add_cost(const Operation& operation, const CudaBatch& batch, StepCost& into);

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
