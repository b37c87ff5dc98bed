#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "record/records.h"

namespace qbench::record {

/// One answer to a task with all its attempts. Pointers go into the records that it was made from.
struct JudgedAnswer {
  std::vector<const TaskRecord*> attempts;  ///< iterations 1, 2, ... in order; not empty
  const TaskRecord& first() const { return *attempts.front(); }
  const TaskRecord& last() const { return *attempts.back(); }
  /// Whether its tests said something: the first attempt met no harness error. One in a later attempt counts as a repair that did not work.
  bool judged() const { return first().status != TaskStatus::kHarnessError; }
  bool passed() const { return last().status == TaskStatus::kPass; }
  bool passed_at_once() const { return first().status == TaskStatus::kPass; }
  std::int64_t iterations() const { return static_cast<std::int64_t>(attempts.size()); }
};

/// The attempts by cell, session, task and sample, in the order in which these first appear. An attempt that was judged again replaces the
/// earlier one and what followed it.
std::vector<JudgedAnswer> judged_answers(std::span<const TaskRecord> tasks);

/// Thinking tokens of all attempts at the answers that were judged. An answer without a thought took none.
std::int64_t thinking_tokens(std::span<const JudgedAnswer* const> answers);

/// What the answers to one task did, each with its first attempt; only those that were judged and whose behaviour is known.
struct TaskVotes {
  std::vector<std::string> behaviours;  ///< empty for what was no program: it did nothing that another answer could have done too
  std::vector<bool> passed;  ///< (behaviours)
};
/// By cell and task, in the order in which these first appear.
std::vector<TaskVotes> votes_by_task(std::span<const JudgedAnswer* const> answers);

}  // namespace qbench::record
