#include <doctest/doctest.h>

#include "base/error.h"
#include "cli/cuda_devices.h"
#include "cli/devices.h"

using namespace qbench;

namespace {

ErrorCode code_of(const run::DeviceRequest& request) {
  try {
    cli::Devices().resolve(request);
  } catch (const Error& error) {
    return error.code();
  }
  FAIL("no error");
  return ErrorCode::kUsage;
}

}  // namespace

TEST_CASE("auto is the GPU where there is one and else the processor, a GPU that is missing is never something else") {
  const cli::Devices devices;
  const cli::CudaFacts facts = cli::CudaDevice::facts();
  CHECK(facts.gpus.empty() == !facts.missing.empty());
  CHECK(devices.resolve({.device = "cpu", .threads = 0, .isa = ""}) == "cpu");
  CHECK(code_of({.device = "cuda:99", .threads = 0, .isa = ""}) == ErrorCode::kDevice);
  if (facts.gpus.empty()) {
    CHECK(code_of({.device = "cuda", .threads = 0, .isa = ""}) == ErrorCode::kDevice);
    CHECK_FALSE(devices.free_memory_bytes({.device = "cuda", .threads = 0, .isa = ""}));
  } else {
    CHECK(devices.resolve({}) == "cuda:0");
    CHECK(devices.resolve({.device = "cuda", .threads = 0, .isa = ""}) == "cuda:0");
  }
  if (facts.absent) CHECK(devices.resolve({}) == "cpu");
  for (const char* name : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:12345", "CPU"}) {
    CAPTURE(name);
    CHECK(code_of({.device = name, .threads = 0, .isa = ""}) == ErrorCode::kUsage);
  }
  CHECK(code_of({.device = "cpu", .threads = 0, .isa = "mmx"}) == ErrorCode::kUsage);
}

TEST_CASE("the emulated CUDA device is made where the build has it, and is named with the reason where it has not") {
  const run::DeviceRequest request{.device = "cuda-emulated", .threads = 0, .isa = ""};
  const cli::DeviceListing listing = cli::Devices::list().back();
  CHECK(listing.name == "cuda-emulated");
  if (listing.missing.empty()) {
    CHECK(cli::Devices().resolve(request) == "cuda-emulated");
    CHECK(cli::Devices().threads(request) == 1);
    const backend::DeviceInfo info = cli::Devices().make(request)->device();
    CHECK(info.name == "cuda-emulated");
    CHECK(info.kind == backend::DeviceKind::kCudaEmulated);
  } else {
    CHECK(code_of(request) == ErrorCode::kDevice);
  }
}

TEST_CASE("a device can be made with the scalar kernels everywhere") {
  const auto device = cli::Devices().make({.device = "cpu", .threads = 1, .isa = "scalar"});
  CHECK(device->device().threads == 1);
  CHECK(device->device().instruction_sets.find("scalar") != std::string::npos);
}
