#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "backend/backend.h"
#include "kernels/cpu/isa.h"

namespace qbench::backend {

struct CpuOptions {
  int threads = 0;                       ///< 0: physical cores in the affinity mask, at most the cgroup's quota
  std::optional<kernels::cpu::Isa> isa;  ///< nothing: the best this processor has
  Paths paths{};                         ///< flash, fusion, repack, simd; simd off is Isa::kScalar
  std::uint64_t memory_limit_bytes = 0;  ///< of what the backend allocates; 0: none
  std::shared_ptr<MemoryAccount> memory = nullptr;  ///< counts it, limit included; nullptr: an account of its own
};

/// Error{kUsage} for absurd threads, Error{kUnsupported} for an instruction set that this processor lacks.
std::unique_ptr<Backend> make_cpu_backend(const CpuOptions& options = {});

/// Threads that option 0 means here.
int default_cpu_threads();

}  // namespace qbench::backend
