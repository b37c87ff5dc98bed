#include <algorithm>

#include "kernels/cuda/expert_groups.h"
#include "op_cases.h"

namespace qbench::test {

TEST_CASE("silu_mul equals silu(gate) up for sizes around a block, also where exp overflows") {
  for (const std::int32_t rows : {1, 255, 256, 300}) {
    emulated::Stream stream;
    constexpr std::int32_t kTokens = 3;
    std::vector<float> both = normal_numbers(std::int64_t{kTokens} * 2 * rows, 1, 4.0);
    both[0] = -200.0F;  // exp(200) is not a float
    both[static_cast<std::size_t>(2 * rows)] = 200.0F;
    const auto device = to_device(both, stream);
    const Guarded out(std::vector<float>(static_cast<std::size_t>(kTokens * rows), kCanary), stream);
    emulated::silu_mul({device.as<float>(), out.data(), rows, kTokens, true}, stream);
    const auto actual = out.read(stream);
    for (std::int32_t t = 0; t < kTokens; ++t) {
      for (std::int32_t r = 0; r < rows; ++r) {
        const auto gate = static_cast<double>(both[static_cast<std::size_t>(2 * t * rows + r)]);
        const auto up = static_cast<double>(both[static_cast<std::size_t>((2 * t + 1) * rows + r)]);
        const double expected = gate / (1 + std::exp(-gate)) * up;
        CHECK(std::abs(static_cast<double>(actual[static_cast<std::size_t>(t * rows + r)]) - expected) <= 8 * kRoundoff * std::abs(expected) + 1e-37);
      }
    }
  }
}

TEST_CASE("combine_slots adds each token's weighted rows, wherever grouping put them") {
  emulated::Stream stream;
  constexpr std::int32_t kTokens = 5, kUsed = 3, kHidden = 300;
  const auto rows = normal_numbers(kTokens * kUsed * kHidden, 1), weights = normal_numbers(kTokens * kUsed, 2);
  const auto start = normal_numbers(kTokens * kHidden, 3);
  std::vector<std::int32_t> row_of_slot;
  for (std::int32_t s = 0; s < kTokens * kUsed; ++s) row_of_slot.push_back((s * 7 + 4) % (kTokens * kUsed));  // 7 and 15 have no common divisor
  const auto device_rows = to_device(rows, stream), device_weights = to_device(weights, stream);
  const auto device_slots = to_device(row_of_slot, stream);
  const Guarded x(start, stream);
  emulated::combine_slots({device_rows.as<float>(), device_slots.as<std::int32_t>(), device_weights.as<float>(), kTokens, kUsed, kHidden, x.data(), true},
                          stream);
  const auto actual = x.read(stream);
  double worst = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const std::size_t token = i / kHidden, d = i % kHidden;
    double value = static_cast<double>(start[i]), sum = std::abs(value);
    for (std::size_t s = 0; s < kUsed; ++s) {
      const std::size_t slot = token * kUsed + s;
      const double term = static_cast<double>(weights[slot]) * static_cast<double>(rows[static_cast<std::size_t>(row_of_slot[slot]) * kHidden + d]);
      value += term;
      sum += std::abs(term);
    }
    worst = std::max(worst, std::abs(static_cast<double>(actual[i]) - value) / (8 * kRoundoff * sum));
  }
  CHECK(worst < 1);
  CHECK(worst > 0);
}

}  // namespace qbench::test
