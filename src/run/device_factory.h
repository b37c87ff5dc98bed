#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "backend/backend.h"

namespace qbench::run {

/// What the person asked for.
struct DeviceRequest {
  std::string device = "auto";  ///< "auto", "cpu", "cuda", "cuda:N", "cuda-emulated"
  std::int64_t threads = 0;     ///< host threads that compute; 0: the physical cores that the process may use
  std::string isa;              ///< CPU: "scalar", "avx2", "avx512"; empty: the best there is
  std::uint64_t memory_limit_bytes = 0;  ///< the backend allocates no more; 0: no limit
  backend::Paths paths{};       ///< what is left out on purpose (--ablate)
  std::shared_ptr<MemoryAccount> memory = nullptr;  ///< of another device: both together keep its limit; nullptr: one of its own
};

/// Where devices come from: the command line hands one in, so that nothing here names a concrete backend.
class DeviceFactory {
 public:
  virtual ~DeviceFactory() = default;
  /// Name of the device that the request means ("cpu", "cuda:0"), without starting it. Never another kind than asked for:
  /// Error{kDevice} when it is not there, Error{kUsage} when no such device exists at all.
  virtual std::string resolve(const DeviceRequest& request) const = 0;
  /// Threads that it will compute with.
  virtual std::int64_t threads(const DeviceRequest& request) const = 0;
  /// Memory of the device that a new process may use now, in bytes; nothing when not known.
  virtual std::optional<std::uint64_t> free_memory_bytes(const DeviceRequest& request) const = 0;
  /// What the code of a resolved device runs on, "CUDA 12.8"; empty where there is nothing to say.
  virtual std::string runtime(const std::string&) const { return {}; }
  virtual std::unique_ptr<backend::Backend> make(const DeviceRequest& request) const = 0;
};

}  // namespace qbench::run
