#include <doctest/doctest.h>

#include "test_support.h"

TEST_CASE("CUDA kernels run on the host's emulation") {
  qbench::test::report_skip("kernels_cuda and backend_cuda", QB_CUDA_EMULATED_MISSING);
}
