#include <doctest/doctest.h>

#include <algorithm>

#include "backend/cuda/cuda_backend.h"
#include "base/error.h"
#include "engine/quantised.h"
#include "cuda_test_device.h"

namespace qbench::test {
namespace {

std::unique_ptr<backend::Backend> device() { return make_cuda_device(); }

/// Types that the CUDA kernels refuse.
bool refused(const QuantisedCase& c) {
  const std::string name = c.gguf.stem().string();
  return name.ends_with("Q2_K") || name.ends_with("Q3_K_M") || name.ends_with("IQ4_XS");
}

}  // namespace

TEST_CASE("with float32 arithmetic the CUDA device gives transformers' logits on every quantised file's weights") {
  for (const QuantisedCase& c : quantised_cases()) {
    CAPTURE(c.gguf.string());
    CHECK(worst_difference(c, *formats::open_model_file(c.gguf), *device()) < kExactTolerance);
  }
}

TEST_CASE("on the fast path of the CUDA device the error of every quantised file is at most one and a half times llama.cpp's") {
  for (const QuantisedCase& c : quantised_cases()) {
    if (refused(c)) continue;
    for (const std::int64_t step_tokens : {5, 512}) {  // integer products of single tokens; tensor cores
      const double kl = trimmed_kl(c, *formats::open_model_file(c.gguf), *device(), step_tokens);
      CAPTURE(c.gguf.string());
      CAPTURE(c.llama_kl);
      CAPTURE(step_tokens);
      CHECK(kl <= kKlRatio * std::max(c.llama_kl, kKlFloor));
    }
  }
}

TEST_CASE("weights of a type without CUDA kernels are refused by name") {
  int count = 0;
  for (const QuantisedCase& c : quantised_cases()) {
    if (!refused(c)) continue;
    ++count;
    CAPTURE(c.gguf.string());
    std::string message;
    try {
      trimmed_kl(c, *formats::open_model_file(c.gguf), *device());
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kUnsupported);
      message = error.what();
    }
    CHECK(message.find("the CUDA kernels do not read") != std::string::npos);
  }
  CHECK(count == 3);
}

}  // namespace qbench::test
