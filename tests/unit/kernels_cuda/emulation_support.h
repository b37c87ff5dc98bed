#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "device_support.h"
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/emulation/control.h"

namespace qbench::test {

/// How often, over seeds 1 to `seeds`, work(seed) says that a bug was found: it returns true, or throws.
inline int seeds_that_find(int seeds, const std::function<bool()>& work) {
  int found = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    const EmulationScope scope(static_cast<std::uint64_t>(seed));
    bool caught = false;
    try {
      caught = work();
    } catch (const Error&) {
      caught = true;
    }
    found += caught ? 1 : 0;
  }
  return found;
}

}  // namespace qbench::test
