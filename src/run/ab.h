#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "compare/compare_pairs.h"
#include "compare/pair_rule.h"

/// Two builds, measured in turn in fresh processes.
namespace qbench::run {

struct AbRequest {
  std::filesystem::path base, candidate;  ///< programs that understand `run`
  std::vector<std::string> arguments;     ///< of `run`, the same for both
  std::size_t pairs = compare::kFewestPairs;
};

/// Runs `BIN run --pass speed ARGUMENTS` into a temporary folder, one process of each build that does not count, then `request.pairs` pairs in the
/// order base candidate, candidate base, ..., so that a steady drift of the machine favours neither. Both take prompts and settings from this
/// qbench's data folder. Each complete pair is appended to `pairs`, and `on_pair` is called. Returns early when a signal came (an InterruptGuard must
/// be alive). Error naming build and pair: a process that fails, crashes or leaves no readable results; builds that write unlike schema versions;
/// a data folder that is not there.
void measure_pairs(const AbRequest& request, std::vector<compare::RunPair>& pairs, const std::function<void()>& on_pair);

}  // namespace qbench::run
