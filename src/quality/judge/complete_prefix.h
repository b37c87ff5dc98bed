#pragma once

#include <string>
#include <string_view>

#include "workload/task.h"

namespace qbench::quality {

/// Whether `code` has the whole function that the task asks for, not its body.
bool has_entry(std::string_view code, const workload::Task& task);

/// The whole program of an answer to a task with a prefix (HumanEval's prompt): `code` is the function again, perhaps with the prompt
/// before it, or its body. A whole function gets what the prefix has above it (imports, helpers); a body is indented as the prefix asks,
/// also where the answer lost the first line's indentation, and ends (unless `fenced`) at the first line at the margin that is no helper it
/// uses. Where the suite's test begins with the bracket that closes the function (MultiPL-E), the program ends before that bracket.
std::string complete_prefix(std::string_view code, const workload::Task& task, bool fenced);

}  // namespace qbench::quality
