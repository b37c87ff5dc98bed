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

TEST_CASE("the device's memory is counted by purpose, and a limit ends in an error of memory") {
  const auto folder = fixtures_dir() / "engine" / "qwen3";
  const auto file = formats::open_model_file(folder);
  const Golden golden = read_golden(folder);
  emulated::set_emulation({});
  const std::uint64_t before = emulated::allocated_bytes();
  std::uint64_t peak = 0, weights = 0;
  {
    const auto device = backend::cuda_emulated::make_cuda_backend();
    const auto decoder = model::load_model(*file, *device, {});
    weights = device->memory_use().weights;
    CHECK(weights >= decoder->load_report().weight_bytes);
    CHECK(device->memory_use().kv == 0);
    CHECK(device->memory_use().activations > 0);
    engine::Session session(*decoder, {.context = 64});
    CHECK(device->memory_use().kv == session.kv_bytes());
    const std::uint64_t idle = device->memory_use().workspace;
    engine::GenerateRequest request;
    request.prompts = {golden.greedy_prompt};
    request.max_new_tokens = 4;
    session.generate(request);
    CHECK(device->memory_use().workspace > idle);
    CHECK(device->memory_use().total() <= emulated::allocated_bytes() - before);
    peak = device->memory_use().peak;
    CHECK(peak >= device->memory_use().total());
  }
  CHECK(emulated::allocated_bytes() == before);
  for (const std::uint64_t limit : {weights / 2, weights, peak - 1}) {
    CAPTURE(limit);
    std::optional<ErrorCode> code;
    std::string message;
    try {
      const auto device = backend::cuda_emulated::make_cuda_backend({.memory_limit_bytes = limit});
      const auto decoder = model::load_model(*file, *device, {});
      engine::Session session(*decoder, {.context = 64});
      engine::GenerateRequest request;
      request.prompts = {golden.greedy_prompt};
      request.max_new_tokens = 4;
      session.generate(request);
    } catch (const Error& error) {
      code = error.code();
      message = error.what();
    }
    CHECK(code == ErrorCode::kMemory);
    CHECK(message.find("--vram-limit") != std::string::npos);
    CHECK(emulated::allocated_bytes() == before);
  }
}

/// Loads the model and reads a long prompt. `loaded`: allocations until then.
std::int32_t read_prompt(const formats::ModelFile& file, model::WeightPrecision precision, std::int64_t tokens, std::int64_t* loaded) {
  const std::int64_t before = emulated::allocation_count();
  const auto device = backend::cuda_emulated::make_cuda_backend();
  const auto decoder = model::load_model(file, *device, {.precision = precision, .max_step_tokens = tokens});
  engine::Session session(*decoder, {.context = tokens});
  if (loaded != nullptr) *loaded = emulated::allocation_count() - before;
  engine::GenerateRequest request;
  request.prompts.emplace_back();
  for (std::int64_t t = 0; t < tokens; ++t) request.prompts[0].push_back(static_cast<std::int32_t>(t * 7 % decoder->config().vocab));
  request.max_new_tokens = 1;
  request.ignore_eos = true;
  return session.generate(request)[0].output_ids[0];
}

TEST_CASE("whichever allocation of a long prompt fails, the library's work memory and dequantised tiles included, the prompt ends with an error of memory") {
  const auto file = formats::open_model_file(fixtures_dir() / "engine" / "qwen3");
  emulated::set_emulation({});
  struct Case {
    model::WeightPrecision precision;
    std::int64_t tokens;
  };
  for (const Case& c : {Case{model::WeightPrecision::kBF16, 70}, Case{model::WeightPrecision::kQ8_0, 512}}) {
    CAPTURE(c.tokens);
    const std::int64_t before = emulated::allocation_count();
    std::int64_t loaded = 0;
    const std::int32_t expected = read_prompt(*file, c.precision, c.tokens, &loaded);
    const std::int64_t all = emulated::allocation_count() - before;
    REQUIRE(all - loaded >= 5);
    const std::uint64_t bytes = emulated::allocated_bytes();
    for (std::int64_t n = loaded + 1; n <= all; ++n) {
      CAPTURE(n);
      emulated::fail_allocation(n);
      std::optional<ErrorCode> code;
      try {
        read_prompt(*file, c.precision, c.tokens, nullptr);
      } catch (const Error& error) {
        code = error.code();
      }
      emulated::fail_allocation(0);
      CHECK(code == ErrorCode::kMemory);
      CHECK(emulated::allocated_bytes() == bytes);
    }
    CHECK(read_prompt(*file, c.precision, c.tokens, nullptr) == expected);
  }
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
