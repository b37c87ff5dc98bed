#include "cli/score_suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/plural.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/output.h"
#include "quality/judge/answers.h"
#include "quality/judge/in_order.h"
#include "quality/judge/judge.h"
#include "quality/judge/references.h"
#include "quality/rating/rating_record.h"
#include "sandbox/cost.h"
#include "stats/pass_at_k.h"

namespace qbench::cli {
namespace {

using nlohmann::ordered_json;
using quality::Verdict;
using record::TaskStatus;

constexpr int kCostPairs = 7;

/// One JSON document on a line; foreign bytes cannot break it.
void write_line(const ordered_json& document) {
  write_output(document.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n");
}

/// Sandboxes that judging an answer to this task starts beside compilers: the answer's, and that of the suite's own test.
int sandboxes_of(const workload::Task& task) { return task.kind == workload::TaskKind::kPythonTest ? 2 : 1; }

double sandboxes_per_task(const workload::Suite& suite) {
  double sum = 0, tasks = 0;
  for (const workload::Prompt& prompt : suite.prompts) {
    if (!prompt.task) continue;
    sum += sandboxes_of(*prompt.task);
    ++tasks;
  }
  return tasks == 0 ? 0 : sum / tasks;
}

ordered_json cost_json(const sandbox::Cost& cost, double starts) {
  if (cost.pairs == 0) return nullptr;
  const double each = std::max(0.0, cost.inside_ms - cost.outside_ms);
  return {{"start_ms", each}, {"starts_per_task", starts}, {"per_task_ms", each * starts}, {"pairs", cost.pairs}};
}

std::string cost_line(const sandbox::Cost& cost, double starts) {
  if (cost.pairs == 0) return "sandbox: what a start costs was not measured: " + cost.problem + "\n";
  const double each = std::max(0.0, cost.inside_ms - cost.outside_ms);
  return fmt::format("sandbox: {:.0f} ms a start (median of {}), {:.1f} starts a task: {:.0f} ms a task\n", each, cost.pairs, starts,
                     each * starts);
}

void check_tasks(const workload::Suite& suite) {
  if (std::any_of(suite.prompts.begin(), suite.prompts.end(), [](const workload::Prompt& prompt) { return prompt.task.has_value(); }))
    return;
  throw Error(ErrorCode::kConfig, "no prompt of the suite has a task: there is nothing to judge answers by", suite.path.string());
}

ordered_json verdict_json(const workload::Task& task, const Verdict& verdict, const sandbox::Sandbox& sandbox) {
  return {{"task_id", task.id},
          {"status", name_of(verdict.status)},
          {"seconds", verdict.seconds},
          {"detail", verdict.detail},
          {"cases_passed", verdict.cases_passed},
          {"cases_total", verdict.cases_total},
          {"sandbox_level", name_of(sandbox.level())},
          {"judge", verdict.judged_inside ? "inside" : "outside"}};
}

std::string table_row(const std::string& id, const std::string& status, double seconds, const std::string& detail) {
  return fmt::format("{:<28} {:<17} {:>8.2f} s  {}\n", id, status, seconds, detail);
}

/// What the answers came to.
class Tally {
 public:
  explicit Tally(const workload::Suite& suite) : suite_(suite) {}

  void add(std::size_t prompt, const Verdict& verdict) {
    ++statuses_[std::string(name_of(verdict.status))];
    answered_.insert(prompt);
    if (verdict.status == TaskStatus::kHarnessError) {
      ++harness_errors_;
      return;  // never the model's fault: no trial
    }
    stats::TaskCount& count = counts_[prompt];
    ++count.samples;
    if (verdict.status == TaskStatus::kPass) ++count.passed;
  }

  std::int64_t harness_errors() const { return harness_errors_; }

  ordered_json json(const ScoreSettings& settings) const {
    ordered_json out{{"summary", true},
                     {"suite", suite_.name},
                     {"suite_digest", suite_.digest},
                     {"tasks", tasks()},
                     {"tasks_answered", answered_.size()}};
    ordered_json statuses = ordered_json::object();
    for (const auto& [name, count] : statuses_) statuses[name] = count;
    out["statuses"] = statuses;
    ordered_json passes = ordered_json::object();
    for (const std::int64_t k : settings.ks) passes[std::to_string(k)] = pass_json(k);
    out["pass_at_k"] = passes;
    return out;
  }

  std::string text(const ScoreSettings& settings) const {
    std::string out = fmt::format("\n{}: {} of {} tasks answered", suite_.name, answered_.size(), tasks());
    for (const auto& [name, count] : statuses_) out += fmt::format(", {} {}", count, name);
    out += "\n";
    for (const std::int64_t k : settings.ks) {
      const auto value = stats::pass_at_k(counts(), k);
      out += value ? fmt::format("pass@{} {:.1f} % (95 %: {:.1f} to {:.1f}), {}\n", k, 100 * value->value, 100 * value->interval.low,
                                 100 * value->interval.high, plural(value->tasks, "task"))
                   : fmt::format("pass@{} not computed: {}\n", k,
                                 counts_.empty() ? "no answer could be judged" : fmt::format("a task has fewer than {} judged answers", k));
    }
    return out;
  }

 private:
  std::int64_t tasks() const {
    return std::count_if(suite_.prompts.begin(), suite_.prompts.end(),
                         [](const workload::Prompt& prompt) { return prompt.task.has_value(); });
  }

  std::vector<stats::TaskCount> counts() const {
    std::vector<stats::TaskCount> list;
    for (const auto& [prompt, count] : counts_) list.push_back(count);
    return list;
  }

  /// Null where a task has too few answers.
  ordered_json pass_json(std::int64_t k) const {
    const auto value = stats::pass_at_k(counts(), k);
    if (!value) return nullptr;
    return {{"value", value->value}, {"low", value->interval.low}, {"high", value->interval.high}, {"tasks", value->tasks}};
  }

  const workload::Suite& suite_;
  std::map<std::string, std::int64_t> statuses_;
  std::map<std::size_t, stats::TaskCount> counts_;
  std::set<std::size_t> answered_;
  std::int64_t harness_errors_ = 0;
};

/// What the references came to.
class ReferenceTally {
 public:
  void add(const quality::ReferenceCheck& check) {
    if (!check.not_checked.empty()) {
      ++not_checked_[check.not_checked];
      return;
    }
    if (check.reference.status == TaskStatus::kPass) ++passed_;
    if (!check.problem.empty()) ++problems_;
    for (const quality::RefusedVariant& variant : check.variants) {
      if (variant.verdict.status != TaskStatus::kPass && variant.verdict.status != TaskStatus::kHarnessError) ++refused_;
    }
  }

  ordered_json json() const {
    std::int64_t not_checked = 0;
    ordered_json missing = ordered_json::array();
    for (const auto& [reason, tasks] : not_checked_) {
      not_checked += tasks;
      missing.push_back(reason);
    }
    return {{"references_passed", passed_},
            {"variants_refused", refused_},
            {"problems", problems_},
            {"not_checked", not_checked},
            {"missing", missing}};
  }

  std::string counts_text(std::size_t tasks) const {
    return fmt::format("{} of {} pass, {} refused, {} unsound", passed_, plural(tasks, "reference"), plural(refused_, "wrong answer"),
                       plural(problems_, "task"));
  }

  /// A line for each thing that this machine lacks.
  std::string not_checked_text() const {
    std::string out;
    for (const auto& [reason, tasks] : not_checked_) out += fmt::format("{} not checked: {}\n", plural(tasks, "task"), reason);
    return out;
  }

  /// What was found wrong with the suite goes before what could not be found out.
  int exit_code() const { return problems_ > 0 ? kExitRegression : not_checked_.empty() ? kExitFine : kExitModelFailed; }

 private:
  std::int64_t passed_ = 0, problems_ = 0, refused_ = 0;
  std::map<std::string, std::int64_t> not_checked_;  ///< tasks by what this machine lacks for them
};

ordered_json reference_json(const workload::Task& task, const quality::ReferenceCheck& check, const sandbox::Sandbox& sandbox) {
  ordered_json row = verdict_json(task, check.reference, sandbox);
  row["variants"] = ordered_json::array();
  for (const quality::RefusedVariant& variant : check.variants)
    row["variants"].push_back({{"name", variant.name}, {"status", name_of(variant.verdict.status)}, {"detail", variant.verdict.detail}});
  row["sound"] = check.not_checked.empty() ? ordered_json(check.problem.empty()) : ordered_json();
  row["problem"] = check.problem;
  return row;
}

/// Why a task was not checked stands once, in the summary.
std::string reference_row(const workload::Task& task, const quality::ReferenceCheck& check) {
  if (!check.not_checked.empty()) return table_row(task.id, "not checked", 0, "");
  const bool sound = check.problem.empty();
  return table_row(task.id, sound ? "sound" : "UNSOUND", check.reference.seconds,
                   sound ? plural(check.variants.size(), "wrong answer") + " refused" : check.problem);
}

Verdict judge_one(quality::Judge& judge, const sandbox::Sandbox& sandbox, const workload::Task& task, const quality::Answer& answer) {
  if (answer.is_text) return quality::judge_task(judge, sandbox, task, answer.completion);
  Verdict verdict;
  verdict.status = TaskStatus::kCompileError;
  verdict.detail = "the answer is not UTF-8 text";
  verdict.judged_inside = task.kind == workload::TaskKind::kInside;
  return verdict;
}

}  // namespace

int score_answers(const workload::Suite& suite, const std::filesystem::path& path, const sandbox::Sandbox& sandbox,
                  const ScoreSettings& settings) {
  check_tasks(suite);
  const std::vector<quality::Answer> answers = quality::read_answers(path, suite);
  const std::int64_t start = now_ns();
  quality::Judge judge(sandbox, {});
  std::vector<Verdict> verdicts(answers.size());
  Tally tally(suite);
  const auto task_of = [&](std::size_t i) -> const workload::Task& { return *suite.prompts[answers[i].prompt].task; };
  quality::in_order(
      answers.size(), settings.jobs, [&](std::size_t i) { verdicts[i] = judge_one(judge, sandbox, task_of(i), answers[i]); },
      [&](std::size_t i) {
        tally.add(answers[i].prompt, verdicts[i]);
        ordered_json row = verdict_json(task_of(i), verdicts[i], sandbox);
        row["sample"] = answers[i].sample;
        if (settings.json) return write_line(row);
        const std::string id = task_of(i).id + (answers[i].sample > 0 ? fmt::format(" #{}", answers[i].sample) : "");
        write_output(table_row(id, std::string(name_of(verdicts[i].status)), verdicts[i].seconds, verdicts[i].detail));
      });
  const double wall_s = s_from_ns(static_cast<double>(now_ns() - start));
  const sandbox::Cost cost = sandbox::measure_cost(sandbox, kCostPairs);
  if (settings.json) {
    ordered_json summary = tally.json(settings);
    summary["answers"] = answers.size();
    summary["sandbox_level"] = name_of(sandbox.level());
    summary["wall_s"] = wall_s;
    summary["jobs"] = settings.jobs;
    summary["sandbox_cost"] = cost_json(cost, sandboxes_per_task(suite));
    write_line(summary);
  } else {
    write_output(tally.text(settings) +
                 fmt::format("{} answers in {}, {} at once, in the sandbox '{}'\n", answers.size(), format_seconds(wall_s), settings.jobs,
                             name_of(sandbox.level())) +
                 cost_line(cost, sandboxes_per_task(suite)));
  }
  return tally.harness_errors() > 0 ? kExitModelFailed : kExitFine;
}

int score_references(const workload::Suite& suite, const sandbox::Sandbox& sandbox, const ScoreSettings& settings) {
  check_tasks(suite);
  std::vector<const workload::Task*> tasks;
  std::int64_t bare = 0;  // without a reference that could be checked
  for (const workload::Prompt& prompt : suite.prompts) {
    if (!prompt.task) continue;
    if (prompt.task->reference.empty()) {
      ++bare;
    } else {
      tasks.push_back(&*prompt.task);
    }
  }
  if (tasks.empty()) throw Error(ErrorCode::kConfig, "no task of the suite has a reference that could be checked", suite.path.string());
  const std::int64_t start = now_ns();
  quality::Judge judge(sandbox, {});
  std::vector<quality::ReferenceCheck> checks(tasks.size());
  ReferenceTally tally;
  quality::in_order(
      tasks.size(), settings.jobs, [&](std::size_t i) { checks[i] = quality::check_reference(judge, sandbox, *tasks[i]); },
      [&](std::size_t i) {
        tally.add(checks[i]);
        if (settings.json) return write_line(reference_json(*tasks[i], checks[i], sandbox));
        write_output(reference_row(*tasks[i], checks[i]));
      });
  const double wall_s = s_from_ns(static_cast<double>(now_ns() - start));
  if (settings.json) {
    ordered_json summary{
        {"summary", true}, {"suite", suite.name}, {"suite_digest", suite.digest}, {"tasks", tasks.size()}, {"without_reference", bare}};
    summary.update(tally.json());
    summary["sandbox_level"] = name_of(sandbox.level());
    summary["wall_s"] = wall_s;
    summary["jobs"] = settings.jobs;
    write_line(summary);
  } else {
    const std::string bare_text = bare > 0 ? fmt::format(", {} not checked (no reference)", bare) : std::string();
    write_output(fmt::format("\n{}: {}{}; {}, {} at once, in the sandbox '{}'\n{}", suite.name, tally.counts_text(tasks.size()), bare_text,
                             format_seconds(wall_s), settings.jobs, name_of(sandbox.level()), tally.not_checked_text()));
  }
  return tally.exit_code();
}

}  // namespace qbench::cli
