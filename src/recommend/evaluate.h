#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "recommend/prediction_file.h"
#include "record/result_set.h"

namespace qbench::recommend {

/// How one predicted quantity met what was measured.
struct QuantityCalibration {
  std::string metric;                  ///< "ttft_ms"
  std::int64_t n = 0;                  ///< predictions with a measured value
  std::int64_t inside = 0;             ///< of them, those whose 95 % interval holds it
  std::optional<double> median_ratio;  ///< measured / predicted
};

/// Predictions of success within a tenth, and what came of them.
struct SuccessBin {
  double low = 0, high = 0;
  std::int64_t n = 0;
  double predicted = 0, measured = 0;  ///< means
};

struct Calibration {
  std::int64_t predictions = 0, matched = 0;  ///< of task and candidate; matched: the results hold both
  std::vector<QuantityCalibration> quantities;
  std::optional<double> brier;     ///< mean of (predicted success - share of answers that passed)^2
  std::vector<SuccessBin> bins;    ///< those that are not empty
  std::int64_t choices = 0;        ///< predictions whose choice and another candidate were measured
  std::int64_t choices_right = 0;  ///< of them, those where the choice was the best of the measured by the preference it was made by
};

/// Pairs the latest prediction of each task and candidate with the rows of the same prompt and candidate in `results`.
Calibration evaluate(const std::vector<StoredPrediction>& predictions, const std::vector<record::ResultSet>& results);

}  // namespace qbench::recommend
