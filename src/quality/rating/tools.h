#pragma once

#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quality/rating/rating.h"
#include "sandbox/sandbox.h"

namespace qbench::quality {

/// What a tool said.
struct ToolRun {
  bool ran = false;  ///< it ended by itself; its exit status is the tool's own matter
  int exit_code = 0;
  std::string output, error_output;
  std::string problem;  ///< why it gave nothing, in a few words; empty when it ran
  double cpu_s = 0;
  sandbox::Outcome outcome;
};

/// The tools of the rating, each run in the sandbox with the answer's files below /task/code and qbench's own below /task/tool.
class Toolbox {
 public:
  Toolbox(const sandbox::Sandbox& sandbox, const RaterOptions& options) : sandbox_(sandbox), options_(options) {}

  const RaterOptions& options() const { return options_; }
  /// Runs argv; `needs` is a path that must exist for it, `package` the Debian package that brings it.
  ToolRun run(std::vector<std::string> argv, std::span<const workload::CodeFile> code, std::vector<sandbox::File> own, std::string input,
              std::string_view needs, std::string_view package) const;
  /// The first line that the tool prints for --version, "" where it does not; asked once. The last word that begins with a digit is the
  /// version.
  std::string version(const std::string& path) const;

 private:
  const sandbox::Sandbox& sandbox_;
  RaterOptions options_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::string> versions_;
};

/// Paths of the files below /task/code that end in one of the endings.
std::vector<std::string> paths_ending(std::span<const workload::CodeFile> code, std::initializer_list<std::string_view> endings,
                                      std::string_view folder = "");

/// A problem of a run in a few words: "cut off after 60 s", "not started: ...".
std::string problem_of(const sandbox::Outcome& outcome, const sandbox::Limits& limits);

}  // namespace qbench::quality
