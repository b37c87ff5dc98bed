#include <doctest/doctest.h>

#include "backend/cuda/cuda_backend.h"
#include "base/error.h"
#include "engine/golden.h"
#include "engine/session.h"
#include "kernels/cuda/emulation/control.h"
#include "test_support.h"

namespace qbench::test {
namespace {

namespace emulated = kernels::cuda_emulated;

/// Loads the model and generates a few tokens on a new device.
std::vector<std::int32_t> generate(const formats::ModelFile& file, const std::vector<std::int32_t>& prompt) {
  const auto device = backend::cuda_emulated::make_cuda_backend();
  const auto decoder = model::load_model(file, *device, {});
  engine::Session session(*decoder, {.context = 64, .sequences = 2});
  engine::GenerateRequest request;
  request.prompts = {prompt, prompt};
  request.max_new_tokens = 4;
  request.ignore_eos = true;
  request.sampling = {.temperature = 1.0, .repetition_penalty = 1.1, .no_repeat_ngram = 3};  // all that the device's sampler allocates
  return session.generate(request)[0].output_ids;
}

TEST_CASE("whichever allocation of the device fails, the model ends with an error of memory, and the next one runs") {
  const auto folder = fixtures_dir() / "engine" / "qwen3moe-mixed";
  const Golden golden = read_golden(folder);
  const auto file = formats::open_model_file(folder);
  emulated::set_emulation({});
  const std::int64_t before = emulated::allocation_count();
  const auto expected = generate(*file, golden.greedy_prompt);
  const std::int64_t allocations = emulated::allocation_count() - before;
  REQUIRE(allocations > 20);
  REQUIRE(expected.size() == 4);
  const std::uint64_t bytes = emulated::allocated_bytes();
  for (std::int64_t n = 1; n <= allocations; ++n) {
    CAPTURE(n);
    emulated::fail_allocation(n);
    std::optional<ErrorCode> code;
    std::string message;
    try {
      generate(*file, golden.greedy_prompt);
    } catch (const Error& error) {
      code = error.code();
      message = error.what();
    }
    emulated::fail_allocation(0);
    CHECK(code == ErrorCode::kMemory);
    CHECK_FALSE(message.empty());
    CHECK(message.find('\n') == std::string::npos);
    CHECK(emulated::allocated_bytes() == bytes);  // nothing is left behind
  }
  CHECK(generate(*file, golden.greedy_prompt) == expected);
}

}  // namespace
}  // namespace qbench::test
