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

std::int64_t thinking_tokens(std::span<const JudgedAnswer* const> answers) {
  std::int64_t tokens = 0;
  for (const JudgedAnswer* answer : answers) {
    if (!answer->judged()) continue;
    for (const TaskRecord* attempt : answer->attempts) tokens += attempt->thinking_tokens.value_or(0);
  }
  return tokens;
}

std::vector<TaskVotes> votes_by_task(std::span<const JudgedAnswer* const> answers) {
  std::map<std::pair<std::string, std::string>, std::size_t> at;
  std::vector<TaskVotes> all;
  for (const JudgedAnswer* answer : answers) {
    const TaskRecord& first = answer->first();
    if (!answer->judged() || !first.behaviour) continue;
    const auto [known, is_new] = at.emplace(std::pair(cell_id(first.cell), first.task_id), all.size());
    if (is_new) all.emplace_back();
    const bool ran = first.status != TaskStatus::kCompileError;
    all[known->second].behaviours.push_back(ran ? *first.behaviour : std::string());
    all[known->second].passed.push_back(answer->passed_at_once());
  }
  return all;
}

}  // namespace qbench::record
