#include "recommend/constraints.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace qbench;
using recommend::parse_constraints;
using recommend::Quantity;

TEST_CASE("constraints are read with their units") {
  const auto constraints = parse_constraints("ttft<500ms, vram<=24GB,time<1.5min,success>80%,quality>=7,tok_per_s>20,context<8192");
  REQUIRE(constraints.size() == 7);
  CHECK(constraints[0].quantity == Quantity::kTtftMs);
  CHECK(constraints[0].below);
  CHECK(constraints[0].limit == doctest::Approx(500));
  CHECK(constraints[1].limit == doctest::Approx(24e9));
  CHECK(constraints[2].limit == doctest::Approx(90000));
  CHECK_FALSE(constraints[3].below);
  CHECK(constraints[3].limit == doctest::Approx(0.8));
  CHECK(constraints[4].holds(7));
  CHECK_FALSE(constraints[4].holds(6.9));
  CHECK(constraints[5].text == "tok_per_s>20");
  CHECK(constraints[6].limit == doctest::Approx(8192));
}

TEST_CASE("what is no constraint is refused with the part that is wrong") {
  for (const char* text : {"", "ttft", "ttft<", "ttft<500", "ttft=500ms", "ttft<-1ms", "vram<big", "latency<5ms", "success>8",
                           "success>1 GB", "tok_per_s>5ms", "ttft<500ms,,vram<1GB", "ttft<nan ms", "ttft<1e999ms", "vram<24", "quality>11",
                           "ttft<500ms,", "ttft<100ms,ttft>200ms", "success>90%,vram<1GB,success<0.5"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_constraints(text), Error);
  }
  CHECK_THROWS_WITH(parse_constraints("ttft>200ms,ttft<100ms"),
                    "--constraints: 'ttft<100ms': contradicts 'ttft>200ms': nothing can hold both");
  CHECK(parse_constraints("ttft>100ms,ttft<100ms").size() == 2);  // 100 ms holds both
  CHECK_THROWS_WITH(
      parse_constraints("ttft<1s,latency<5ms"),
      "--constraints: 'latency<5ms': no quantity 'latency'; there are ttft, time, tok_per_s, vram, context, success, quality, tokens");
}
