#include "history/utc.h"

#include <doctest/doctest.h>

using qbench::history::format_utc;
using qbench::history::parse_utc;

TEST_CASE("times are read as they are written, with zones and without") {
  CHECK(parse_utc("1970-01-01T00:00:00Z") == 0);
  CHECK(parse_utc("2026-11-21T03:22:00Z") == 1795231320);
  CHECK(format_utc(1795231320) == "2026-11-21T03:22:00Z");
  CHECK(parse_utc("2026-11-21 03:22:00") == 1795231320);
  CHECK(parse_utc("2026-11-21T03:22:00.123456Z") == 1795231320);
  CHECK(parse_utc("2026-11-21T05:22:00+02:00") == 1795231320);
  CHECK(parse_utc("2026-11-20 22:22:00 -0500") == 1795231320);
  CHECK(parse_utc("2026-11-21T03:22") == 1795231320);
  CHECK(parse_utc("2026-11-21") == 1795219200);
  CHECK(parse_utc("1795231320") == 1795231320);
  CHECK(parse_utc("2024-02-29") == 1709164800);
  CHECK(format_utc(parse_utc("2199-12-31T23:59:59Z").value()) == "2199-12-31T23:59:59Z");
  CHECK(format_utc(INT64_MAX) == "no time");
}

TEST_CASE("what is no time is none") {
  for (const char* text :
       {"", "now", "2026-02-29", "2026-13-01", "2026-11-21T25:00:00Z", "2026-11-21T03:22:00X", "2026-11-21T03:22:00+99:00", "21.11.2026",
        "2026-11-21T03", "1234567890123", "999999999999", "2200-01-01", "-5", "1969-12-31", "2026-11-21T03:22:00Zz"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_utc(text).has_value());
  }
}
