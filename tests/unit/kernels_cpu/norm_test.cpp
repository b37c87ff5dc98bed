#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernel_cases.h"
#include "kernels/cpu/elementwise.h"

namespace qbench::kernels::cpu {
namespace {

using test::GuardedNumbers;
using test::kRoundoff;
using test::normal_numbers;

const std::vector<std::size_t> kLengths = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 96, 448, 576, 1000};

double silu(double x) { return x / (1.0 + std::exp(-x)); }

TEST_CASE("rms_norm divides by the root mean square and multiplies by the weight, for every length") {
  for (const Isa isa : test::available_isas("rms_norm")) {
    CAPTURE(name_of(isa));
    for (const std::size_t n : kLengths) {
      for (const double deviation : {1e-4, 1.0, 300.0}) {
        CAPTURE(n);
        const auto x = normal_numbers(n, n, deviation);
        const auto weight = normal_numbers(n, n + 1);
        GuardedNumbers to(n);
        const float eps = 1e-6F;
        elementwise_kernels(isa).rms_norm(x.data(), weight.data(), eps, static_cast<std::int64_t>(n), to.data());
        double squares = 0;
        for (const float v : x) squares += static_cast<double>(v) * v;
        const double scale = 1.0 / std::sqrt(squares / static_cast<double>(n) + static_cast<double>(eps));
        // The sum of squares of n terms errs by at most n roundoffs relative, its root by half; division, root, eps and two products add 5.
        const double bound = (0.5 * static_cast<double>(n) + 6) * kRoundoff;
        for (std::size_t i = 0; i < n; ++i) {
          const double expected = static_cast<double>(weight[i]) * (x[i] * scale);
          CHECK(std::abs(to[i] - expected) <= bound * std::abs(expected) + 1e-44);
        }
        CHECK(to.guards_intact());
      }
    }
  }
}

TEST_CASE("rms_norm may write over its input and keeps NaN") {
  for (const Isa isa : test::available_isas("rms_norm in place")) {
    auto x = normal_numbers(50, 5);
    const auto weight = normal_numbers(50, 6);
    std::vector<float> apart(50);
    elementwise_kernels(isa).rms_norm(x.data(), weight.data(), 1e-5F, 50, apart.data());
    elementwise_kernels(isa).rms_norm(x.data(), weight.data(), 1e-5F, 50, x.data());
    CHECK(x == apart);
    x[20] = std::numeric_limits<float>::quiet_NaN();
    elementwise_kernels(isa).rms_norm(x.data(), weight.data(), 1e-5F, 50, x.data());
    CHECK(std::isnan(x[0]));
  }
}

TEST_CASE("exp is within two units in the last place, 0 far below, large far above, NaN for NaN") {
  for (const Isa isa : test::available_isas("exp")) {
    CAPTURE(name_of(isa));
    double worst_ulp = 0;
    std::vector<float> x;
    for (double v = -87.2; v < 88.2; v += 1.0 / 1021) x.push_back(static_cast<float>(v));
    for (double v = -1e-3; v < 1e-3; v += 1e-6) x.push_back(static_cast<float>(v));
    auto y = x;
    elementwise_kernels(isa).exp(y.data(), static_cast<std::int64_t>(y.size()));
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double expected = std::exp(static_cast<double>(x[i]));
      const double ulp = std::ldexp(1.0, std::ilogb(expected) - 23);
      worst_ulp = std::max(worst_ulp, std::abs(y[i] - expected) / ulp);
    }
    MESSAGE(name_of(isa) << ": largest error of exp " << worst_ulp << " ulp");
    CHECK(worst_ulp <= 2.0);
    float special[] = {0.0F,
                       -0.0F,
                       -88.0F,
                       -1e30F,
                       -std::numeric_limits<float>::infinity(),
                       89.0F,
                       std::numeric_limits<float>::infinity(),
                       std::numeric_limits<float>::quiet_NaN()};
    elementwise_kernels(isa).exp(special, 8);
    CHECK(special[0] == 1.0F);
    CHECK(special[1] == 1.0F);
    CHECK(special[2] == 0.0F);
    CHECK(special[3] == 0.0F);
    CHECK(special[4] == 0.0F);
    CHECK(special[5] > 1e38F);
    CHECK(special[6] > 1e38F);
    CHECK(std::isnan(special[7]));
  }
}

TEST_CASE("silu_mul is gate times sigmoid of gate times up, for every length and large arguments") {
  for (const Isa isa : test::available_isas("silu_mul")) {
    CAPTURE(name_of(isa));
    for (const std::size_t n : kLengths) {
      CAPTURE(n);
      auto gate = normal_numbers(n, 10 + n, 20.0);
      const auto up = normal_numbers(n, 20 + n);
      if (n > 4) {
        gate[0] = 120.0F;
        gate[1] = -120.0F;
        gate[2] = 0.0F;
        gate[3] = -85.0F;
      }
      GuardedNumbers to(n);
      elementwise_kernels(isa).silu_mul(gate.data(), up.data(), static_cast<std::int64_t>(n), to.data());
      for (std::size_t i = 0; i < n; ++i) {
        const double expected = silu(gate[i]) * up[i];
        // exp 2 ulp = 4 roundoffs, then three operations; below 1e-35 the exponential is clamped
        CHECK(std::abs(to[i] - expected) <= 8 * kRoundoff * std::abs(expected) + 1e-34);
      }
      CHECK(to.guards_intact());
    }
  }
}

TEST_CASE("add and add_scaled add every number and nothing else") {
  for (const Isa isa : test::available_isas("add")) {
    for (const std::size_t n : kLengths) {
      const auto x = normal_numbers(n, n);
      const auto start = normal_numbers(n, n + 7);
      GuardedNumbers sum(n);
      GuardedNumbers scaled(n);
      std::copy(start.begin(), start.end(), sum.data());
      std::copy(start.begin(), start.end(), scaled.data());
      elementwise_kernels(isa).add(x.data(), static_cast<std::int64_t>(n), sum.data());
      elementwise_kernels(isa).add_scaled(x.data(), 0.37F, static_cast<std::int64_t>(n), scaled.data());
      for (std::size_t i = 0; i < n; ++i) {
        CHECK(sum[i] == start[i] + x[i]);
        const double product = static_cast<double>(0.37F) * x[i];
        CHECK(std::abs(scaled[i] - (start[i] + product)) <= 2 * kRoundoff * (std::abs(product) + std::abs(start[i])));
      }
      CHECK(sum.guards_intact());
      CHECK(scaled.guards_intact());
      CHECK(elementwise_kernels(isa).max(x.data(), static_cast<std::int64_t>(n)) == *std::max_element(x.begin(), x.end()));
    }
  }
}

}  // namespace
}  // namespace qbench::kernels::cpu
