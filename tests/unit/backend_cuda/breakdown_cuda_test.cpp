#include <doctest/doctest.h>

#include <map>

#include "cuda_test_device.h"
#include "engine/golden.h"
#include "engine/pass_study.h"
#include "test_support.h"

namespace qbench::test {
namespace {

std::map<std::string, record::StepRecord> by_name(const record::BreakdownPhase& phase) {
  std::map<std::string, record::StepRecord> steps;
  for (const auto& step : phase.steps) steps[step.step] = step;
  return steps;
}

}  // namespace

TEST_CASE("a breakdown on the emulated device has every step with bytes, operations and launches, and no time") {
  const auto folder = fixtures_dir() / "engine" / "qwen3";
  const Golden golden = read_golden(folder);
  const auto file = formats::open_model_file(folder);
  const auto device = make_cuda_device();
  const auto decoder = model::load_model(*file, *device, {});
  const auto& c = decoder->config();
  engine::Session session(*decoder, {.context = 64, .sampling_vocab = golden.tokenizer_size, .feed_on_device = false});
  const std::vector<std::int32_t> prompt(golden.greedy_prompt.begin(), golden.greedy_prompt.begin() + 5);
  session.feed(0, 0, prompt);
  const auto pass = engine::single_phase_pass("decode", 1, [&] { session.decode({prompt.data(), 1}, 5, 1); });
  const auto phases = engine::measure_breakdown(*device, *decoder, pass, 2);
  REQUIRE(phases.size() == 2);
  for (const auto& phase : phases) {
    CHECK(phase.passes == 2);
    CHECK(phase.plain_ns.empty());
    CHECK(phase.timed_ns.empty());
    CHECK(!phase.total_ns());
    CHECK(!phase.rest_ns());
    CHECK(!phase.overhead_ratio());
    for (const auto& step : phase.steps) {
      CAPTURE(step.step);
      CHECK(!step.time_ns);
      if (step.step != "copy of logits") CHECK(step.bytes > 0);
    }
  }
  const auto fused = by_name(phases[0]);
  const std::int64_t qkv_rows = (c.heads + 2 * c.kv_heads) * c.head_dim;
  CHECK(fused.at("norm+qkv+rope+append").calls == 2 * c.layers);
  CHECK(fused.at("norm+qkv+rope+append").launches == 2 * c.layers);
  CHECK(fused.at("norm+qkv+rope+append").flops == 2 * c.layers * 2 * qkv_rows * c.hidden);
  CHECK(fused.at("attention").flops == 2 * c.layers * 4 * 6 * c.heads * c.head_dim);
  CHECK(fused.at("norm+head").flops == 2 * 2 * c.vocab * c.hidden);
  const auto apart = by_name(phases[1]);
  CHECK(apart.at("qkv").flops == fused.at("norm+qkv+rope+append").flops);
  CHECK(apart.at("qkv").launches >= 2 * c.layers);
  CHECK(apart.at("norm").calls == 2 * (2 * c.layers + 1));
  for (const char* name : {"qk-norm", "rope", "append", "gate/up", "silu", "head"}) CHECK(apart.count(name) == 1);
}

}  // namespace qbench::test
