#include "kernels/cuda/sampling.h"

#include <optional>

#include "engine/sampler.h"
#include "op_cases.h"
#include "test_support.h"

namespace qbench::test {
using namespace emulated;
using backend::SamplingParams;

namespace {

constexpr std::int64_t kPadding = 5;  // logits of a row that are no ids

SamplingRule rule_of(const SamplingParams& p) {
  return {.inverse_temperature = p.temperature == 0.0 ? 0.0F : p.inverse_temperature(),
          .top_k = p.top_k,
          .top_p = p.top_p,
          .smallest_weight = p.smallest_weight(),
          .penalizes = p.penalizes(),
          .repetition_penalty = p.repetition_penalty,
          .presence_penalty = p.presence_penalty,
          .frequency_penalty = p.frequency_penalty,
          .no_repeat_ngram = p.no_repeat_ngram};
}

/// The device's side of a batch of sequences, with canaries behind what is written.
struct DeviceSampler {
  static constexpr std::int32_t kHistory = 64;
  Stream stream;
  std::int32_t rows, vocab;
  SamplingParams params;
  DeviceMemory states, counts, history, largest, bins, chunks, tickets, slots, ids, positions;
  HostMapped ring;
  std::vector<std::int64_t> picks;

  DeviceSampler(const SamplingParams& params_in, std::int32_t vocab_in, const std::vector<std::vector<std::int32_t>>& prompts)
      : rows(static_cast<std::int32_t>(prompts.size())), vocab(vocab_in), params(params_in), picks(prompts.size(), 0) {
    const auto n = prompts.size();
    const auto v = static_cast<std::size_t>(vocab);
    std::vector<SamplerState> start(n);
    std::vector<std::uint32_t> seen(n * v + kGuard, 0);
    std::vector<std::int32_t> all(n * kHistory, -1);
    std::vector<std::int32_t> numbers(n + kGuard, 7);
    for (std::size_t s = 0; s < n; ++s) {
      start[s] = {random_key(params.seed + s), 0, 0, static_cast<std::int32_t>(prompts[s].size()), 0};
      for (std::size_t i = 0; i < prompts[s].size(); ++i) {
        all[s * kHistory + i] = prompts[s][i];
        seen[s * v + static_cast<std::size_t>(prompts[s][i])] = kInPrompt;
      }
    }
    states = to_device(start, stream);
    counts = to_device(seen, stream);
    history = to_device(all, stream);
    largest = to_device(std::vector<std::uint64_t>(n * (kMostPickBlocks + 1), 0), stream);
    bins = to_device(std::vector<std::uint32_t>(n * sizeof(PickBins) / 4, 0), stream);
    chunks = to_device(std::vector<std::uint32_t>(n * static_cast<std::size_t>(pick_chunks(vocab)), 0), stream);
    tickets = to_device(std::vector<std::uint32_t>(n, 0), stream);
    std::vector<std::int32_t> order(n);
    for (std::size_t s = 0; s < n; ++s) order[s] = static_cast<std::int32_t>(s);
    slots = to_device(order, stream);
    ids = to_device(numbers, stream);
    positions = to_device(numbers, stream);
    ring = HostMapped(n * kRingPicks * sizeof(std::uint64_t));
    std::memset(ring.host(), 0, ring.bytes());
  }

