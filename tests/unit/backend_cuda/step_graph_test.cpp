#include "backend/cuda/cuda_step_graph.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "backend/cuda/cuda_backend.h"
#include "backend/step_cases.h"
#include "engine/golden.h"
#include "engine/session.h"
#include "cuda_test_device.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {
namespace {

using namespace qbench::test;  // NOLINT: the test's own helpers

/// Five launches that each double what the one before left: out = silu(both) * both.
struct Chain {
  kernels::Stream stream;
  std::vector<kernels::DeviceMemory> buffers;
  Chain() {
    for (int i = 0; i < 6; ++i) buffers.emplace_back(2 * sizeof(float));
  }
  void add_to(StepGraph& graph) {
    for (std::size_t i = 0; i < 5; ++i)
      graph.add(kernels::SiluMulArguments{buffers[i].as<float>(), buffers[i + 1].as<float>(), 1, 1, false});
  }
  float run(StepGraph& graph, float start) {
    const float both[2] = {start, 1.5F};
    for (auto& buffer : buffers) copy_to_device(buffer.data(), both, sizeof(both), stream);
    add_to(graph);
    graph.submit();
    float result = 0;
    copy_to_host(&result, buffers.back().data(), sizeof(result), stream);
    stream.synchronize();
    return result;
  }
};

float expected(float x) {
  for (int i = 0; i < 5; ++i) x = x / (1.0F + std::exp(-x)) * 1.5F;
  return x;
}

TEST_CASE("a step's launches that repeat are captured the second time and replayed from the third on") {
  Chain chain;
  StepGraph graph(chain.stream, 4, true);
  for (int step = 0; step < 5; ++step) {
    const auto start = static_cast<float>(step + 1);
    CHECK(std::abs(chain.run(graph, start) - expected(start)) < 1e-5F * start);
    CHECK(graph.replays() == std::max(0, step - 1));
  }
  Chain other;  // other memory: other arguments
  StepGraph again(other.stream, 4, true);
  CHECK(std::abs(other.run(again, 2.0F) - expected(2.0F)) < 1e-5F);
  CHECK(again.replays() == 0);
}

TEST_CASE("launches with other arguments are not replayed, nor any where graphs are off or steps do not repeat") {
  Chain chain;
  StepGraph graph(chain.stream, 4, true);
  for (int i = 0; i < 3; ++i) chain.run(graph, 1.0F);
  CHECK(graph.replays() == 1);
  std::swap(chain.buffers[0], chain.buffers[1]);
  CHECK(std::abs(chain.run(graph, 3.0F) - expected(3.0F)) < 1e-5F);
  CHECK(graph.replays() == 1);
  Chain plain;
  StepGraph off(plain.stream, 4, false);
  for (int i = 0; i < 3; ++i) CHECK(std::abs(plain.run(off, 2.0F) - expected(2.0F)) < 1e-5F);
  CHECK(off.replays() == 0);
  StepGraph prefill(plain.stream, 4, true);
  prefill.begin(false);
  for (int i = 0; i < 3; ++i) plain.run(prefill, 2.0F);
  CHECK(prefill.replays() == 0);
}

TEST_CASE("graphs and early starts of kernels change no token and no logit by a single bit") {
  const auto folder = fixtures_dir() / "engine" / "qwen3moe-mixed";
  const Golden golden = read_golden(folder);
  const auto file = formats::open_model_file(folder);
  std::vector<std::vector<float>> logits;
  std::vector<std::vector<std::int32_t>> tokens;
  for (const CudaOptions& options : {CudaOptions{}, CudaOptions{.paths = {.graph = false}}, CudaOptions{.paths = {.pdl = false}}}) {
    const auto device = make_cuda_device(1, options);
    const auto decoder = model::load_model(*file, *device, {});
    engine::Session session(*decoder, {.context = 128, .kv_dtype = tensor::DType::kBF16});
    engine::GenerateRequest request;
    request.prompts = {golden.greedy_prompt};
    request.max_new_tokens = 12;
    request.ignore_eos = true;
    tokens.push_back(session.generate(request)[0].output_ids);
    auto& all = logits.emplace_back();
    session.score(golden.token_ids, 0, [&](std::int64_t, std::span<const float> row) { all.insert(all.end(), row.begin(), row.end()); });
  }
  REQUIRE(logits[0].size() >= golden.token_ids.size());
  for (std::size_t i = 1; i < logits.size(); ++i) {
    CHECK(tokens[i] == tokens[0]);
    REQUIRE(logits[i].size() == logits[0].size());
    CHECK(std::memcmp(logits[i].data(), logits[0].data(), logits[0].size() * sizeof(float)) == 0);
  }
}

}  // namespace
}  // namespace qbench::backend::QB_CUDA_NAMESPACE
