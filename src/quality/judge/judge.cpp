#include "quality/judge/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "base/digest.h"
#include "base/units.h"
#include "quality/judge/extract.h"
#include "quality/judge/judging.h"

namespace qbench::quality {

using record::TaskStatus;

namespace {

constexpr std::size_t kMaxCodeBytes = std::size_t{4} << 20;
constexpr double kLeastCpuS = 2;
constexpr double kCpuOverReference = 10;
/// Where the reference itself is slow (EvalPlus' large inputs), an answer may take so many times its time, beyond the usual limits.
constexpr double kSlack = 3;
/// A reference gets so many times the usual limits: it is known to end.
constexpr double kReferenceSlack = 6;
constexpr double kMostTestCpuS = 60, kLeastTestCpuS = 5;

Verdict harness_error(std::string detail) { return verdict_of({TaskStatus::kHarnessError, std::move(detail)}); }

std::size_t bytes_of(std::span<const workload::CodeFile> code) {
  std::size_t bytes = 0;
  for (const workload::CodeFile& file : code) bytes += file.text.size();
  return bytes;
}

bool has_tests(const workload::Task& task) {
  return task.kind == workload::TaskKind::kCases ? !task.cases.empty() : task.test.find_first_not_of(" \n\r\t") != std::string::npos;
}

}  // namespace

std::vector<workload::CodeFile> empty_program(const workload::Task& task) {
  std::vector<workload::CodeFile> files;
  for (const std::string& path : task.paths) files.push_back({path, "\n"});
  return files;
}

struct Judge::State {
  const sandbox::Sandbox& sandbox;
  JudgeOptions options;

  /// What the reference took, and whether the tests say no to nothing; each found once a task.
  struct Calibration {
    std::once_flag once, empty_once;
    Verdict verdict;
    double wall_s = 0;
    bool empty_passes = false;
  };
  std::mutex mutex;
  std::map<std::string, std::unique_ptr<Calibration>> calibrations;  ///< by the task's digest

  struct Allowance {
    sandbox::Limits limits;
    double test_cpu_s = kMostTestCpuS;
  };

  Verdict run(const workload::Task& task, std::span<const workload::CodeFile> code, const Allowance& allowance) {
    Verdict verdict = run_checked(task, code, allowance);
    if (verdict.behaviour.empty()) verdict.behaviour = outcome_of_test(verdict);
    return verdict;
  }

  Verdict run_checked(const workload::Task& task, std::span<const workload::CodeFile> code, const Allowance& allowance) {
    if (task.kind == workload::TaskKind::kChecks) return harness_error("the task has checks and no tests; qbench score DIR runs them");
    if (!has_tests(task)) return harness_error("the task has no tests");
    if (const auto missing = options.tools.missing_for(task.language)) return harness_error(*missing);
    if (code.empty()) return verdict_of({TaskStatus::kCompileError, "the answer holds no code"});
    if (bytes_of(code) > kMaxCodeBytes)
      return verdict_of(
          {TaskStatus::kCompileError, fmt::format("the answer's code has {} bytes, at most {} are judged", bytes_of(code), kMaxCodeBytes)});
    const Judging judging{sandbox, task, code, allowance.limits, options.tools, allowance.test_cpu_s};
    return task.kind == workload::TaskKind::kPythonTest ? judge_python_test(judging)
           : task.kind == workload::TaskKind::kInside   ? judge_inside(judging)
                                                        : judge_cases(judging);
  }

  /// What a suite's own test says of the answer's behaviour: where it failed first, and with what.
  static std::string outcome_of_test(const Verdict& verdict) {
    if (verdict.status == TaskStatus::kHarnessError) return {};
    const bool says = verdict.status == TaskStatus::kWrong || verdict.status == TaskStatus::kException;
    return sha256_hex(std::string(name_of(verdict.status)) + "\n" + (says ? verdict.detail : std::string()));
  }

  Calibration& calibration_of(const workload::Task& task) {
    const std::lock_guard lock(mutex);
    auto& slot = calibrations[task.digest.empty() ? digest_of(task) : task.digest];
    if (!slot) slot = std::make_unique<Calibration>();
    return *slot;
  }

  const Calibration& reference(const workload::Task& task) {
    Calibration& calibration = calibration_of(task);
    std::call_once(calibration.once, [&] {
      Allowance allowance{options.limits};
      allowance.limits.cpu_s *= kReferenceSlack;
      allowance.limits.wall_s *= kReferenceSlack;
      const std::int64_t start = now_ns();
      calibration.verdict = run(task, task.reference, allowance);
      calibration.wall_s = s_from_ns(static_cast<double>(now_ns() - start));
    });
    return calibration;
  }

  bool empty_passes(const workload::Task& task) {
    Calibration& calibration = calibration_of(task);
    std::call_once(calibration.empty_once,
                   [&] { calibration.empty_passes = run(task, empty_program(task), {options.limits}).status == TaskStatus::kPass; });
    return calibration.empty_passes;
  }

  Allowance allowance_for(const Calibration& reference) const {
    Allowance allowance{options.limits};
    const double cpu_s = reference.verdict.seconds;
    allowance.limits.cpu_s = std::max(kSlack * cpu_s, std::min(allowance.limits.cpu_s, std::max(kLeastCpuS, kCpuOverReference * cpu_s)));
    allowance.limits.wall_s = std::max(allowance.limits.wall_s, kSlack * reference.wall_s);
    allowance.test_cpu_s = std::clamp(kCpuOverReference * reference.verdict.test_seconds, kLeastTestCpuS, kMostTestCpuS);
    return allowance;
  }
};

Judge::Judge(const sandbox::Sandbox& sandbox, JudgeOptions options) : state_(new State{sandbox, std::move(options), {}, {}}) {}
Judge::~Judge() = default;

const Toolchain& Judge::tools() const { return state_->options.tools; }

Verdict Judge::judge_reference(const workload::Task& task) {
  if (task.reference.empty()) return harness_error("the task has no reference");
  return state_->reference(task).verdict;
}

Verdict Judge::judge_variant(const workload::Task& task, std::span<const workload::CodeFile> code) {
  if (task.reference.empty() || !state_->options.calibrate) return state_->run(task, code, {state_->options.limits});
  const State::Calibration& reference = state_->reference(task);
  const bool usable = reference.verdict.status == TaskStatus::kPass;
  return state_->run(task, code, usable ? state_->allowance_for(reference) : State::Allowance{state_->options.limits});
}

Verdict Judge::judge(const workload::Task& task, std::span<const workload::CodeFile> code) {
  const auto unusable = [&](std::string why) {
    Verdict verdict = harness_error(std::move(why));
    verdict.judged_inside = task.kind == workload::TaskKind::kInside;
    return verdict;
  };
  if (!task.reference.empty() && state_->options.calibrate) {
    const Verdict& reference = state_->reference(task).verdict;
    if (reference.status == TaskStatus::kHarnessError) return reference;
    if (reference.status != TaskStatus::kPass)
      return unusable(fmt::format("the task's reference fails ({}): {}", name_of(reference.status), reference.detail));
  }
  Verdict verdict = judge_variant(task, code);
  // Asked of every answer: where only those that pass were left out, such a task would count failures alone.
  if (verdict.status != TaskStatus::kHarnessError && state_->empty_passes(task))
    return unusable("the task's tests pass on an empty program");
  return verdict;
}

Verdict Judge::judge_answer(const workload::Task& task, const std::string& answer) { return judge(task, extract_code(answer, task).files); }

}  // namespace qbench::quality