  /// The ids that the host finds in the ring.
  std::vector<std::int32_t> pick_from(const std::vector<float>& logits) {
    const Guarded on_device(logits, stream);
    PickArguments a{};
    a.logits = on_device.data();
    a.stride = vocab + kPadding;
    a.vocab = vocab;
    a.rows = rows;
    a.rule = rule_of(params);
    a.slots = slots.as<std::int32_t>();
    a.states = states.as<SamplerState>();
    a.counts = counts.as<std::uint32_t>();
    a.history = history.as<std::int32_t>();
    a.history_length = kHistory;
    a.largest = largest.as<unsigned long long>();
    a.bins = bins.as<PickBins>();
    a.chunks = chunks.as<unsigned>();
    a.tickets = tickets.as<unsigned>();
    a.ids = ids.as<std::int32_t>();
    a.positions = positions.as<std::int32_t>();
    a.last_position = 1 << 20;
    a.ring = static_cast<unsigned long long*>(ring.device());
    a.ring_slots = rows;
    a.programmatic = true;
    pick(a, stream);
    on_device.read(stream);
    std::vector<std::int32_t> found;
    for (std::int32_t r = 0; r < rows; ++r) {
      const auto row = static_cast<std::size_t>(r);
      const std::uint64_t word = static_cast<const std::uint64_t*>(ring.host())[picks[row]++ % kRingPicks * rows + r];
      REQUIRE((word >> 32) == static_cast<std::uint64_t>(picks[row]));
      found.push_back(static_cast<std::int32_t>(static_cast<std::uint32_t>(word)));
      REQUIRE(to_host<std::int32_t>(ids, stream)[row] == std::max(found.back(), 0));
    }
    const auto moved = to_host<std::int32_t>(positions, stream);
    REQUIRE(moved[0] == 7 + picks[0]);
    for (std::size_t i = static_cast<std::size_t>(rows); i < moved.size(); ++i) REQUIRE(moved[i] == 7);
    return found;
  }
};

/// Rows of hostile logits: ties, infinities, NaN, negative zeros; the padding is the largest.
std::vector<float> hostile_logits(std::int32_t rows, std::int32_t vocab, std::uint64_t seed, double deviation) {
  std::vector<float> logits = normal_numbers(rows * (vocab + kPadding), seed, deviation);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i) % (vocab + kPadding);
    if (at >= vocab) logits[i] = 1e30F;
    if (vocab < 8 || at >= vocab) continue;
    if (at % 11 == 3) logits[i] = std::round(logits[i]);  // ties, zeros of both signs
    if (at % 97 == 5) logits[i] = INFINITY;
    if (at % 97 == 6) logits[i] = -INFINITY;
    if (at % 97 == 7) logits[i] = NAN;
  }
  return logits;
}

std::vector<SamplingParams> all_kinds() {
  std::vector<SamplingParams> kinds;
  kinds.push_back({});
  kinds.push_back({.temperature = 1.0});
  kinds.push_back({.temperature = 0.7, .top_k = 20, .top_p = 0.8});
  kinds.push_back({.temperature = 1.3, .top_p = 0.95});
  kinds.push_back({.temperature = 1.0, .min_p = 0.1});
  kinds.push_back({.temperature = 0.9, .top_k = 5, .top_p = 0.99, .min_p = 0.2});
  kinds.push_back({.temperature = 40.0, .top_k = 3000});
  kinds.push_back({.temperature = 1e-42});
  kinds.push_back({.repetition_penalty = 1.3});
  kinds.push_back({.temperature = 1.0, .repetition_penalty = 1.1, .presence_penalty = 0.5, .frequency_penalty = 0.3});
  kinds.push_back({.no_repeat_ngram = 2});
  kinds.push_back({.temperature = 1.0, .top_k = 50, .repetition_penalty = 0.8, .frequency_penalty = -0.4, .no_repeat_ngram = 3});
  return kinds;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  ///< each thread of a kernel costs ten times as much
#else
constexpr bool kSanitized = false;
#endif
#ifdef __SANITIZE_THREAD__
constexpr bool kThreadSanitized = true;  ///< a drawing block's 512 fibres take gigabytes
#else
constexpr bool kThreadSanitized = false;
#endif

/// True, and counted as skipped, where a case that draws cannot run.
bool skips_drawing(const char* name) {
  if (kThreadSanitized) report_skip(name, "blocks of 512 threads are too much for ThreadSanitizer");
  return kThreadSanitized;
}

}  // namespace

