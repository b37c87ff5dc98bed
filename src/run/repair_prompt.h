#pragma once

#include <cstdint>
#include <string>

#include "record/records.h"
#include "run/job.h"
#include "workload/suite.h"

namespace qbench::run {

/// Most tokens that the repair turn's own words are planned with.
inline constexpr std::int64_t kRepairTokens = 512;

/// What the user says after an answer that did not pass: how it ended, the judge's line, and what to send.
std::string repair_words(const workload::Task& task, record::TaskStatus status, const std::string& detail);

/// The prompt's turns, its latest answer, and the repair as the next turn. Earlier attempts are left out, so that the length is bounded.
/// `turns`: answers to all turns of the prompt, the last one being the attempt that failed (sequence 0).
struct RepairConversation {
  workload::Prompt prompt;
  std::vector<Answer> answers;
  std::int64_t turn = 1;
};
RepairConversation repair_conversation(const workload::Prompt& prompt, const std::vector<Answer>& turns, record::TaskStatus status,
                                       const std::string& detail);

}  // namespace qbench::run
