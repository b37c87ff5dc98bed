#pragma once

#include <span>

#include "compare/outcome.h"
#include "compare/rules.h"
#include "record/result_set.h"

namespace qbench::compare {

/// What one fresh process of each of two builds has measured, one after the other.
struct RunPair {
  record::ResultSet base, candidate;
};

/// CANDIDATE against BASE from pairs of processes (harness.md 4.3 C): per cell the output ids, then each gated metric of `rules` that a side has, by
/// judge_pairs on the values of the rows. Pairs in which a row was throttled are left out and counted in a note of the cell. Without pairs nothing is
/// judged.
Comparison compare_run_pairs(std::span<const RunPair> pairs, const Rules& rules);

}  // namespace qbench::compare
