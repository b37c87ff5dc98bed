#pragma once

#include <cstdint>

namespace qbench::run {

/// Locks what the process has mapped and everything that it will allocate or map from now on: weight files, packed weights, KV cache and
/// workspace. `needed_bytes`: what is expected. Error{kMemory} that names RLIMIT_MEMLOCK when the system does not allow so much.
void lock_process_memory(std::uint64_t needed_bytes);

}  // namespace qbench::run
