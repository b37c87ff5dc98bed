#pragma once

#include <vector>

#include "sandbox/attack.h"

namespace qbench::quality {

/// Attacks on the judge, for `qbench sandbox selftest`: answers that do not know what is right and want to pass all the same, each tried
/// against a suite's own test and against cases. Contained is what neither passes nor is taken for a fault of the harness. The first is the
/// right answer, which must pass, or the others would prove nothing.
std::vector<sandbox::Attack> judge_attacks();

}  // namespace qbench::quality
