#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sandbox/sandbox.h"

namespace qbench::sandbox {

/// What came of an attack.
struct Finding {
  bool contained = false;
  std::string detail;  ///< one line: how the program ended, or what it got hold of
};

/// A program that tries to do what generated code must not do. Whoever has attacks of its own (the judge) adds them to the list.
struct Attack {
  std::string group;  ///< "files", "processes", ...
  std::string name;   ///< what it tries, in a few words
  std::function<Finding(const Sandbox&)> run;
};

class Traps;

/// Every attack on the sandbox itself: Python programs in attacks/, judged by what `traps` and the outcome show outside.
std::vector<Attack> sandbox_attacks(const std::shared_ptr<Traps>& traps);

}  // namespace qbench::sandbox
