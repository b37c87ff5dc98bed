#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "record/judged_answers.h"
#include "record/sample_file.h"
#include "stats/agreement.h"
#include "stats/pass_at_k.h"

namespace qbench::report {

/// What one model's answers to a suite's tasks add up to. Pointers go into the content that it was made from.
struct TaskTotals {
  record::CellKey cell;  ///< of the first answer; prompt and turn mean nothing
  std::vector<record::JudgedAnswer> answers;
  std::int64_t tasks = 0;   ///< different ones, harness errors included
  std::int64_t judged = 0;  ///< answers
  std::int64_t harness_errors = 0;
  std::map<record::TaskStatus, std::int64_t> endings;             ///< of the last attempts of all answers
  std::optional<stats::PassAtK> success;                          ///< after the last repair: mean over the tasks judged
  std::map<std::int64_t, std::optional<stats::PassAtK>> pass_at;  ///< by k; nothing where a task has fewer answers
  std::optional<double> first_attempt_ratio, mean_iterations, tasks_per_hour;
  std::int64_t thinking_tokens = 0;  ///< of all attempts judged
  std::optional<double> thinking_efficiency;
  stats::Consistency consistency;    ///< of the tasks with several answers
  std::string sandbox_level, judge;  ///< "mixed" where they differ
};

/// By model, suite and what else tells runs of a prompt apart, in the order of the first answers. k are those of the rows.
std::vector<TaskTotals> task_totals(const record::SampleFileContent& content);

/// quality.csv: a line each.
std::string tasks_csv(const std::vector<TaskTotals>& totals);

}  // namespace qbench::report
