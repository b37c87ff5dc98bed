#include <fmt/format.h>

#include <algorithm>
#include <csignal>

#include "quality/judge/judging.h"
#include "quality/judge/lines.h"

namespace qbench::quality {
namespace {

using record::TaskStatus;
using sandbox::End;

/// The first lines of the prompt, up to its function: includes and imports, which an answer that has come whole may have left out.
std::string preamble_of(const std::string& prefix) {
  std::string kept;
  for (std::size_t start = 0; start < prefix.size();) {
    const std::size_t end = std::min(prefix.find('\n', start), prefix.size());
    const std::string_view line = std::string_view(prefix).substr(start, end - start);
    const bool imports = line.starts_with("#include") || line.starts_with("import ") || line.starts_with("from ") ||
                         line.starts_with("using ") || line.starts_with("declare ") ||
                         (line.starts_with("const ") && line.find("require(") != std::string_view::npos);
    if (imports) kept.append(line).append("\n");
    start = end + 1;
  }
  return kept;
}

/// Answer and tests as one program. The C++ and JavaScript tests begin with the brace that closes the prompt's function: an answer that
/// closed it itself has no use for that one.
std::string program_of(const Judging& judging) {
  const workload::Task& task = judging.task;
  std::string code;
  for (const workload::CodeFile& file : judging.code) code += file.text + "\n";
  const bool whole = !code.starts_with(task.prefix);
  std::string tests = task.test;
  const std::size_t brace = tests.find_first_not_of(" \n\r\t");
  const auto count = [&](char c) { return std::count(code.begin(), code.end(), c); };
  if (brace != std::string::npos && tests[brace] == '}' && count('{') == count('}')) tests.erase(0, brace + 1);
  return (whole ? preamble_of(task.prefix) : std::string()) + code + "\n" + tests + "\n";
}

/// Node says what went wrong in the middle of its words and ends with its version.
std::string node_error(std::string_view said) {
  if (said.find("\nNode.js v") == std::string_view::npos) return {};
  for (LineReader lines(said); lines.next();) {
    const std::string_view word = leading_word(lines.line());
    if (word.ends_with("Error") && word.size() < lines.line().size()) return one_line(lines.line(), 200);
  }
  return {};
}

Verdict judge_end(const sandbox::Outcome& outcome) {
  Verdict verdict;
  verdict.seconds = outcome.cpu_s;
  verdict.cases_total = 1;
  if (outcome.end == End::kExited && outcome.exit_code == 0) {
    verdict.status = TaskStatus::kPass;
    verdict.cases_passed = 1;
    return verdict;
  }
  const Failure failure = failure_of(outcome, "the program");
  verdict.status = failure.status;
  verdict.detail = failure.detail;
  const std::string& said = outcome.error_output;
  if (const std::string error = node_error(said); !error.empty() && outcome.end == End::kExited) verdict.detail = error;
  const auto says = [&](const char* word) { return said.find(word) != std::string::npos; };
  const bool asserted = says("AssertionError") || says("ERR_ASSERTION") || (says("Assertion `") && outcome.signal == SIGABRT);
  if (verdict.status == TaskStatus::kCrash && asserted) verdict.status = TaskStatus::kWrong;
  if (verdict.status == TaskStatus::kCrash && says("SyntaxError") && !says("Traceback")) verdict.status = TaskStatus::kCompileError;
  if (verdict.status == TaskStatus::kCrash && outcome.end == End::kExited) verdict.status = TaskStatus::kException;
  return verdict;
}

}  // namespace

Verdict judge_inside(const Judging& judging) {
  const std::string& language = judging.task.language;
  sandbox::Job job;
  job.limits = judging.limits;
  Built built;
  if (language == "cpp") {
    built = build_cpp(judging, {{"main.cpp", program_of(judging), false}}, {"main.cpp"}, "c++17");
    job.argv = {"/task/program"};
  } else if (language == "python") {
    built.files.push_back({"answer/main.py", program_of(judging), false});
    job.argv = {judging.tools.python, "-E", "-s", "-S", "-B", "/task/answer/main.py"};
  } else {
    const workload::CodeFile program{"main.ts", program_of(judging)};
    built = build_script(judging, {&program, 1});
    job.argv = {judging.tools.node, "/task/answer/main.js"};
  }
  Verdict verdict;
  if (built.failure) {
    verdict = verdict_of(*built.failure);
  } else {
    job.files = std::move(built.files);
    verdict = judge_end(judging.sandbox.run(job));
  }
  verdict.judged_inside = true;
  return verdict;
}

}  // namespace qbench::quality
