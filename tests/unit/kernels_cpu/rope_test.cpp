#include <doctest/doctest.h>

#include <complex>

#include "kernel_cases.h"
#include "kernels/cpu/elementwise.h"

namespace qbench::kernels::cpu {
namespace {

TEST_CASE("rope multiplies the pair (j, j + half) by e^(i angle) and touches nothing behind the rotated part") {
  for (const Isa isa : test::available_isas("rope")) {
    CAPTURE(name_of(isa));
    for (const std::size_t half : {std::size_t{1}, std::size_t{3}, std::size_t{4}, std::size_t{8}, std::size_t{20}, std::size_t{32},
                                   std::size_t{48}, std::size_t{64}}) {
      CAPTURE(half);
      const auto head = test::normal_numbers(2 * half, half);
      std::vector<float> cosine(half);
      std::vector<float> sine(half);
      for (std::size_t j = 0; j < half; ++j) {
        cosine[j] = static_cast<float>(std::cos(0.3 + static_cast<double>(j)));
        sine[j] = static_cast<float>(std::sin(0.3 + static_cast<double>(j)));
      }
      test::GuardedNumbers to(2 * half + 5);
      std::copy(head.begin(), head.end(), to.data());
      elementwise_kernels(isa).rope(to.data(), cosine.data(), sine.data(), static_cast<std::int64_t>(half));
      for (std::size_t j = 0; j < half; ++j) {
        const std::complex<double> expected = std::complex<double>(head[j], head[j + half]) * std::complex<double>(cosine[j], sine[j]);
        const double bound = 3 * test::kRoundoff * (std::abs(head[j]) + std::abs(head[j + half]));
        CHECK(std::abs(to[j] - expected.real()) <= bound);
        CHECK(std::abs(to[j + half] - expected.imag()) <= bound);
      }
      for (std::size_t i = 2 * half; i < to.size(); ++i) CHECK(to[i] == test::kCanary);
      CHECK(to.guards_intact());
    }
  }
}

}  // namespace
}  // namespace qbench::kernels::cpu
