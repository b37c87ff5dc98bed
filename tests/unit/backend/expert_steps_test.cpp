#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "step_cases.h"

namespace qbench::backend {
namespace {

using namespace qbench::test;  // NOLINT: the test's own helpers
using tensor::DType;

constexpr std::int64_t kHidden = 96;
constexpr std::int64_t kFfn = 64;
constexpr std::int64_t kExperts = 12;

struct Experts {
  explicit Experts(DType dtype = DType::kF32) : router(kExperts, kHidden, 50), norm(normal_numbers(kHidden, 51)) {
    for (std::uint64_t e = 0; e < kExperts; ++e) {
      gate.emplace_back(kFfn, kHidden, 100 + e, dtype);
      up.emplace_back(kFfn, kHidden, 200 + e, dtype);
      down.emplace_back(kHidden, kFfn, 300 + e, dtype);
    }
  }
  Weights router;
  std::vector<float> norm;
  std::vector<Weights> gate, up, down;
};

std::vector<float> run(const Experts& experts, const StepDevice& on, int variant, std::int64_t used, bool renormalize, bool fused,
                       const std::vector<std::vector<float>>& steps) {
  const auto device = on.make(variant);
  const auto router = load(*device, {&experts.router});
  const auto norm = device->load_vector(experts.norm);
  std::vector<std::unique_ptr<Matrix>> gate_up;
  std::vector<std::unique_ptr<Matrix>> down;
  struct Both final : tensor::RowSource {
    const Weights* gate = nullptr;
    const Weights* up = nullptr;
    DType dtype() const override { return gate->dtype(); }
    std::int64_t rows() const override { return 2 * kFfn; }
    std::int64_t cols() const override { return kHidden; }
    void read_rows(std::int64_t first, std::int64_t count, std::byte* to) const override {
      const std::int64_t bytes = tensor::row_bytes(dtype(), kHidden);
      for (std::int64_t r = first; r < first + count; ++r) (r < kFfn ? gate : up)->read_rows(r % kFfn, 1, to + (r - first) * bytes);
    }
  };
  for (std::size_t e = 0; e < kExperts; ++e) {
    Both both;
    both.gate = &experts.gate[e];
    both.up = &experts.up[e];
    gate_up.push_back(fused ? load(*device, {&both}) : load(*device, {&experts.gate[e], &experts.up[e]}));
    down.push_back(load(*device, {&experts.down[e]}));
  }
  std::vector<float> all;
  for (const auto& x : steps) {
    OwnedBatch batch;
    batch.add(0, 0, static_cast<std::int32_t>(static_cast<std::int64_t>(x.size()) / kHidden));
    auto padded = x;
    padded.resize(x.size() + kGuard, kCanary);
    const auto buffer = device->load_vector(padded);
    device->begin_step(batch.view());
    device->norm_experts_residual({norm.get(), router.get(), gate_up, down, used, renormalize, 1e-6F}, *buffer);
    device->end_step();
    const auto result = read_guarded(*device, *buffer);
    all.insert(all.end(), result.begin(), result.end());
  }
  return all;
}

/// x + sum of weight down(silu(gate h) up h) for one token. A weight errs by the errors of the logits and the softmax's own. `margin` gets
/// the distance between the last chosen logit and the first one left out, beside the errors of both.
std::vector<Bounded> expect(const Experts& experts, const float* x, std::int64_t used, bool renormalize, double* margin) {
  const auto h = ref_rms_norm(exact(x, kHidden), experts.norm.data(), 1e-6F);
  std::vector<Bounded> logits;
  for (std::int64_t e = 0; e < kExperts; ++e) logits.push_back(ref_dot(experts.router.row(e), h));
  std::vector<std::size_t> order(kExperts);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return logits[a].value > logits[b].value; });
  const Bounded last = logits[order[static_cast<std::size_t>(used - 1)]];
  const Bounded out = logits[order[static_cast<std::size_t>(used)]];
  *margin = (last.value - out.value) / (last.bound + out.bound);
  double total = 0;
  double delta = 0;
  for (std::size_t i = 0; i < kExperts; ++i) {
    if (!renormalize || i < static_cast<std::size_t>(used)) total += std::exp(logits[order[i]].value);
    delta = std::max(delta, logits[i].bound);
  }
  std::vector<Bounded> result = exact(x, kHidden);
  for (std::size_t i = 0; i < static_cast<std::size_t>(used); ++i) {
    const std::size_t e = order[i];
    const double weight = std::exp(logits[e].value) / total;
    const double weight_error = std::expm1(2 * delta) + (kExperts + 30) * kRoundoff;
    std::vector<Bounded> middle;
    for (std::int64_t r = 0; r < kFfn; ++r)
      middle.push_back(ref_silu_mul(ref_dot(experts.gate[e].row(r), h), ref_dot(experts.up[e].row(r), h)));
    for (std::int64_t r = 0; r < kHidden; ++r) {
      const Bounded y = ref_dot(experts.down[e].row(r), middle);
      Bounded& sum = result[static_cast<std::size_t>(r)];
      sum.value += weight * y.value;
      sum.bound +=
          weight * (y.bound + weight_error * std::abs(y.value)) + 2 * kRoundoff * (std::abs(sum.value) + weight * std::abs(y.value));
    }
  }
  return result;
}

TEST_CASE("the experts step equals the formula for one token and for many, renormalised or not") {
  const Experts experts;
  for (const StepDevice& on : step_devices("experts")) {
    CAPTURE(on.name);
    for (const std::int64_t used : {1, 2, 4}) {
      for (const bool renormalize : {false, true}) {
        CAPTURE(used);
        CAPTURE(renormalize);
        std::vector<std::vector<float>> steps;
        for (const std::int64_t tokens : {1, 3, 17, 70})
          steps.push_back(normal_numbers(tokens * kHidden, static_cast<std::uint64_t>(400 + tokens), 2.0));
        const auto actual = run(experts, on, 2, used, renormalize, used == 2, steps);
        std::size_t at = 0;
        int undecided = 0;
        for (const auto& x : steps) {
          for (std::size_t t = 0; t < x.size() / kHidden; ++t, at += kHidden) {
            double margin = 0;
            const auto expected = expect(experts, x.data() + t * kHidden, used, renormalize, &margin);
            if (margin <= 1.0) {
              ++undecided;  // rounding may choose the other expert
              continue;
            }
            CHECK(worst(actual, at, expected) <= 1.0);
          }
        }
        CHECK(undecided <= 1);
      }
    }
  }
}

TEST_CASE("the experts step does not depend on the number of threads or the order of blocks by a single bit") {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0, DType::kInt8, DType::kFP8}) {
    const Experts experts(dtype);
    for (const StepDevice& on : step_devices("experts threads")) {
      CAPTURE(on.name);
      const std::vector<std::vector<float>> steps = {normal_numbers(kHidden, 1), normal_numbers(2 * kHidden, 2),
                                                     normal_numbers(70 * kHidden, 3)};
      const auto one = run(experts, on, 1, 3, true, false, steps);
      for (const int variant : on.variants) {
        const auto many = run(experts, on, variant, 3, true, false, steps);
        REQUIRE(one.size() == 73 * kHidden);
        REQUIRE(many.size() == one.size());
        CHECK(std::memcmp(one.data(), many.data(), one.size() * sizeof(float)) == 0);
      }
    }
  }
}

}  // namespace
}  // namespace qbench::backend
