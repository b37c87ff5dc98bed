#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "recommend/choose.h"

namespace qbench::recommend {

/// What was said of one candidate, kept to be checked later.
struct StoredCandidate {
  std::string key, name;  ///< of Candidate
  bool can_win = true;    ///< held the constraints, as far as was predicted, and could be ordered
  Prediction prediction;
};

/// A line of predictions.jsonl.
struct StoredPrediction {
  std::string created_utc, task;  ///< ISO 8601, seconds; task: what --task named
  std::string digest;             ///< of the prompt: what its rows have as prompt_fingerprint
  double complexity = 0;
  std::optional<std::string> chosen;  ///< key
  std::string preference;
  std::vector<StoredCandidate> candidates;
};

/// Appends a line; folders are made. Error{kIo}.
void append_prediction(const std::filesystem::path& path, const StoredPrediction& prediction);

/// Error{kNotFound}, {kIo}; {kFormat} naming file and line: no JSON, a missing or mistyped key, a number that cannot be.
std::vector<StoredPrediction> read_predictions(const std::filesystem::path& path);

}  // namespace qbench::recommend
