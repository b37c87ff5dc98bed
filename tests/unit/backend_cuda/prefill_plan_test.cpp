#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "backend/cuda/cuda_backend.h"
#include "base/random.h"
#include "kernels/cuda/emulation/control.h"
#include "model/model.h"
#include "run/step_sizes.h"

namespace qbench::test {
namespace {

namespace emulated = kernels::cuda_emulated;

formats::ModelConfig small_shape(bool experts) {
  formats::ModelConfig c;
  c.architecture = formats::Architecture::kQwen2;
  c.hidden = 128;
  c.layers = 1;
  c.heads = 2;
  c.kv_heads = 1;
  c.head_dim = 64;
  c.vocab = 300;
  c.context = 8192;
  c.qkv_bias = true;
  c.tied_head = true;
  if (experts) {
    c.architecture = formats::Architecture::kQwen3Moe;
    c.qkv_bias = false;
    c.qk_norm = true;
    c.heads = 1;
    c.experts = 8;
    c.experts_used = 2;
    c.expert_ffn = 96;
    c.renormalize_experts = true;
    c.layer_is_dense = {false};
  } else {
    c.ffn = 512;
  }
  return c;
}

struct Prefill {
  std::vector<float> logits;  ///< of the last token
  std::uint64_t device_bytes = 0, weight_bytes = 0, kv_bytes = 0;
};

/// A prompt in chunks of at most so many tokens.
Prefill prefill(const formats::ModelConfig& config, std::int64_t prompt, std::int64_t chunk) {
  emulated::set_emulation({});
  const std::uint64_t before = emulated::allocated_bytes();
  const auto device = backend::cuda_emulated::make_cuda_backend();
  const auto decoder = model::draw_model(config, 3, *device, {.precision = model::WeightPrecision::kBF16, .max_step_tokens = chunk});
  const auto cache = decoder->make_cache(1, prompt, tensor::DType::kBF16);
  Prefill result;
  result.logits.resize(static_cast<std::size_t>(config.vocab));
  Random random(9);
  for (std::int64_t first = 0; first < prompt; first += chunk) {
    const std::int64_t count = std::min(chunk, prompt - first);
    std::vector<std::int32_t> ids, positions(static_cast<std::size_t>(count)), sequences(static_cast<std::size_t>(count), 0);
    for (std::int64_t i = 0; i < count; ++i) ids.push_back(static_cast<std::int32_t>(random.next_below(300)));
    std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(first));
    const bool last = first + count == prompt;
    const std::vector<std::int32_t> rows =
        last ? std::vector<std::int32_t>{static_cast<std::int32_t>(count - 1)} : std::vector<std::int32_t>{};
    decoder->forward({ids, positions, sequences}, *cache, rows, last ? std::span<float>(result.logits) : std::span<float>());
  }
  result.device_bytes = emulated::allocated_bytes() - before;
  result.weight_bytes = decoder->load_report().weight_bytes;
  result.kv_bytes = cache->device_bytes();
  return result;
}

TEST_CASE("the memory that is planned for a prompt's chunks holds what they take, and not much more") {
  for (const bool experts : {false, true}) {
    CAPTURE(experts);
    const formats::ModelConfig config = small_shape(experts);
    constexpr auto kKind = backend::DeviceKind::kCudaEmulated;
    const std::int64_t chunk = run::step_tokens(kKind, config, 1);
    const Prefill one = prefill(config, chunk + 40, chunk);
    const std::uint64_t planned = run::workspace_bytes(kKind, config, 1, chunk + 40);
    const std::uint64_t taken = one.device_bytes - one.weight_bytes - one.kv_bytes;
    CHECK(taken <= planned);
    CHECK(taken > (planned - run::kCudaFixedWorkBytes) / 2);
    for (const float x : one.logits) REQUIRE(std::isfinite(x));
  }
}

TEST_CASE("a prompt's logits do not depend on the size of its chunks, nor does its memory on the number of chunks") {
  const formats::ModelConfig config = small_shape(false);
  const Prefill few = prefill(config, 1100, 1024);
  const Prefill many = prefill(config, 1100, 150);
  double difference = 0, squares = 0;
  for (std::size_t i = 0; i < few.logits.size(); ++i) {
    difference += std::pow(static_cast<double>(few.logits[i] - many.logits[i]), 2);
    squares += std::pow(static_cast<double>(few.logits[i]), 2);
  }
  CHECK(std::sqrt(difference / squares) < 0.02);  // rounding to bfloat16, in another order
  const Prefill longer = prefill(config, 750, 150);
  const auto beside = [](const Prefill& p) { return p.device_bytes - p.kv_bytes; };
  CHECK(beside(many) <= beside(longer) + (std::uint64_t{1} << 20));  // the rotation table grows
}

TEST_CASE("a step holds the whole batch, a chunk of a prompt on CUDA four times what it does on the CPU, of experts eight times") {
  const formats::ModelConfig dense = small_shape(false);
  CHECK(run::step_tokens(backend::DeviceKind::kCpu, dense, 1) == 512);
  CHECK(run::step_tokens(backend::DeviceKind::kCpu, dense, 600) == 600);
  CHECK(run::step_tokens(backend::DeviceKind::kCuda, dense, 64) == 2048);
  CHECK(run::step_tokens(backend::DeviceKind::kCuda, small_shape(true), 64) == 4096);
  CHECK(run::kind_of_device("cuda:3") == backend::DeviceKind::kCuda);
  CHECK(run::kind_of_device("cuda-emulated") == backend::DeviceKind::kCudaEmulated);
  CHECK(run::kind_of_device("auto") == backend::DeviceKind::kCpu);
}

}  // namespace
}  // namespace qbench::test
