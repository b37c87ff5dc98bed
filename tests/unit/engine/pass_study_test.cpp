#include "engine/pass_study.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "backend/cpu/cpu_backend.h"
#include "engine/phase_costs.h"
#include "golden.h"
#include "test_support.h"

namespace qbench::test {
namespace {

constexpr std::int64_t kNewTokens = 6;

/// A tiny model with a session, and the breakdown of a generation of it.
struct Study {
  explicit Study(const char* name, std::int64_t sequences = 1, std::int64_t chunk = 512, std::int64_t window = 0) {
    folder = fixtures_dir() / "engine" / name;
    golden = read_golden(folder);
    file = formats::open_model_file(folder);
    device = backend::make_cpu_backend({.threads = 2, .isa = {}, .paths = {}});
    model::ModelOptions options;
    options.max_step_tokens = chunk;
    decoder = model::load_model(*file, *device, options);
    session.emplace(*decoder, engine::SessionOptions{.context = 256, .sequences = sequences, .kv_window = window, .sampling_vocab = golden.tokenizer_size});
    request.prompts.assign(static_cast<std::size_t>(sequences), golden.greedy_prompt);
    request.max_new_tokens = kNewTokens;
    request.ignore_eos = true;
  }
  std::vector<record::BreakdownPhase> measure() {
    return engine::measure_breakdown(*device, *decoder, engine::generation_pass(*session, request), 2);
  }

