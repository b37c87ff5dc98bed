#include "base/memory_account.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace qbench;

TEST_CASE("allocations are counted by purpose, with the largest sum, and given back") {
  const auto account = std::make_shared<MemoryAccount>();
  MemoryAccount::make_current(account);
  MemoryCharge weights(100, MemoryPurpose::kWeights);
  {
    const MemoryCharge cache(30, MemoryPurpose::kKv);
    const MemoryCharge activations(7, MemoryPurpose::kActivations);
    const MemoryCharge workspace(5, MemoryPurpose::kWorkspace);
    CHECK(account->use().weights == 100);
    CHECK(account->use().kv == 30);
    CHECK(account->use().activations == 7);
    CHECK(account->use().workspace == 5);
    CHECK(account->use().total() == 142);
  }
  CHECK(account->use().total() == 100);
  CHECK(account->use().peak == 142);
  MemoryCharge moved = std::move(weights);
  CHECK(account->use().total() == 100);
  moved = MemoryCharge();
  CHECK(account->use().total() == 0);
}

TEST_CASE("an account refuses what exceeds its limit and keeps what it had") {
  const auto account = std::make_shared<MemoryAccount>(100);
  MemoryAccount::make_current(account);
  const MemoryCharge some(60, MemoryPurpose::kWeights);
  CHECK_THROWS_WITH_AS(MemoryCharge(41, MemoryPurpose::kKv), doctest::Contains("41 bytes exceeds --vram-limit: 60 of 100 bytes are taken (1 B short)"),
                       Error);
  CHECK(account->use().total() == 60);
  CHECK_NOTHROW(MemoryCharge(40, MemoryPurpose::kKv));
  CHECK_THROWS_AS(MemoryCharge(UINT64_MAX, MemoryPurpose::kKv), Error);
}

TEST_CASE("what is charged to an account that has gone counts nowhere") {
  MemoryAccount::make_current(std::make_shared<MemoryAccount>(10));
  CHECK(MemoryAccount::current() == nullptr);
  CHECK_NOTHROW(MemoryCharge(1000, MemoryPurpose::kKv));
}

TEST_CASE("a peak can be taken back, but not below what is held, and what is left ends at the limit") {
  const auto account = std::make_shared<MemoryAccount>(100);
  MemoryAccount::make_current(account);
  const MemoryCharge kept(30, MemoryPurpose::kWeights);
  const std::uint64_t before = account->use().peak;
  {
    const MemoryCharge study(50, MemoryPurpose::kWorkspace);
    CHECK(account->left_bytes() == 20);
    const UnchargedScope uncharged;
    const MemoryCharge probe(1000, MemoryPurpose::kWorkspace);  // more than the limit: it is nobody's
    CHECK(account->use().total() == 80);
  }
  CHECK(MemoryAccount::current() == account);
  CHECK(account->use().peak == 80);
  account->lower_peak(before);
  CHECK(account->use().peak == 30);
  account->lower_peak(0);
  CHECK(account->use().peak == 30);
  CHECK(MemoryAccount().left_bytes() == UINT64_MAX);
}
