#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quality/rating/evidence.h"
#include "quality/rating/tools.h"

namespace qbench::quality {

struct Collected {
  Evidence evidence;
  std::vector<ToolUse> tools;
  std::string problem;  ///< why there is no evidence at all: the analyzer of the language did not run
};

/// "python", "typescript", "cpp" for a language's many names, else by the files' endings; empty: none of them.
std::string rated_language(std::string_view language, std::span<const workload::CodeFile> code);

/// Runs the language's tools in the sandbox.
Collected collect_evidence(const Toolbox& tools, const RatingInput& input, const std::string& language);

/// Reads Python files alone, as the web service checks do.
std::optional<Facts> read_python(const Toolbox& tools, std::span<const workload::CodeFile> code, ToolUse& use);

/// The file that holds the program: not a test; the application or the one with a main guard, else the longest. Empty without files.
std::string main_file(const Facts& facts);

}  // namespace qbench::quality
