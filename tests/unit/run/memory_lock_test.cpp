#include "run/memory_lock.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace qbench;

TEST_CASE("memory that cannot be locked is an error that names the limit, before anything is locked") {
  CHECK_THROWS_WITH(run::lock_process_memory(std::uint64_t{1} << 60), doctest::Contains("RLIMIT_MEMLOCK"));
}
