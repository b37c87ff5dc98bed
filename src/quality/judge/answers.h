#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "workload/suite.h"

namespace qbench::quality {

/// Somebody's answer to a task.
struct Answer {
  std::size_t prompt = 0;   ///< index into the suite's prompts
  std::int64_t sample = 0;  ///< several answers to a task count from 0, in the file's order
  std::string completion;
  bool is_text = true;  ///< false: bytes that are no UTF-8 stood in it (they are U+FFFD now), so it is no program
};

/// Reads answers: JSON lines (plain or .gz) with `task_id` and `completion` (or, without one, EvalPlus' `solution`); other keys are
/// ignored. A task is named as in its file ("HumanEval/0"), by its prompt's id ("humaneval-0"), or by the number that ends its id (11,
/// "11"). Error{kConfig} naming file and line for what is no such line, and for a task that the suite does not have.
std::vector<Answer> read_answers(const std::filesystem::path& path, const workload::Suite& suite);

}  // namespace qbench::quality
