#include "run/study.h"

#include <doctest/doctest.h>

#include "base/error.h"

namespace qbench::run {
namespace {

AblationVariant variant(const std::string& off, std::vector<std::string>& order, std::int64_t time_ns, int fails_at = -1) {
  return {off, [&order, off, time_ns, fails_at, run = 0](bool watch) mutable {
            if (run++ == fails_at) throw Error(off == "lost" ? ErrorCode::kDevice : ErrorCode::kMemory, "no room");
            order.push_back(off);
            const std::string paths = watch ? " without " + off : "not watched";
            return std::vector<engine::PhaseTime>{{"prefill", 8, time_ns, {}, "prefill" + paths}, {"decode", 4, 2 * time_ns, {}, "decode" + paths}};
          }};
}

}  // namespace

TEST_CASE("the ways of an ablation are measured in turn, after one turn that warms up") {
  std::vector<std::string> order;
  const auto rows = measure_ablation({variant("", order, 10), variant("flash", order, 20)}, 3, true);
  CHECK(order == std::vector<std::string>{"", "flash", "", "flash", "", "flash", "", "flash"});
  REQUIRE(rows.size() == 4);
  CHECK(rows[1].off.empty());
  CHECK(rows[1].phase == "decode");
  CHECK(rows[3].off == "flash");
  CHECK(rows[2].paths == "prefill without flash");  // each phase says what it ran, as the unmeasured turn saw it
  CHECK(rows[3].paths == "decode without flash");
  CHECK(rows[3].time_ns == std::vector<std::int64_t>{40, 40, 40});
  CHECK(rows[3].tokens == 4);
}

TEST_CASE("a way that fails is a row that says why, and the others go on") {
  std::vector<std::string> order;
  const auto rows = measure_ablation({variant("", order, 10), variant("repack", order, 20, 1), variant("flash", order, 30)}, 2, true);
  REQUIRE(rows.size() == 5);
  int failed = 0;
  for (const auto& row : rows) {
    if (row.off != "repack") {
      CHECK(row.time_ns.size() == 2);
      continue;
    }
    ++failed;
    CHECK(row.status == record::Status::kFailed);
    CHECK(row.failure.code == "memory");
    CHECK(row.time_ns.empty());
  }
  CHECK(failed == 1);
  CHECK_THROWS_WITH_AS(measure_ablation({variant("", order, 10, 0)}, 2, true), doctest::Contains("no room"), Error);
  CHECK_THROWS_AS(measure_ablation({variant("", order, 10), variant("lost", order, 10, 1)}, 2, true), Error);  // nothing runs on a lost device
}

TEST_CASE("an interruption ends an ablation, and a device without times has rows without times") {
  std::vector<std::string> order;
  std::atomic<bool> cancel{true};
  CHECK_THROWS_AS(measure_ablation({variant("", order, 10)}, 2, true, &cancel), Error);
  CHECK(order.empty());
  const auto rows = measure_ablation({variant("", order, 10)}, 2, false);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].time_ns.empty());
  CHECK(rows[0].tokens == 8);
}

TEST_CASE("names of paths are judged by the device that will run") {
  CHECK_NOTHROW(check_ablation({"flash", "repack"}, "cpu"));
  CHECK_NOTHROW(check_ablation({"graph", "pdl"}, "cuda:0"));
  CHECK_NOTHROW(check_ablation({"graph"}, "cuda-emulated"));
  CHECK_THROWS_WITH_AS(check_ablation({"pdl"}, "cpu"), doctest::Contains("it has flash, fusion, repack, simd"), Error);
  CHECK_THROWS_WITH_AS(check_ablation({"repack"}, "cuda"), doctest::Contains("it has flash, graph, fusion, pdl"), Error);
  CHECK_THROWS_WITH_AS(check_ablation({"flash", "flash"}, "cpu"), doctest::Contains("given twice"), Error);
  CHECK_NOTHROW(check_ablation({"repack"}, "cpu", "scalar"));
  CHECK_THROWS_WITH_AS(check_ablation({"simd"}, "cpu", "scalar"), doctest::Contains("off already: --isa scalar"), Error);
}

}  // namespace qbench::run
