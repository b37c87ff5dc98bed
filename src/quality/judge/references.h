#pragma once

#include <string>
#include <vector>

#include "quality/judge/judge.h"

namespace qbench::quality {

/// What became of one answer that has to be refused.
struct RefusedVariant {
  std::string name;  ///< "off-by-one", "mutant 3", "empty program"
  Verdict verdict;
};

/// A task held against its own reference.
struct ReferenceCheck {
  Verdict reference;
  std::vector<RefusedVariant> variants;
  std::string problem;      ///< one line; empty where the task is sound
  std::string not_checked;  ///< what this machine lacks to check it, and what installs that; then nothing else is known
};

/// Judges the task's reference, which must pass, an empty program, which must not, and wrong answers: the task's own, each of which must be
/// refused, or, where it has none and is in Python, mutants of the reference (one comparison, operator, constant or return of it changed)
/// until one is refused. Where none is, that is the problem.
ReferenceCheck check_reference(Judge& judge, const sandbox::Sandbox& sandbox, const workload::Task& task);

}  // namespace qbench::quality
