#pragma once

#include <filesystem>

#include "workload/suite.h"

namespace qbench::workload {

/// True for files of the public formats: .jsonl, .jsonl.gz, .json.gz, and a .json other than suite.json that begins with a list.
bool is_public_suite(const std::filesystem::path& path);

/// Reads a suite of tasks in a public format, one JSON object a line or a list of them; unknown keys are ignored, as these formats have
/// many:
///   HumanEval, HumanEval+   task_id, prompt, entry_point, test, canonical_solution
///   EvalPlus' own files     task_id, prompt, entry_point, canonical_solution, base_input, plus_input, atol
///   MBPP, MBPP+             task_id, text or prompt, code, test_list; test_setup_code or test_imports; MBPP+: test
///   MultiPL-E               name, language, prompt, tests
/// Each prompt asks for the code in one fenced block. Its id is the task's in lower case ("humaneval-0"). Digests are not set yet.
/// Error{kConfig} naming file and line for anything wrong, a task without tests included.
Suite read_public_suite(const std::filesystem::path& path);

}  // namespace qbench::workload
