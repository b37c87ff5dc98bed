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

/// Appends a line; folders are made. Several processes may append at once. A half line at the end, as a process leaves it that was killed
/// while it wrote, is cut off first: "FILE, line N" then. Error{kIo}; {kFormat} where the last line has no end and is no prediction, nor
/// the beginning of one: the file is someone else's.
std::optional<std::string> append_prediction(const std::filesystem::path& path, const StoredPrediction& prediction);

struct StoredPredictions {
  std::vector<StoredPrediction> predictions;
  std::optional<std::string> half_line;  ///< "FILE, line N": the last line, which a killed process left half-written; it is left out
};

/// Error{kNotFound}, {kIo}; {kFormat} naming file and line: no JSON (but for half_line), a missing or mistyped key, a number that cannot
/// be.
StoredPredictions read_predictions(const std::filesystem::path& path);

}  // namespace qbench::recommend
