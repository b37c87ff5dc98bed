#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "backend/cuda/cuda_backend_impl.h"
#include "base/error.h"
#include "cuda_test_device.h"
#include "engine/fed_decode.h"
#include "engine/session.h"
#include "formats/model_file.h"
#include "test_support.h"

namespace qbench::test {
namespace {

using engine::GenerateRequest;
using engine::Generation;
using engine::kStepsAhead;
using engine::StopReason;

const std::vector<std::vector<std::int32_t>> kPrompts{{1, 2, 3, 4, 5}, {90, 80, 70}, {7, 7, 7, 7, 7, 7, 7, 7}};

/// A small model on a new emulated device, with a session whose tokens are picked on the device or on the host.
struct Loaded {
  std::unique_ptr<backend::Backend> device;
  std::unique_ptr<model::Model> decoder;
  std::unique_ptr<engine::Session> session;

  explicit Loaded(bool on_device, const std::string& name = "qwen3", backend::Paths paths = {}, std::int64_t sequences = 3,
                  model::WeightPrecision precision = model::WeightPrecision::kAuto) {
    const auto file = formats::open_model_file(fixtures_dir() / "engine" / name);
    device = make_cuda_device(1, {.paths = paths});
    const model::ModelOptions options{.precision = precision, .max_step_tokens = std::max<std::int64_t>(16, sequences)};
    decoder = model::load_model(*file, *device, options);
    session = std::make_unique<engine::Session>(
        *decoder,
        engine::SessionOptions{
            .context = 48, .sequences = sequences, .kv_dtype = tensor::DType::kF32, .sampling_vocab = 128, .feed_on_device = on_device});
    REQUIRE(session->feeds_on_device() == on_device);
  }
  const backend::QB_CUDA_NAMESPACE::StepGraph& graph() const { return static_cast<backend::QB_CUDA_NAMESPACE::CudaBackend&>(*device).graph(); }
};

GenerateRequest ask(std::vector<std::vector<std::int32_t>> prompts, std::int64_t count) {
  GenerateRequest request;
  request.prompts = std::move(prompts);
  request.max_new_tokens = count;
  request.ignore_eos = true;
  return request;
}

void check_same(const std::vector<Generation>& fed, const std::vector<Generation>& host) {
  REQUIRE(fed.size() == host.size());
  for (std::size_t s = 0; s < fed.size(); ++s) {
    CAPTURE(s);
    CHECK(fed[s].output_ids == host[s].output_ids);
    CHECK(fed[s].stop_reason == host[s].stop_reason);
    CHECK(fed[s].prompt_tokens == host[s].prompt_tokens);
    REQUIRE(fed[s].token_ns.size() == fed[s].output_ids.size());
    CHECK(std::is_sorted(fed[s].token_ns.begin(), fed[s].token_ns.end()));
    CHECK(fed[s].token_ns.front() >= fed[s].prefill_start_ns);
    CHECK(host[s].discarded_tokens == 0);
  }
}

std::string message_of(const std::function<void()>& work, ErrorCode expected) {
  try {
    work();
  } catch (const Error& error) {
    CHECK(error.code() == expected);
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a device that feeds itself gives the tokens that the host's sampler gives, alone and in a batch") {
  Loaded fed(true);
  Loaded host(false);
  std::vector<engine::SamplingParams> kinds{{}};
  kinds.push_back({.temperature = 0.8, .top_k = 30, .top_p = 0.9, .seed = 3});
  kinds.push_back(
      {.temperature = 1.2, .min_p = 0.05, .repetition_penalty = 1.2, .presence_penalty = 0.3, .frequency_penalty = 0.2, .seed = 9});
  kinds.push_back({.repetition_penalty = 1.1, .no_repeat_ngram = 2});
  for (const auto& sampling : kinds) {
    for (const auto& prompts : {std::vector(kPrompts.begin(), kPrompts.begin() + 1), kPrompts}) {
      GenerateRequest request = ask(prompts, 12);
      request.sampling = sampling;
      const auto from_device = fed.session->generate(request);
      check_same(from_device, host.session->generate(request));
      for (const Generation& g : from_device) CHECK(g.discarded_tokens == 0);  // no step is launched past a known end
    }
  }
}

TEST_CASE("a batch of forty feeds itself on tensor cores, and with grouped experts, from one graph") {
  for (const std::string name : {"qwen3", "qwen3moe"}) {
    CAPTURE(name);
    Loaded fed(true, name, {}, 40, model::WeightPrecision::kBF16);
    Loaded host(false, name, {}, 40, model::WeightPrecision::kBF16);
    std::vector<std::vector<std::int32_t>> prompts;
    for (std::int32_t s = 0; s < 40; ++s) prompts.push_back({s, 2 * s + 1, 5, 40 - s});
    const GenerateRequest request = ask(prompts, 8);
    check_same(fed.session->generate(request), host.session->generate(request));
    CHECK(fed.graph().replays() >= 4);
  }
}

TEST_CASE("sequences of a batch stop where each does alone, and what was launched past a stop is counted") {
  Loaded fed(true);
  Loaded host(false);
  GenerateRequest request = ask(kPrompts, 24);
  request.sampling = {.temperature = 1.0, .seed = 4};
  const auto free_run = host.session->generate(request);
  // One sequence ends at its 4th token, one at its 9th; the third has other ids.
  request.ignore_eos = false;
  request.eos_ids = {free_run[0].output_ids[3], free_run[1].output_ids[8]};
  const auto expected = host.session->generate(request);
  const auto stopped = fed.session->generate(request);
  check_same(stopped, expected);
  REQUIRE(stopped[0].stop_reason == StopReason::kEos);
  std::int64_t total = 0;
  for (const Generation& g : stopped) total += g.discarded_tokens;
  CHECK(total > 0);
  // Half of the three have stopped when the second one has: from then on the third runs alone, its steps end where it ends.
  for (const Generation& g : stopped) {
    if (g.stop_reason == StopReason::kMaxTokens) CHECK(g.discarded_tokens == 0);
  }
}

TEST_CASE("an end that only the token tells costs the steps that were launched ahead, for EOS and for a caller that has enough") {
  Loaded fed(true, "qwen3", {}, 1);
  GenerateRequest request = ask({kPrompts[0]}, 24);
  request.sampling = {.temperature = 1.0, .seed = 2};
  const auto free_run = fed.session->generate(request)[0];
  REQUIRE(free_run.output_ids.size() == 24);
  CHECK(free_run.discarded_tokens == 0);
  GenerateRequest to_eos = request;
  to_eos.ignore_eos = false;
  to_eos.eos_ids = {free_run.output_ids[5]};
  const auto at_eos = fed.session->generate(to_eos)[0];
  CHECK(at_eos.stop_reason == StopReason::kEos);
  const auto length = static_cast<std::int64_t>(at_eos.output_ids.size());
  CHECK(at_eos.discarded_tokens == (length == 1 ? 0 : kStepsAhead - 1));
  int seen = 0;
  request.on_token = [&](std::int32_t) { return ++seen < 7; };
  const auto enough = fed.session->generate(request)[0];
  CHECK(enough.stop_reason == StopReason::kInterrupted);
  CHECK(enough.output_ids == std::vector(free_run.output_ids.begin(), free_run.output_ids.begin() + 7));
  CHECK(enough.discarded_tokens == kStepsAhead - 1);
  const std::atomic<bool> cancel{true};
  request.on_token = nullptr;
  request.cancel = &cancel;
  CHECK(fed.session->generate(request)[0].stop_reason == StopReason::kInterrupted);
  request.cancel = nullptr;
  CHECK(fed.session->generate(request)[0].output_ids == free_run.output_ids);  // nothing of the above is left behind
}

TEST_CASE("a generation that fills the context on the device stops there, also where others go on") {
  Loaded fed(true);
  Loaded host(false);
  std::vector<std::vector<std::int32_t>> prompts = kPrompts;
  prompts[0].assign(44, 5);
  const auto full = fed.session->generate(ask(prompts, 30));
  check_same(full, host.session->generate(ask(prompts, 30)));
  CHECK(full[0].stop_reason == StopReason::kContextFull);
  CHECK(full[0].output_ids.size() == 5);
  prompts[0].assign(48, 5);
  check_same(fed.session->generate(ask(prompts, 3)), host.session->generate(ask(prompts, 3)));
}

TEST_CASE("one recorded graph replays at every depth and for the next generation; without graphs the same loop launches kernels") {
  Loaded fed(true, "qwen3", {}, 1);
  const auto ids = fed.session->generate(ask({kPrompts[0]}, 41))[0].output_ids;  // 40 steps
  CHECK(fed.graph().captures() == 1);                                            // the second step; the first was launched kernel by kernel
  CHECK(fed.graph().replays() == 38);
  fed.session->generate(ask({kPrompts[1]}, 11));
  CHECK(fed.graph().captures() == 1);
  CHECK(fed.graph().replays() == 48);
  Loaded plain(true, "qwen3", {.graph = false}, 1);
  CHECK(plain.session->generate(ask({kPrompts[0]}, 41))[0].output_ids == ids);
  CHECK(plain.graph().captures() == 0);
  CHECK(plain.graph().replays() == 0);
}

TEST_CASE("an expert model feeds itself, too") {
  Loaded fed(true, "qwen3moe");
  Loaded host(false, "qwen3moe");
  check_same(fed.session->generate(ask(kPrompts, 10)), host.session->generate(ask(kPrompts, 10)));
}

TEST_CASE("steps that are measured alone go on with what the device picks") {
  Loaded fed(true, "qwen3", {}, 1);
  const auto expected = fed.session->generate(ask({kPrompts[0]}, 6))[0].output_ids;
  const auto loop = fed.decoder->make_token_loop(1);
  const auto cache = fed.decoder->make_cache(1, 48, tensor::DType::kF32);
  const std::vector<std::int32_t> before(kPrompts[0].begin(), kPrompts[0].end() - 1);
  const std::vector<std::int32_t> positions{0, 1, 2, 3}, slots(4, 0);
  fed.decoder->forward({before, positions, slots}, *cache, {}, {});
  const std::vector<std::vector<std::int32_t>> prompts{{5}};
  const std::vector<backend::FedSequence> start{{0, 5, 4}};
  loop->start({}, 128, 48, prompts);
  loop->feed(start);
  fed.decoder->forward_fed(*cache, *loop);
  for (int i = 1; i < 6; ++i) CHECK(loop->repeat_step());
  loop->wait();
  for (std::int64_t i = 0; i < 6; ++i) CHECK(loop->ring().find(0, i) == expected[static_cast<std::size_t>(i)]);
  CHECK_FALSE(loop->ring().find(0, 6));

  const std::vector<std::int32_t> ids(20, 9);
  const std::int64_t replays = fed.graph().replays();
  fed.session->decode(ids, 10, 20);
  CHECK(fed.graph().replays() >= replays + 18);
  CHECK(fed.session->generate(ask({kPrompts[0]}, 6))[0].output_ids == expected);
}

TEST_CASE("a pick that is not possible ends the generation with the host's words, and the next one runs") {
  Loaded fed(true, "qwen3", {}, 1);
  Loaded host(false, "qwen3", {}, 1);
  GenerateRequest request = ask({{}}, 40);
  for (std::int32_t id = 0; id < 40; ++id) request.prompts[0].push_back(id % 2);
  const auto expected = fed.session->generate(ask({kPrompts[0]}, 6))[0].output_ids;
  for (Loaded* side : {&fed, &host}) {
    engine::Session two(*side->decoder,
                        {.context = 48, .kv_dtype = tensor::DType::kF32, .sampling_vocab = 2, .feed_on_device = side == &fed});
    request.sampling.no_repeat_ngram = 1;
    const std::string message = message_of([&] { two.generate(request); }, ErrorCode::kUsage);
    CHECK(message.find("--no-repeat-ngram 1 has banned every token") != std::string::npos);
  }
  CHECK(fed.session->generate(ask({kPrompts[0]}, 6))[0].output_ids == expected);
}

#ifdef QB_CUDA_EMULATED
namespace emulated = kernels::cuda_emulated;

TEST_CASE("a device that is lost at any operation ends the generation with an error of the device, and a new one runs") {
  const auto run = [] {
    const Loaded fed(true, "qwen3", {}, 1);
    return fed.session->generate(ask({kPrompts[0]}, 8))[0].output_ids;
  };
  const std::int64_t before = emulated::operation_count();
  const auto expected = run();
  const std::int64_t operations = emulated::operation_count() - before;
  REQUIRE(operations > 60);
  const std::uint64_t bytes = emulated::allocated_bytes();
  for (std::int64_t n = 1; n <= operations; n += n < operations - 40 ? 5 : 1) {  // all of them where it decodes
    CAPTURE(n);
    emulated::lose_device(n);
    const std::string message = message_of([&] { run(); }, ErrorCode::kDevice);
    emulated::lose_device(0);
    CHECK(message.find("the device is lost") != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
    CHECK(emulated::allocated_bytes() == bytes);
  }
  CHECK(run() == expected);
}
#endif

TEST_CASE("thoughts that are watched are decoded by the host, with the same tokens on both sides") {
  Loaded fed(true);
  Loaded host(false);
  GenerateRequest request = ask(kPrompts, 20);
  request.sampling = {.temperature = 0.9, .seed = 6};
  engine::ThinkingRule rule;
  rule.close_id = 121;
  rule.opened = true;
  rule.closing = {7, 121, 9};
  rule.max_tokens = 5;
  rule.output_temperature = 0.0;
  request.thinking = rule;
  const auto closed = fed.session->generate(request);
  check_same(closed, host.session->generate(request));
  for (const Generation& g : closed) {
    CHECK(g.thought_end == engine::ThoughtEnd::kBudget);
    CHECK(g.thought_tokens == 8);
    CHECK(std::vector(g.output_ids.begin() + 5, g.output_ids.begin() + 8) == rule.closing);
  }
  // The loop is there again for the next request.
  request.thinking.reset();
  check_same(fed.session->generate(request), host.session->generate(request));
}

TEST_CASE("a device that feeds itself reuses prefixes, also after it ran past a stop") {
  Loaded fed(true);
  Loaded plain(true);
  GenerateRequest first = ask(kPrompts, 12);
  const auto free_run = plain.session->generate(first);
  first.reuse_prefix = true;
  first.ignore_eos = false;
  first.eos_ids = {free_run[0].output_ids[5]};
  const auto answers = fed.session->generate(first);
  GenerateRequest second = ask({}, 8);
  for (std::size_t s = 0; s < kPrompts.size(); ++s) {
    auto prompt = kPrompts[s];
    prompt.insert(prompt.end(), answers[s].output_ids.begin(), answers[s].output_ids.end());
    prompt.insert(prompt.end(), {33, 44});
    second.prompts.push_back(std::move(prompt));
  }
  const auto without = plain.session->generate(second);
  second.reuse_prefix = true;
  const auto with = fed.session->generate(second);
  for (std::size_t s = 0; s < kPrompts.size(); ++s) {
    CAPTURE(s);
    CHECK(with[s].output_ids == without[s].output_ids);
    CHECK(with[s].cached_tokens == static_cast<std::int64_t>(second.prompts[s].size()) - 3);
  }
}

}  // namespace qbench::test