TEST_CASE("the device picks the ids that the host's sampler picks, pick for pick") {
  if (skips_drawing("the device picks the ids that the host's sampler picks, pick for pick")) return;
  for (const std::int32_t vocab : {1, 7, 300, 6000}) {
    if (kSanitized && vocab > 300) continue;  // a minute
    const std::int32_t last = vocab - 1;
    const std::vector<std::vector<std::int32_t>> prompts{{0, last, 0, last / 2}, {last}, {last / 3, last / 3, 0, last / 3, last / 3}};
    for (SamplingParams params : all_kinds()) {
      CAPTURE(vocab);
      CAPTURE(params.temperature);
      CAPTURE(params.top_k);
      CAPTURE(params.top_p);
      if (vocab == 1 && params.no_repeat_ngram > 0) continue;  // everything is banned soon
      const EmulationScope scope(3);
      params.seed = 11;
      DeviceSampler device(params, vocab, prompts);
      std::vector<engine::Sampler> host;
      for (std::size_t s = 0; s < prompts.size(); ++s) {
        SamplingParams own = params;
        own.seed += s;
        host.emplace_back(own, vocab, prompts[s]);
      }
      for (std::uint64_t step = 0; step < 6; ++step) {
        std::vector<float> logits = hostile_logits(3, vocab, 100 * step + 1, step % 2 == 0 ? 3.0 : 0.5);
        const auto picked = device.pick_from(logits);
        for (std::size_t s = 0; s < prompts.size(); ++s) {
          const auto width = static_cast<std::size_t>(vocab + kPadding);
          CHECK(picked[s] == host[s].next(std::span(logits).subspan(s * width, width)));
        }
      }
    }
  }
}

TEST_CASE("the device draws what the host draws among more nearly equal or equal logits than its shared memory holds") {
  const char* const name = "the device draws what the host draws among more nearly equal or equal logits than its shared memory holds";
  if (skips_drawing(name)) return;
  if (kSanitized) return report_skip(name, "takes a minute");
  constexpr std::int32_t kVocab = 5000;
  std::vector<SamplingParams> kinds;
  kinds.push_back({.temperature = 1.0});
  kinds.push_back({.temperature = 0.7, .top_p = 0.9});
  kinds.push_back({.temperature = 0.7, .top_k = 4000, .top_p = 0.6, .min_p = 0.9});
  kinds.push_back({.temperature = 100.0, .top_k = 4999});
  for (const double deviation : {0.0, 1e-6, 1e-3, 0.02}) {
    for (SamplingParams params : kinds) {
      CAPTURE(deviation);
      CAPTURE(params.temperature);
      CAPTURE(params.top_k);
      const EmulationScope scope(9);
      params.seed = 21;
      DeviceSampler device(params, kVocab, {{0}});
      engine::Sampler host(params, kVocab, std::vector<std::int32_t>{0});
      for (std::uint64_t step = 0; step < 3; ++step) {
        std::vector<float> logits = normal_numbers(kVocab + kPadding, 7 + step, deviation);
        for (std::size_t i = 0; i < logits.size(); i += 1000) logits[i] += 3.0F;  // a few stand out
        const auto picked = device.pick_from(logits);
        CHECK(picked[0] == host.next(logits));
      }
      for (const std::uint32_t word : to_host<std::uint32_t>(device.bins, device.stream)) REQUIRE(word == 0);
    }
  }
}

TEST_CASE("one seed draws the same ids on the device in whatever order blocks and threads run") {
  if (skips_drawing("one seed draws the same ids on the device in whatever order blocks and threads run")) return;
  const SamplingParams params{.temperature = 1.5, .top_p = 0.9};
  std::vector<std::vector<std::int32_t>> runs;
  for (const std::uint64_t seed : {1, 2, 3}) {
    const EmulationScope scope(seed);
    DeviceSampler device(params, 9000, {{1}, {2}});
    auto& run = runs.emplace_back();
    for (std::uint64_t step = 0; step < 3; ++step) {
      const auto picked = device.pick_from(normal_numbers(2 * 9005, step + 1));
      run.insert(run.end(), picked.begin(), picked.end());
    }
  }
  CHECK(runs[1] == runs[0]);
  CHECK(runs[2] == runs[0]);
}

