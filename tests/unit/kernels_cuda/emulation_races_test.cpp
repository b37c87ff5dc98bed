#include <doctest/doctest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "kernels/cuda/emulation/races.h"
#include "test_support.h"

/// What ThreadSanitizer finds of kernels whose result is right in the order that happened (planted_races.cpp).
namespace qbench::test {
namespace {

std::string outcome(const std::string& planted) {
  const int status = std::system(("'" QB_PLANTED_RACES "' '" + planted + "' >/dev/null 2>&1").c_str());
  if (!WIFEXITED(status)) return "signal";
  switch (WEXITSTATUS(status)) {
    case 0:
      return "fine";
    case 2:
      return "no such kernel";
    case 3:
      return "wrong result";
    default:
      return "race";
  }
}

}  // namespace

TEST_CASE("kernels in which everything is ordered have no race") {
  for (const char* const name : {"hand_on", "count", "sum", "refill", "overwrite"}) {
    CAPTURE(name);
    CHECK(outcome(name) == "fine");
  }
}

TEST_CASE("ThreadSanitizer finds a race in an order that happens to be right") {
  if (!kernels::cuda_emulated::emulation::races::kWatched) {
    report_skip("races in an order that happens to be right", "built without ThreadSanitizer");
    return;
  }
  for (const char* const name : {"hand_on without barrier", "hand_on without warp barrier", "hand_on with a shuffle for a barrier",
                                 "overwrite before the wait", "refill without barrier"}) {
    CAPTURE(name);
    CHECK(outcome(name) == "race");
  }
}

TEST_CASE("ThreadSanitizer finds a race between blocks") {
  if (!kernels::cuda_emulated::emulation::races::kWatched) {
    report_skip("races between blocks", "built without ThreadSanitizer");
    return;
  }
  CHECK(outcome("count without atomic") == "race");
  CHECK(outcome("sum without fence") == "race");
}

}  // namespace qbench::test