  std::filesystem::path folder;
  Golden golden;
  std::unique_ptr<formats::ModelFile> file;
  std::unique_ptr<backend::Backend> device;
  std::unique_ptr<model::Model> decoder;
  std::optional<engine::Session> session;
  engine::GenerateRequest request;
};

const record::BreakdownPhase& phase(const std::vector<record::BreakdownPhase>& phases, const std::string& name, bool fused) {
  for (const auto& p : phases) {
    if (p.phase == name && p.fused == fused) return p;
  }
  FAIL("no phase " << name);
  return phases.front();
}

std::map<std::string, record::StepRecord> by_name(const record::BreakdownPhase& phase) {
  std::map<std::string, record::StepRecord> steps;
  for (const auto& step : phase.steps) steps[step.step] = step;
  return steps;
}

}  // namespace

TEST_CASE("a breakdown counts every step of every layer and token, prefill and decode apart, and adds up to its total") {
  Study study("qwen3", 1, 16);
  const std::int64_t layers = study.decoder->config().layers;
  const auto prompt = static_cast<std::int64_t>(study.golden.greedy_prompt.size());
  const std::int64_t chunks = (prompt + 15) / 16;
  const auto phases = study.measure();
  REQUIRE(phases.size() == 4);
  for (const auto& p : phases) {
    CAPTURE(p.phase);
    CAPTURE(p.fused);
    CHECK(p.passes == 2);
    CHECK(p.plain_ns.size() == 2);
    CHECK(p.timed_ns.size() == 2);
    CHECK(p.overhead_ratio().has_value());
    const bool prefill = p.phase == "prefill";
    CHECK(p.tokens == (prefill ? prompt : kNewTokens - 1));
    CHECK(p.paths.find(p.fused ? ", fused," : ", unfused,") != std::string::npos);
    std::int64_t sum = p.rest_ns().value();
    for (const auto& step : p.steps) {
      sum += step.time_ns.value();
      CHECK(step.time_ns.value() >= 0);
    }
    CHECK(sum == p.total_ns().value());
    CHECK(p.rest_ns().value() >= 0);
    const auto steps = by_name(p);
    const std::int64_t runs = 2 * (prefill ? chunks : kNewTokens - 1);
    const std::int64_t heads = 2 * (prefill ? 1 : kNewTokens - 1);
    CHECK(steps.at("embedding").calls == runs);
    CHECK(steps.at("attention").calls == runs * layers);
    CHECK(steps.at("output projection").calls == runs * layers);
    CHECK(steps.at("down projection").calls == runs * layers);
    CHECK(steps.at("copy of logits").calls == heads);
    CHECK(steps.at("sampling").calls == heads);
    if (p.fused) {
      CHECK(steps.at("norm+qkv+rope+append").calls == runs * layers);
      CHECK(steps.at("norm+gate/up+silu").calls == runs * layers);
      CHECK(steps.at("norm+head").calls == heads);
      CHECK(steps.size() == 9);
    } else {
      CHECK(steps.at("norm").calls == runs * 2 * layers + heads);
      for (const char* name : {"qkv", "qk-norm", "rope", "append", "gate/up", "silu"}) CHECK(steps.at(name).calls == runs * layers);
      CHECK(steps.at("head").calls == heads);
      CHECK(steps.size() == 14);
    }
  }
}

TEST_CASE("a breakdown over a windowed cache books every chunk of the prompt as prefill") {
  Study study("qwen3", 1, 512, 32);
  constexpr std::int64_t kPrompt = 200;
  std::vector<std::int32_t> prompt;
  for (std::size_t i = 0; i < kPrompt; ++i) prompt.push_back(study.golden.greedy_prompt[i % study.golden.greedy_prompt.size()]);
  study.request.prompts = {prompt};
  REQUIRE(study.session->chunk() == 64);
  const std::int64_t layers = study.decoder->config().layers;
  for (const auto& p : study.measure()) {
    CAPTURE(p.phase);
    CAPTURE(p.fused);
    CHECK(p.rest_ns().value() >= 0);
    const std::int64_t steps = p.phase == "prefill" ? (kPrompt + 63) / 64 : kNewTokens - 1;
    CHECK(by_name(p).at("embedding").calls == 2 * steps);
    CHECK(by_name(p).at("attention").calls == 2 * steps * layers);
  }
}

TEST_CASE("attention must read each position once for a KV head, however many tokens of the step see it") {
  Study study("llama-untied");
  const auto& c = study.decoder->config();
  const auto prompt = static_cast<std::int64_t>(study.golden.greedy_prompt.size());
  const auto attention = by_name(phase(study.measure(), "prefill", true)).at("attention");
  const std::int64_t cached = 2 * prompt * c.kv_heads * c.head_dim * 2;  // K and V of float16
  const std::int64_t activations = 2 * prompt * c.heads * c.head_dim * 4;
  CHECK(attention.bytes == 2 * c.layers * (cached + activations));
}

TEST_CASE("a breakdown counts the weights' bytes once a token and the products' operations as the shapes have them") {
  Study study("llama-untied");
  const auto& c = study.decoder->config();
  const auto phases = study.measure();
  const auto decode = by_name(phase(phases, "decode", true));
  const std::int64_t steps = 2 * (kNewTokens - 1);
  const std::int64_t qkv_rows = (c.heads + 2 * c.kv_heads) * c.head_dim;
  CHECK(decode.at("norm+qkv+rope+append").flops == steps * c.layers * 2 * qkv_rows * c.hidden);
  CHECK(decode.at("output projection").flops == steps * c.layers * 2 * c.hidden * c.heads * c.head_dim);
  CHECK(decode.at("norm+gate/up+silu").flops == steps * c.layers * 4 * c.ffn * c.hidden);
  CHECK(decode.at("down projection").flops == steps * c.layers * 2 * c.ffn * c.hidden);
  CHECK(decode.at("norm+head").flops == steps * 2 * c.vocab * c.hidden);
  std::int64_t positions = 0;
  const auto prompt = static_cast<std::int64_t>(study.golden.greedy_prompt.size());
  for (std::int64_t i = 0; i < kNewTokens - 1; ++i) positions += prompt + i + 1;
  CHECK(decode.at("attention").flops == 2 * c.layers * 4 * positions * c.heads * c.head_dim);
  std::int64_t bytes = 0;
  for (const auto& [name, step] : decode) bytes += step.bytes;
  // Every weight of the layers and the head is read once a token; norms and activations come on top.
  const auto weights = static_cast<std::int64_t>(study.decoder->load_report().decode_read_bytes);
  CHECK(bytes > steps * weights * 9 / 10);
  CHECK(bytes < steps * weights * 2);
  const auto prefill = by_name(phase(phases, "prefill", true));
  CHECK(prefill.at("down projection").flops == 2 * prompt * c.layers * 2 * c.ffn * c.hidden);
  CHECK(prefill.at("down projection").bytes < 2 * prompt * decode.at("down projection").bytes / steps);
  // Taken apart, the products are the same.
  const auto apart = by_name(phase(phases, "decode", false));
  CHECK(apart.at("qkv").flops == decode.at("norm+qkv+rope+append").flops);
  CHECK(apart.at("gate/up").flops == decode.at("norm+gate/up+silu").flops);
  CHECK(apart.at("head").flops == decode.at("norm+head").flops);
}

TEST_CASE("a breakdown has biases, experts and several sequences, and leaves the model on its device") {
  Study biased("qwen2-tied", 2);
  const auto phases = biased.measure();
  const std::int64_t layers = biased.decoder->config().layers;
  CHECK(by_name(phase(phases, "prefill", false)).at("bias").calls == 2 * 2 * layers);  // one prompt after the other
  CHECK(by_name(phase(phases, "decode", false)).at("bias").calls == 2 * (kNewTokens - 1) * layers);
  CHECK(by_name(phase(phases, "prefill", true)).at("sampling").calls == 2 * 2);
  CHECK(by_name(phase(phases, "decode", true)).at("sampling").calls == 2 * (kNewTokens - 1));
  CHECK(phase(phases, "decode", true).tokens == 2 * (kNewTokens - 1));
  CHECK(biased.session->generate(biased.request)[1].output_ids.size() == kNewTokens);

  Study experts("qwen3moe");
  const auto& c = experts.decoder->config();
  const auto decode = by_name(phase(experts.measure(), "decode", true));
  const auto& step = decode.at("norm+router+experts");
  CHECK(step.calls == 2 * (kNewTokens - 1) * c.layers);
  const std::int64_t products = 2 * c.experts * c.hidden + c.experts_used * 6 * c.expert_ffn * c.hidden;
  const std::int64_t joining = 2 * c.experts_used * c.hidden;
  CHECK(step.flops == 2 * (kNewTokens - 1) * c.layers * (products + joining));
}

TEST_CASE("every path that the CPU can leave out gives transformers' logits and greedy tokens on every committed model") {
  for (const std::string_view off : backend::path_names(backend::DeviceKind::kCpu)) {
    const backend::Paths paths = backend::paths_without(off, backend::DeviceKind::kCpu, "test");
    for (const auto& folder : golden_folders(fixtures_dir() / "engine")) {
      CAPTURE(off);
      CAPTURE(folder.string());
      const Golden golden = read_golden(folder);
      const auto file = formats::open_model_file(folder);
      const auto device = backend::make_cpu_backend({.threads = 2, .isa = {}, .paths = paths});
      CHECK(device->device().paths == backend::describe_paths(paths, backend::DeviceKind::kCpu));
      const GoldenError error = compare_with_golden(golden, *file, *device);
      CHECK(error.worst < 1e-3);
      CHECK(error.same_greedy);
    }
  }
}

TEST_CASE("paths are switched for one pass and are back afterwards") {
  Study study("qwen3");
  const std::string before = study.device->device().paths;
  std::vector<std::string> ran;
  const engine::Pass pass = [&](backend::TimedBackend* timed) {
    CHECK(timed == nullptr);
    ran.push_back(study.device->device().paths);
    study.session->feed(0, 0, study.golden.greedy_prompt);
    return std::vector<engine::PhaseTime>{{"prefill", 1, 1, {}}};
  };
  for (const char* off : {"flash", "fusion"}) {
    engine::run_with_paths(*study.device, *study.decoder, backend::paths_without(off, backend::DeviceKind::kCpu, "test"), pass);
  }
  REQUIRE(ran.size() == 2);
  CHECK(ran[0].starts_with("materialised"));
  study.request.max_new_tokens = 3;
  const auto watched = engine::run_with_paths(*study.device, *study.decoder, backend::paths_without("fusion", backend::DeviceKind::kCpu, "test"),
                                              engine::generation_pass(*study.session, study.request), true);
  REQUIRE(watched.size() == 2);
  for (const auto& time : watched) CHECK(time.paths.find(", unfused, repacked") != std::string::npos);
  CHECK(study.device->device().paths == before);
  const GoldenError error = compare_with_golden(study.golden, *study.file, *study.device);
  CHECK(error.worst < 1e-3);
}

TEST_CASE("the CPU's limits are measured and plausible") {
  const auto device = backend::make_cpu_backend({.threads = 1, .isa = {}, .paths = {}});
  const backend::MachineLimits limits = device->measure_limits();
  REQUIRE(limits.matmul_tflops.has_value());
  CHECK(*limits.matmul_tflops > 0.0);
  CHECK(std::isfinite(*limits.matmul_tflops));
  if (limits.read_gbps) {
    CHECK(*limits.read_gbps > 0.0);
    CHECK(limits.copy_gbps.value() > 0.0);
  } else {
    report_skip("memory probes", "too little memory is free");
  }
}

TEST_CASE("costs counted in a prefill and two steps are those of the whole generation") {
  for (const char* name : {"llama-tied", "qwen3moe"}) {
    for (const std::int64_t sequences : {1, 2}) {
      CAPTURE(name);
      CAPTURE(sequences);
      Study study(name, sequences);
      std::map<std::string, std::pair<double, double>> whole;
      for (const auto& p : study.measure()) {
        if (!p.fused) continue;
        for (const auto& step : p.steps) {
          if (step.step == "copy of logits" || step.step == "sampling") continue;
          whole[p.phase].first += static_cast<double>(step.bytes) / static_cast<double>(p.passes);
          whole[p.phase].second += static_cast<double>(step.flops) / static_cast<double>(p.passes);
        }
      }
      const engine::PhaseCosts costs = engine::count_phase_costs(*study.device, *study.session, study.request.prompts, kNewTokens, 0, 0);
      // All but attention are the same in each step; attention's small part that does not grow with the position is scaled with it.
      CHECK(static_cast<double>(costs.prefill_bytes) == doctest::Approx(whole["prefill"].first).epsilon(0.02));
      CHECK(static_cast<double>(costs.prefill_flops) == doctest::Approx(whole["prefill"].second).epsilon(0.02));
      CHECK(static_cast<double>(costs.decode_bytes) == doctest::Approx(whole["decode"].first).epsilon(0.02));
      CHECK(static_cast<double>(costs.decode_flops) == doctest::Approx(whole["decode"].second).epsilon(0.02));
    }
  }
}

}  // namespace qbench::test