TEST_CASE("the device draws each id with its softmax probability") {
  if (skips_drawing("the device draws each id with its softmax probability")) return;
  const EmulationScope scope(1);
  const std::vector<float> row{0.0F, 1.0F, 2.0F, -1.0F, 1e30F, 1e30F, 1e30F, 1e30F, 1e30F};
  DeviceSampler device({.temperature = 1.0, .seed = 5}, 4, {{0}});
  constexpr int kDraws = kSanitized ? 200 : 4000;
  std::vector<double> share(4, 0.0);
  for (int i = 0; i < kDraws; ++i) share[static_cast<std::size_t>(device.pick_from(row)[0])] += 1.0 / kDraws;
  double total = 0.0;
  for (std::size_t i = 0; i < 4; ++i) total += std::exp(static_cast<double>(row[i]));
  for (std::size_t i = 0; i < 4; ++i) {
    const double p = std::exp(static_cast<double>(row[i])) / total;
    CHECK(std::abs(share[i] - p) < 5.0 * std::sqrt(p * (1.0 - p) / kDraws));  // five standard errors
  }
}

TEST_CASE("where no id can be picked the device says which of the two reasons holds, and goes on") {
  if (skips_drawing("where no id can be picked the device says which of the two reasons holds, and goes on")) return;
  const EmulationScope scope(1);
  for (const double temperature : {0.0, 1.0}) {
    DeviceSampler banning({.temperature = temperature, .no_repeat_ngram = 1}, 2, {{0, 1}});
    CHECK(banning.pick_from({1, 2, 9, 9, 9, 9, 9})[0] == kAllBanned);
    CHECK(banning.pick_from({NAN, INFINITY, 9, 9, 9, 9, 9})[0] == kNoFiniteLogit);
    DeviceSampler plain({.temperature = temperature}, 2, {{0}});
    CHECK(plain.pick_from({NAN, -INFINITY, 9, 9, 9, 9, 9})[0] == kNoFiniteLogit);
    CHECK(plain.pick_from({NAN, -1e30F, 9, 9, 9, 9, 9})[0] == 1);
  }
}

TEST_CASE("a position does not pass the last one that the cache has") {
  const EmulationScope scope(1);
  DeviceSampler device({}, 2, {{0}});
  CHECK(device.pick_from({1, 2, 9, 9, 9, 9, 9})[0] == 1);
  std::vector<std::int32_t> far(1 + kGuard, 7);
  far[0] = 999;
  device.positions = to_device(far, device.stream);
  device.picks[0] = 0;  // of the ring's word
  fill_zero(device.states.data(), device.states.bytes(), device.stream);
  const Guarded logits({1, 2, 9, 9, 9, 9, 9}, device.stream);
  for (int i = 0; i < 3; ++i) {
    PickArguments a{};
    a.logits = logits.data();
    a.stride = 7;
    a.vocab = 2;
    a.rows = 1;
    a.slots = device.slots.as<std::int32_t>();
    a.states = device.states.as<SamplerState>();
    a.largest = device.largest.as<unsigned long long>();
    a.tickets = device.tickets.as<unsigned>();
    a.ids = device.ids.as<std::int32_t>();
    a.positions = device.positions.as<std::int32_t>();
    a.last_position = 1000;
    a.ring = static_cast<unsigned long long*>(device.ring.device());
    a.ring_slots = 1;
    pick(a, device.stream);
  }
  CHECK(to_host<std::int32_t>(device.positions, device.stream)[0] == 1000);
}

TEST_CASE("the cost of a pick counts the logits it reads") {
  PickArguments a{};
  a.rows = 2;
  a.vocab = 1000;
  CHECK(pick_cost(a).bytes == 8000);
  a.rule.inverse_temperature = 1.0F;
  a.rule.top_p = 1.0;
  constexpr std::uint64_t kCleared = 2 * 4096 * 12;  // 2 rows, 4,096 bins
  constexpr std::uint64_t kCounts = 2 * 4096 * 4;
  constexpr std::uint64_t kScan = 2 * 4096 * 16;  // what all add up to, then where the target is passed
  CHECK(pick_cost(a).bytes == 16000 + kCleared + kCounts + kScan);
  a.rule.top_p = 0.9;
  CHECK(pick_cost(a).bytes == 16000 + kCleared + kCounts + 2 * kScan);
  CHECK(pick_cost(a).bytes == pick_largest_cost(a).bytes + pick_draw_cost(a).bytes);
}

}  // namespace qbench::test
