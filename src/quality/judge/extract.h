#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "workload/task.h"

namespace qbench::quality {

/// The code of an answer, and how it was found.
struct ExtractedCode {
  /// Whole files at task.paths, none when there is no code. Where the answer is only the body of the function that task.prefix begins, the file is
  /// task.prefix and the body; a function that came whole stands alone (the judge defines what the prefix has before it).
  std::vector<workload::CodeFile> files;
  std::string rule;                       ///< which rule found it: "bare", "fence", "named fences", "unfinished fence", ...
  bool unfinished = false;                ///< a fence or thought that never closed: the answer was cut off
};

/// Finds the code of `answer`, which may be chatty: thinking text, prose, several fenced blocks, file names, a block that never ends, or
/// nothing but code or the body of the function that `task.prefix` begins. Never throws for any bytes; NUL and malformed UTF-8 stay in the
/// text.
ExtractedCode extract_code(std::string_view answer, const workload::Task& task);

}  // namespace qbench::quality
