#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace qbench::workload {

/// A source file of an answer, a reference or a wrong variant.
struct CodeFile {
  std::string path;  ///< "solution.py"; relative, of clean components
  std::string text;
  bool operator==(const CodeFile&) const = default;
};

/// An answer that looks right and is not: the tests must refuse it.
struct WrongAnswer {
  std::string name;  ///< its folder's name
  std::vector<CodeFile> files;
};

/// How a task's answer is judged.
enum class TaskKind {
  kCases,       ///< calls with arguments; qbench compares what comes back
  kPythonTest,  ///< a suite's own Python test (HumanEval's check(candidate), MBPP's and EvalPlus's assertions), in a sandbox of its own
  kInside,      ///< tests compiled in with the answer (MultiPL-E): judge=inside
  kChecks,      ///< the structure of the answer is checked (the FastAPI prompt): see `checks`
};

/// What makes an answer right. Texts of values are JSON in the tagged form of prompts/README.md.
struct Task {
  std::string id;
  std::string language;  ///< "python", "typescript", "cpp"; MultiPL-E may name others
  TaskKind kind = TaskKind::kCases;
  std::string entry_point;          ///< function that must exist; empty where the cases name all they call
  std::vector<std::string> paths;   ///< files that an answer has; one for most
  std::string cases;                ///< kCases: the JSON array of cases
  double tolerance = 0;             ///< kCases: floating-point results may differ by this, relative and absolute
  std::vector<CodeFile> harness;    ///< kCases of C++: adapter.cpp
  std::string prefix;               ///< kPythonTest, kInside: the code that the answer completes (HumanEval's prompt)
  std::string test;                 ///< kPythonTest, kInside: the suite's test program
  std::string checks;               ///< kChecks: JSON object with the settings of the check
  std::vector<CodeFile> reference;  ///< a right answer; empty where the suite has none
  std::vector<WrongAnswer> wrong;
  std::string digest;  ///< SHA-256 over all of the above
};

/// SHA-256 over everything of the task but its digest.
std::string digest_of(const Task& task);

}  // namespace qbench::workload
