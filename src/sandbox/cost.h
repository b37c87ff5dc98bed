#pragma once

#include <string>

#include "sandbox/sandbox.h"

namespace qbench::sandbox {

/// What a sandbox adds to a program that does nothing: medians of Python's start and end, inside and outside in turn.
struct Cost {
  double inside_ms = 0, outside_ms = 0;
  int pairs = 0;        ///< measured; 0: none, and the times say nothing
  std::string problem;  ///< why there are fewer than asked for: Python cannot be started
};
Cost measure_cost(const Sandbox& sandbox, int pairs);

}  // namespace qbench::sandbox
