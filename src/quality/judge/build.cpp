#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "quality/judge/driver_texts.h"
#include "quality/judge/judging.h"

namespace qbench::quality {
namespace {

using record::TaskStatus;
using sandbox::End;

/// Compilers get more than answers, and no more than this: a template that never ends is the answer's fault.
sandbox::Limits compiler_limits() {
  sandbox::Limits limits;
  limits.cpu_s = 60;
  limits.wall_s = 180;
  limits.memory_bytes = std::uint64_t{2} << 30;
  limits.file_bytes = std::uint64_t{64} << 20;
  limits.output_bytes = std::uint64_t{64} << 20;
  limits.scratch_bytes = std::uint64_t{256} << 20;
  return limits;
}

/// The compiler's first complaint.
std::string first_error(const std::string& text) {
  const std::size_t at = text.find("error: ");
  if (at == std::string::npos) return one_line(text);
  const std::size_t before = text.rfind('\n', at);
  const std::size_t start = before == std::string::npos ? 0 : before + 1;
  const std::size_t end = std::min(text.find('\n', at), text.size());
  return one_line(std::string_view(text).substr(start, end - start));
}

std::optional<Failure> compiler_failure(const sandbox::Outcome& outcome) {
  if (outcome.end == End::kNotStarted) return failure_of(outcome, "the compiler");
  if (outcome.end == End::kExited && outcome.exit_code == 0) return std::nullopt;
  if (outcome.end == End::kExited) return Failure{TaskStatus::kCompileError, first_error(outcome.error_output)};
  return Failure{TaskStatus::kCompileError, failure_of(outcome, "the compiler").detail};
}

}  // namespace

Built build_cpp(const Judging& judging, std::vector<sandbox::File> files, const std::vector<std::string>& sources,
                const std::string& standard) {
  // Folders as words of their own: those the sandbox translates where it has no namespaces.
  const std::string command = fmt::format(
      "exec 3>&1 1>&2; task=$1 answer=$2; shift 2; {} -std={} -O1 -w -fmax-errors=3 -fdiagnostics-color=never -I\"$task\" "
      "-I\"$answer\" -o \"$TMPDIR/program\" \"$@\" && cat \"$TMPDIR/program\" >&3",
      judging.tools.gxx, standard);
  sandbox::Job job;
  job.argv = {judging.tools.shell, "-c", command, "sh", "/task", "/task/answer"};
  for (const std::string& source : sources) job.argv.push_back("/task/" + source);
  job.files = std::move(files);
  job.limits = compiler_limits();
  sandbox::Outcome outcome = judging.sandbox.run(job);
  Built built;
  built.failure = compiler_failure(outcome);
  if (!built.failure) built.files.push_back({"program", std::move(outcome.output), true});
  return built;
}

Built build_script(const Judging& judging, std::span<const workload::CodeFile> code) {
  sandbox::Job job;
  job.argv = {judging.tools.node, "/task/transpile.js", judging.tools.typescript};
  job.files.push_back({"transpile.js", std::string(transpile_js()), false});
  Built built;
  built.failure = add_answer(code, job.files);
  if (built.failure) return built;
  for (const workload::CodeFile& file : code) job.argv.push_back(file.path);
  job.limits = compiler_limits();
  const sandbox::Outcome outcome = judging.sandbox.run(job);
  built.failure = compiler_failure(outcome);
  if (built.failure) return built;
  // The transpiler runs nothing of the answer, but what it prints came from it.
  if (find_json_problem(outcome.output)) {
    built.failure = {TaskStatus::kHarnessError, "the TypeScript compiler printed no JSON: " + one_line(outcome.output, 100)};
    return built;
  }
  const nlohmann::json made = parse_json(outcome.output, "tsc");
  if (!made["errors"].empty()) {
    built.failure = {TaskStatus::kCompileError, one_line(made["errors"][0].get<std::string>())};
    return built;
  }
  for (const auto& [path, text] : made["files"].items()) built.files.push_back({"answer/" + path, text.get<std::string>(), false});
  return built;
}

}  // namespace qbench::quality
