#include <doctest/doctest.h>

#include "base/units.h"

using namespace qbench;

TEST_CASE("times are divided, so that a whole number of milliseconds comes out as the nearest double") {
  int off = 0;  // 431 with a multiplication by 1e-9, which is no double
  for (int ms = 1; ms <= 1000; ++ms) off += s_from_ns(ms * 1e6) != ms / 1e3 ? 1 : 0;
  CHECK(off == 0);
}
