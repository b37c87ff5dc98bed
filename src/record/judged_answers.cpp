#include "record/judged_answers.h"

#include <map>
#include <string>
#include <tuple>

namespace qbench::record {

std::vector<JudgedAnswer> judged_answers(std::span<const TaskRecord> tasks) {
  std::map<std::tuple<std::string, std::int64_t, std::string, std::int64_t>, std::size_t> at;
  std::vector<JudgedAnswer> answers;
  for (const TaskRecord& task : tasks) {
    const auto [known, is_new] = at.emplace(std::tuple(cell_id(task.cell), task.session, task.task_id, task.sample), answers.size());
    if (is_new) answers.emplace_back();
    std::vector<const TaskRecord*>& attempts = answers[known->second].attempts;
    while (!attempts.empty() && attempts.back()->iteration >= task.iteration) attempts.pop_back();
    attempts.push_back(&task);
  }
  return answers;
}

}  // namespace qbench::record
