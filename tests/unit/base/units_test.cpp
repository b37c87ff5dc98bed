#include <doctest/doctest.h>

#include "base/units.h"

using namespace qbench;

TEST_CASE("times are divided, so that a whole number of milliseconds comes out as the nearest double") {
  int off = 0;  // 431 with a multiplication by 1e-9, which is no double
  for (int ms = 1; ms <= 1000; ++ms) off += s_from_ns(ms * 1e6) != ms / 1e3 ? 1 : 0;
  CHECK(off == 0);
}

TEST_CASE("bytes are read with decimal and binary units, and nothing else is") {
  CHECK(parse_bytes("4096") == 4096u);
  CHECK(parse_bytes("12GiB") == 12ull << 30);
  CHECK(parse_bytes("1.5 GB") == 1500000000u);
  CHECK(parse_bytes("500mb") == 500000000u);
  CHECK(parse_bytes("2kB") == 2000u);
  CHECK(parse_bytes("2KiB") == 2048u);
  CHECK(parse_bytes("1TiB") == 1ull << 40);
  CHECK(parse_bytes("0") == 0u);
  for (const char* wrong : {"", " 1", "-1", "+1", "1e9", "GiB", "12G", "12GiBs", "12  GiB", "1.2.3", "nan", "0x10", "9e99", "99999999999999999999"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_bytes(wrong).has_value());
  }
}
