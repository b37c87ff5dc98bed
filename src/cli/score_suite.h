#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "sandbox/sandbox.h"
#include "workload/suite.h"

namespace qbench::cli {

/// How `qbench score` judges and what it prints.
struct ScoreSettings {
  std::vector<std::int64_t> ks{1};  ///< of pass@k
  int jobs = 1;
  bool json = false;
};

/// Judges the answers of the file and prints a row for each and a summary with pass@k. Exit code: 0, or 3 where the harness failed
/// somewhere.
int score_answers(const workload::Suite& suite, const std::filesystem::path& answers, const sandbox::Sandbox& sandbox,
                  const ScoreSettings& settings);

/// Judges the suite's references and wrong answers, and prints a row for each task and a summary. Exit code: 0, 1 where one is not as it
/// should be, 3 where this machine lacks what a check needs.
int score_references(const workload::Suite& suite, const sandbox::Sandbox& sandbox, const ScoreSettings& settings);

}  // namespace qbench::cli
