#pragma once

#include <string>
#include <vector>

#include "quality/judge/code_block.h"
#include "workload/task.h"

namespace qbench::quality {

/// Whether the block may hold code of the task's language: tagged so, or not tagged; no shell, output, data or interpreter session.
bool may_hold(const CodeBlock& block, const workload::Task& task);

/// One file out of the blocks of an answer: for each wanted name the block that defines it best, then the blocks that define what those
/// mention, in the answer's order. Which is best: complete before cut off or elided, the answer's own before one introduced as an
/// alternative, a mistake or an example, a whole function before an excerpt of it, later before earlier. Without wanted names all parts
/// that are neither tests nor examples, later definitions over earlier ones. Empty when there is no such block.
std::string join_blocks(const std::vector<CodeBlock>& blocks, const workload::Task& task, const std::vector<std::string>& wanted);

/// The files of an answer to a task with several paths: by name, by comments that name them inside a block, by what the cases call in which
/// module, else in order. Other named files of the task's language come along. Files for which there is no block are absent.
std::vector<workload::CodeFile> assign_files(const std::vector<CodeBlock>& blocks, const workload::Task& task);

/// Named files beside the task's only path that `code` imports.
std::vector<workload::CodeFile> imported_files(const std::vector<CodeBlock>& blocks, const workload::Task& task, const std::string& code);

}  // namespace qbench::quality
