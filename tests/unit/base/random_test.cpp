#include <doctest/doctest.h>

#include <cmath>

#include "base/draw_weight.h"
#include "base/random.h"

namespace qbench {

TEST_CASE("the weight of a draw is e to the x, rounded down to its unit") {
  CHECK(draw_weight(0.0F) == kDrawUnit);
  CHECK(draw_weight(-0.0F) == kDrawUnit);
  CHECK(draw_weight(kLowestDrawn) == 0);
  CHECK(draw_weight(-INFINITY) == 0);
  CHECK(draw_weight(NAN) == 0);
  std::uint64_t before = kDrawUnit;
  for (int i = 1; i < 30000; ++i) {
    const float x = -0.001F * static_cast<float>(i);
    const std::uint64_t weight = draw_weight(x);
    const double exact = std::exp(static_cast<double>(x)) * static_cast<double>(kDrawUnit);
    CHECK(std::abs(static_cast<double>(weight) - exact) <= 1.0 + exact * 0x1p-51);  // 1 for rounding down, the rest is the double's own
    CHECK(weight <= before);
    before = weight;
  }
  static_assert(draw_weight(-1.0F) == 3235901785501);  // 2^43 / e = 3235901785501.9
}

TEST_CASE("what top-p asks of a sum is at least one and at most all of it") {
  CHECK(wanted_weight(0.5, 10) == 5);
  CHECK(wanted_weight(0.51, 10) == 6);
  CHECK(wanted_weight(1e-9, 10) == 1);
  CHECK(wanted_weight(1.0, ~std::uint64_t{0} >> 1) == ~std::uint64_t{0} >> 1);
}

TEST_CASE("the n-th value of a generator follows from its key alone") {
  Random random(7, 3);
  for (std::uint64_t n = 0; n < 4; ++n) CHECK(random.next_u64() == random_value(random_key(7, 3), n));
  CHECK(random.next_below(10) == random_below(random_value(random_key(7, 3), 4), 10));
}

}  // namespace qbench
