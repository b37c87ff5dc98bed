#pragma once

#include <span>
#include <string>

#include "workload/task.h"

namespace qbench::quality {

/// What tells code that differs from code that is only written differently: SHA-256 over the files in order of their paths, without empty
/// lines, lines that are only a comment (# in Python, // elsewhere), blanks at a line's end, and carriage returns; a tab counts as four blanks.
/// Empty where there is no code.
std::string code_key(std::span<const workload::CodeFile> files);

}  // namespace qbench::quality
