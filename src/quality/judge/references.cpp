#include "quality/judge/references.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "quality/judge/driver_texts.h"
#include "quality/judge/judging.h"

namespace qbench::quality {
namespace {

using record::TaskStatus;

constexpr int kMutants = 16;

bool is_refused(const Verdict& verdict) { return verdict.status != TaskStatus::kPass && verdict.status != TaskStatus::kHarnessError; }

/// Variants of the reference, each with one change; none where it cannot be parsed.
std::vector<std::string> mutants_of(const Judge& judge, const sandbox::Sandbox& sandbox, const workload::Task& task) {
  sandbox::Job job;
  job.argv = {judge.tools().python,    "-I", "-S", "-B", "/task/mutate.py", task.entry_point.empty() ? "-" : task.entry_point,
              std::to_string(kMutants)};
  job.files = {{"mutate.py", std::string(mutate_py()), false}};
  job.input = task.reference.front().text;
  job.limits.output_bytes = std::uint64_t{64} << 20;
  const sandbox::Outcome outcome = sandbox.run(job);
  std::vector<std::string> mutants;
  if (outcome.end != sandbox::End::kExited || outcome.exit_code != 0 || find_json_problem(outcome.output)) return mutants;
  for (const nlohmann::json& source : parse_json(outcome.output, "mutants")) mutants.push_back(source.get<std::string>());
  return mutants;
}

void try_own_variants(Judge& judge, const workload::Task& task, ReferenceCheck& check) {
  for (const workload::WrongAnswer& wrong : task.wrong) {
    check.variants.push_back({wrong.name, judge.judge_variant(task, wrong.files)});
    const Verdict& verdict = check.variants.back().verdict;
    if (!is_refused(verdict) && check.problem.empty())
      check.problem = fmt::format("the wrong answer '{}' is not refused ({})", wrong.name, name_of(verdict.status));
  }
}

void try_mutants(Judge& judge, const sandbox::Sandbox& sandbox, const workload::Task& task, ReferenceCheck& check) {
  const std::vector<std::string> mutants = mutants_of(judge, sandbox, task);
  for (std::size_t i = 0; i < mutants.size(); ++i) {
    const std::vector<workload::CodeFile> files{{task.reference.front().path, mutants[i]}};
    const Verdict verdict = judge.judge_variant(task, files);
    if (!is_refused(verdict)) continue;
    check.variants.push_back({fmt::format("mutant {}", i + 1), verdict});
    return;
  }
  check.problem = fmt::format("the tests refuse none of {} mutants of the reference", mutants.size());
}

void try_empty(Judge& judge, const workload::Task& task, ReferenceCheck& check) {
  check.variants.push_back({"empty program", judge.judge_variant(task, empty_program(task))});
  if (!is_refused(check.variants.back().verdict) && check.problem.empty())
    check.problem = fmt::format("an empty program is not refused ({})", name_of(check.variants.back().verdict.status));
}

}  // namespace

ReferenceCheck check_reference(Judge& judge, const sandbox::Sandbox& sandbox, const workload::Task& task) {
  ReferenceCheck check;
  if (const auto missing = judge.tools().missing_for(task.language)) {
    check.reference.detail = check.not_checked = *missing;
    return check;
  }
  check.reference = judge.judge_reference(task);
  if (check.reference.status != TaskStatus::kPass) {
    check.problem = fmt::format("the reference does not pass ({}): {}", name_of(check.reference.status), check.reference.detail);
    return check;
  }
  if (!task.wrong.empty()) {
    try_own_variants(judge, task, check);
  } else if (task.language == "python") {
    try_mutants(judge, sandbox, task, check);
  }
  try_empty(judge, task, check);
  return check;
}

}  // namespace qbench::quality
