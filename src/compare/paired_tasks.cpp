#include "compare/paired_tasks.h"

#include <fmt/format.h>

#include <map>

#include "stats/exact_tests.h"

namespace qbench::compare {
namespace {

struct Passes {
  std::int64_t passed = 0, samples = 0;
};

std::map<std::string, Passes> passes_of(const record::ResultRow& row) {
  std::map<std::string, Passes> tasks;
  for (const record::TaskResult& task : row.tasks) {
    if (task.status == record::TaskStatus::kHarnessError) continue;
    Passes& passes = tasks[task.task_id];
    ++passes.samples;
    if (task.status == record::TaskStatus::kPass) ++passes.passed;
  }
  return tasks;
}

}  // namespace

PairedTasks pair_tasks(const record::ResultRow& base, const record::ResultRow& fresh) {
  const auto before = passes_of(base), now = passes_of(fresh);
  PairedTasks paired;
  for (const auto& [task_id, passes] : before) {
    const auto found = now.find(task_id);
    if (found == now.end()) {
      ++paired.only_base;
      continue;
    }
    ++paired.common;
    const std::int64_t difference = found->second.passed * passes.samples - passes.passed * found->second.samples;
    if (difference < 0) ++paired.lost;
    if (difference > 0) ++paired.gained;
  }
  paired.only_new = static_cast<std::int64_t>(now.size()) - paired.common;
  paired.p = stats::mcnemar_exact_p(paired.lost, paired.gained);
  return paired;
}

std::string describe(const PairedTasks& tasks) {
  std::string text =
      fmt::format("{} of {} tasks lost, {} gained, p = {:.2g} (exact McNemar)", tasks.lost, tasks.common, tasks.gained, tasks.p);
  if (tasks.only_base + tasks.only_new > 0) text += fmt::format("; {} tasks on one side only", tasks.only_base + tasks.only_new);
  return text;
}

}  // namespace qbench::compare
