#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "kernels/cuda/namespace.h"

/// From a status of the CUDA runtime to one line that says what to do. Pure: needs neither the toolkit nor a GPU.
namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Numbers of cudaError_t, which are part of the runtime's stable interface; runtime_cuda.cu asserts that they are the toolkit's.
enum class Status : int {
  kSuccess = 0,
  kMemoryAllocation = 2,
  kInitialization = 3,
  kStubLibrary = 34,
  kInsufficientDriver = 35,
  kDevicesUnavailable = 46,
  kInvalidDeviceFunction = 98,
  kNoDevice = 100,
  kInvalidDevice = 101,
  kDeviceUninitialized = 201,
  kNoKernelImageForDevice = 209,
  kEccUncorrectable = 214,
  kUnsupportedPtxVersion = 222,
  kOperatingSystem = 304,
  kIllegalAddress = 700,
  kLaunchTimeout = 702,
  kAssert = 710,
  kLaunchFailure = 719,
  kSystemNotReady = 802,
  kSystemDriverMismatch = 803,
  kUnknown = 999,
};

/// What the line is made of, beside the status.
struct StatusContext {
  std::string what;                            ///< the call or the kernel: "cudaSetDevice"
  std::string text;                            ///< the runtime's own words with the status' name: "out of memory (cudaErrorMemoryAllocation)"
  int driver_version = 0;                      ///< as in Survey
  int runtime_version = 0;
  std::string architectures;                   ///< that the binary's kernels were compiled for: "90a 100"
  std::string capability;                      ///< of the device where it is known: "8.0"
  std::optional<std::string> visible_devices;  ///< CUDA_VISIBLE_DEVICES where it is set
};

/// One line: what failed, why, what to do.
std::string explain(int status, const StatusContext& context);
/// kMemory when memory ran out, else kDevice.
ErrorCode code_of(int status) noexcept;
/// Why a binary with kernels for these architectures ("80 90a") cannot use a GPU of that compute capability, and what to do; empty when it can.
/// Machine code runs within its major version, on its own minor version and later ones; with the letter a on its own alone, with f in its
/// family. Source: CUDA C++ programming guide, binary compatibility and feature sets.
std::string why_no_kernels(const std::string& architectures, int capability_major, int capability_minor);
/// No driver or no GPU at all: what any machine without a GPU says.
bool means_absent(int status, int driver_version) noexcept;
/// "13.0" of 13000.
std::string version_text(int version);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
