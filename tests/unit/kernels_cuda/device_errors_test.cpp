#include "kernels/cuda/device_errors.h"

#include <doctest/doctest.h>

#include <string>
#include <tuple>

namespace qbench::test {
namespace {

using namespace kernels::QB_CUDA_NAMESPACE;  // NOLINT: the functions under test

StatusContext context(int driver = 13000) {
  return {.what = "cudaSetDevice",
          .text = "what the runtime says (cudaErrorName)",
          .driver_version = driver,
          .runtime_version = 13000,
          .architectures = "90a 120",
          .capability = "8.0",
          .visible_devices = std::nullopt};
}

std::string line(Status status, const StatusContext& c = context()) { return explain(static_cast<int>(status), c); }

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("without a driver the message says so, with an old one it names both versions") {
  CHECK(says(line(Status::kInsufficientDriver, context(0)), "no NVIDIA driver here"));
  CHECK(says(line(Status::kStubLibrary, context(0)), "no NVIDIA driver here"));
  const std::string old = line(Status::kInsufficientDriver, context(12040));
  CHECK(says(old, "supports CUDA 12.4"));
  CHECK(says(old, "needs 13.0"));
  CHECK(says(old, "update the driver"));
}

TEST_CASE("a GPU that the binary has no kernels for is named with what the binary has and how to build for it") {
  const std::string text = line(Status::kNoKernelImageForDevice);
  CHECK(says(text, "sm_90a, sm_120"));
  CHECK(says(text, "compute capability 8.0"));
  CHECK(says(text, "-DQBENCH_CUDA_ARCHITECTURES=80"));
  StatusContext hopper = context();
  hopper.capability = "9.0";
  CHECK(says(line(Status::kInvalidDeviceFunction, hopper), "-DQBENCH_CUDA_ARCHITECTURES=90a"));
  hopper.capability.clear();
  CHECK(says(line(Status::kNoKernelImageForDevice, hopper), "none for this GPU:"));
}

TEST_CASE("code runs on GPUs of its major version from its minor version on, code of a letter a on its own version alone") {
  CHECK(why_no_kernels("90a", 9, 0).empty());
  CHECK(why_no_kernels("80", 8, 6).empty());
  CHECK(why_no_kernels("80", 8, 9).empty());
  CHECK(why_no_kernels("80 90a 100", 10, 3).empty());
  CHECK(why_no_kernels("100f", 10, 3).empty());
  for (const auto& [architectures, major, minor] : {std::tuple<const char*, int, int>{"90a", 8, 0}, {"90a", 9, 1}, {"86", 8, 0}, {"80 90a", 10, 0},
                                                    {"100a", 10, 3}, {"120", 10, 0}, {"100", 12, 0}}) {
    CAPTURE(architectures);
    const std::string text = why_no_kernels(architectures, major, minor);
    CHECK(says(text, "compute capability " + std::to_string(major) + "." + std::to_string(minor)));
    CHECK(says(text, "-DQBENCH_CUDA_ARCHITECTURES="));
  }
  CHECK(says(why_no_kernels("80", 9, 0), "=90a"));
  CHECK(says(why_no_kernels("90a", 10, 3), "=100"));
  CHECK(says(why_no_kernels("90a", 12, 1), "=120"));
}

TEST_CASE("where no GPU is visible the message shows what hides it") {
  CHECK_FALSE(says(line(Status::kNoDevice), "CUDA_VISIBLE_DEVICES"));
  StatusContext hidden = context();
  hidden.visible_devices = "7";
  CHECK(says(line(Status::kNoDevice, hidden), "CUDA_VISIBLE_DEVICES is '7'"));
}

TEST_CASE("only a machine without driver or GPU counts as one without CUDA: all else is a failure that auto must not hide") {
  CHECK(means_absent(static_cast<int>(Status::kNoDevice), 13000));
  CHECK(means_absent(static_cast<int>(Status::kInsufficientDriver), 0));
  CHECK_FALSE(means_absent(static_cast<int>(Status::kInsufficientDriver), 12040));
  CHECK_FALSE(means_absent(static_cast<int>(Status::kInitialization), 13000));
  CHECK_FALSE(means_absent(static_cast<int>(Status::kDevicesUnavailable), 13000));
}

TEST_CASE("every status gives one line, and those that someone can do something about say what") {
  for (int status = 1; status < 1000; ++status) {
    CAPTURE(status);
    const std::string text = explain(status, context());
    CHECK_FALSE(text.empty());
    CHECK(text.find('\n') == std::string::npos);
    CHECK(code_of(status) == (status == 2 ? ErrorCode::kMemory : ErrorCode::kDevice));
  }
  CHECK(says(line(Status::kDevicesUnavailable), "nvidia-smi -c DEFAULT"));
  CHECK(says(line(Status::kIllegalAddress), "process of its own"));
  CHECK(says(line(Status::kUnknown), "has disappeared"));
  CHECK(says(line(Status::kInvalidDevice), "qbench doctor"));
  CHECK(says(explain(12345, context()), "what the runtime says"));
}

}  // namespace
}  // namespace qbench::test
