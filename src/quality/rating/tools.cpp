#include "quality/rating/tools.h"

#include <fmt/format.h>

#include <cctype>
#include <filesystem>

namespace qbench::quality {
namespace {

/// A compiler or an interpreter with a type checker needs more than a candidate does.
sandbox::Limits tool_limits(double wall_s) {
  sandbox::Limits limits;
  limits.wall_s = wall_s;
  limits.cpu_s = wall_s;
  limits.memory_bytes = std::uint64_t{2} << 30;
  limits.processes = 128;
  limits.output_bytes = std::uint64_t{16} << 20;
  limits.file_bytes = std::uint64_t{64} << 20;
  limits.scratch_bytes = std::uint64_t{128} << 20;
  return limits;
}

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

std::string version_in(std::string_view line) {
  std::string found;
  std::size_t at = 0;
  while (at < line.size()) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    std::string_view word = line.substr(at, end - at);
    if (!word.empty() && word[0] == 'v') word.remove_prefix(1);
    if (!word.empty() && std::isdigit(static_cast<unsigned char>(word[0])) && word.find('.') != std::string_view::npos) {
      found = std::string(word);
      break;
    }
    at = end + 1;
  }
  while (!found.empty() && (found.back() == ')' || found.back() == ',')) found.pop_back();
  return found;
}

}  // namespace

std::string problem_of(const sandbox::Outcome& outcome, const sandbox::Limits& limits) {
  switch (outcome.end) {
    case sandbox::End::kExited:
      return {};
    case sandbox::End::kSignal:
      return fmt::format("ended by signal {}", outcome.signal);
    case sandbox::End::kCpuTimeout:
      return fmt::format("cut off after {:g} s of processor time", limits.cpu_s);
    case sandbox::End::kWallTimeout:
      return fmt::format("cut off after {:g} s", limits.wall_s);
    case sandbox::End::kOom:
      return "ran out of memory";
    case sandbox::End::kOutputLimit:
      return "printed too much";
    case sandbox::End::kViolation:
      return "did what the sandbox forbids";
    case sandbox::End::kNotStarted:
      break;
  }
  return "not started: " + (outcome.detail.empty() ? std::string("no reason given") : outcome.detail);
}

ToolRun Toolbox::run(std::vector<std::string> argv, std::span<const workload::CodeFile> code, std::vector<sandbox::File> own,
                     std::string input, std::string_view needs, std::string_view package) const {
  ToolRun result;
  std::error_code failed;
  if (!std::filesystem::exists(std::filesystem::path(argv.at(0)), failed) ||
      !std::filesystem::exists(std::filesystem::path(needs), failed)) {
    result.problem = fmt::format("not installed (Debian package {})", package);
    return result;
  }
  sandbox::Job job;
  job.argv = std::move(argv);
  for (const workload::CodeFile& file : code) job.files.push_back({"code/" + file.path, file.text, false});
  for (sandbox::File& file : own) job.files.push_back({"tool/" + file.path, std::move(file.content), file.executable});
  job.input = std::move(input);
  job.limits = tool_limits(options_.tool_wall_s);
  job.environment = {{"PYTHONDONTWRITEBYTECODE", "1"}, {"PYTHONIOENCODING", "utf-8"}};
  result.outcome = sandbox_.run(job);
  result.problem = problem_of(result.outcome, job.limits);
  result.ran = result.problem.empty();
  result.exit_code = result.outcome.exit_code;
  result.output = result.outcome.output;
  result.error_output = result.outcome.error_output;
  result.cpu_s = result.outcome.cpu_s;
  return result;
}

std::string Toolbox::version(const std::string& path) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = versions_.find(path); found != versions_.end()) return found->second;
  }
  const ToolRun asked = run({path, "--version"}, {}, {}, "", path, path);
  std::string version = asked.ran ? version_in(first_line(asked.output.empty() ? asked.error_output : asked.output)) : std::string();
  const std::lock_guard lock(mutex_);
  return versions_.emplace(path, std::move(version)).first->second;
}

std::vector<std::string> paths_ending(std::span<const workload::CodeFile> code, std::initializer_list<std::string_view> endings,
                                      std::string_view folder) {
  std::vector<std::string> paths;
  for (const workload::CodeFile& file : code) {
    for (const std::string_view ending : endings) {
      if (file.path.size() > ending.size() && std::string_view(file.path).substr(file.path.size() - ending.size()) == ending) {
        paths.push_back(std::string(folder) + file.path);
        break;
      }
    }
  }
  return paths;
}

}  // namespace qbench::quality
