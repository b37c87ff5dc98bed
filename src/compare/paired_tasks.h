#pragma once

#include <cstdint>
#include <string>

#include "record/result_set.h"

namespace qbench::compare {

/// Tasks that both rows ran, by task_id. A task that was sampled several times, in a session or in several, stands where its share of
/// passes went: a task is the unit, its samples are not independent. Samples that the harness failed count on neither side.
struct PairedTasks {
  std::int64_t common = 0, lost = 0, gained = 0;
  std::int64_t only_base = 0, only_new = 0;
  double p = 1;  ///< exact McNemar
};
PairedTasks pair_tasks(const record::ResultRow& base, const record::ResultRow& fresh);

/// "6 of 164 tasks lost, 0 gained, p = 0.031 (exact McNemar)".
std::string describe(const PairedTasks& tasks);

}  // namespace qbench::compare
