#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "sandbox/sandbox.h"

namespace qbench::cli {

struct FolderScoring {
  std::optional<std::string> suite;  ///< where the run's suite is not one that its name finds
  int jobs = 1;
  bool json = false;
};

/// Judges and rates the saved text outputs of a run, adds what it finds to samples.jsonl and renders the folder's reports again. Answers that the
/// run itself has judged keep their verdict. Prints a row for each answer. Exit code: 0, or 3 where the harness failed on an answer.
/// Error{kUsage}: no run's folder, or another process writes it; Error{kConfig}: it holds no text.
int score_folder(const std::filesystem::path& folder, const sandbox::Sandbox& sandbox, const FolderScoring& settings);

}  // namespace qbench::cli
