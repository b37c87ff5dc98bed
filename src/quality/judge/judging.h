#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "quality/judge/judge.h"
#include "quality/judge/toolchain.h"
#include "record/records.h"
#include "sandbox/sandbox.h"
#include "workload/task.h"

/// What the ways of judging share.
namespace qbench::quality {

/// One judgement: everything that it looks at.
struct Judging {
  const sandbox::Sandbox& sandbox;
  const workload::Task& task;
  std::span<const workload::CodeFile> code;
  sandbox::Limits limits;  ///< of the candidate
  const Toolchain& tools;
  double test_cpu_s = 60;  ///< of a suite's own Python test
};

/// Why it was no pass.
struct Failure {
  record::TaskStatus status = record::TaskStatus::kHarnessError;
  std::string detail;
};

/// An answer whose files hold nothing: no test may let it pass.
std::vector<workload::CodeFile> empty_program(const workload::Task& task);

/// What the end of a program that did not do its work means. `who` begins the detail: "the answer".
Failure failure_of(const sandbox::Outcome& outcome, const std::string& who);

Verdict verdict_of(Failure failure);

/// Foreign text as one line of at most `max_bytes`.
std::string one_line(std::string_view text, std::size_t max_bytes = 300);

/// The answer's files below answer/; nothing when a path would leave it (the detail says which).
std::optional<Failure> add_answer(std::span<const workload::CodeFile> code, std::vector<sandbox::File>& files);

/// A driver in the sandbox that answers each request with one line. Every request has a nonce of its own, which the answer repeats: a line
/// that was written before it was asked for is told by it, and one too many by the next request.
class Driver {
 public:
  explicit Driver(std::unique_ptr<sandbox::Process> process);
  /// Sends the request and returns the answer, an object. Nothing when there was none, or none that fits: failure() says why, and the
  /// program is gone.
  std::optional<nlohmann::json> ask(nlohmann::ordered_json request);
  /// Asks it to leave; false (and failure()) when it had said more than it was asked.
  bool leave();
  /// The program's end; asked for a second time it says the same. Kills it where it still runs.
  const sandbox::Outcome& end(bool kill = true);
  const Failure& failure() const { return failure_; }

 private:
  std::optional<nlohmann::json> fail(record::TaskStatus status, std::string detail);
  std::unique_ptr<sandbox::Process> process_;
  std::optional<sandbox::Outcome> outcome_;
  Failure failure_;
};

/// The ways of judging, one per kind of task. Calibration, missing tools and empty answers are the caller's to look after.
Verdict judge_cases(const Judging& judging);
Verdict judge_python_test(const Judging& judging);
Verdict judge_inside(const Judging& judging);

/// An answer made ready to run: transpiled or compiled where its language needs it.
struct Built {
  std::vector<sandbox::File> files;  ///< for the job's folder
  std::optional<Failure> failure;    ///< compile_error, or what else went wrong
};

/// C++: the program /task/program of `sources` (files that `files` holds, in order). TypeScript: JavaScript below answer/.
Built build_cpp(const Judging& judging, std::vector<sandbox::File> files, const std::vector<std::string>& sources,
                const std::string& standard);
Built build_script(const Judging& judging, std::span<const workload::CodeFile> code);

/// Limits of what is interactive: lines in both directions add up.
sandbox::Limits interactive(sandbox::Limits limits);

}  // namespace qbench::quality
