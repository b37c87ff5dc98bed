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
  std::int64_t with_interval = 0;      ///< of them, those that had an interval
  std::int64_t inside = 0;             ///< of these, those whose 95 % interval holds the value
  std::optional<double> median_ratio;  ///< measured / predicted
};

/// Predictions of success within a tenth, and what came of them.
struct SuccessBin {
  double low = 0, high = 0;
  std::int64_t n = 0;
  double predicted = 0, measured = 0;  ///< means
};

struct Calibration {
  std::int64_t predictions = 0;  ///< of task and candidate: of each task the latest
  std::int64_t checks = 0;       ///< measured by a run that began later; several runs check one prediction several times
  std::int64_t too_late = 0;     ///< measured by a run that had begun when the prediction was made: proves nothing, not counted
  std::vector<QuantityCalibration> quantities;
  std::optional<double> brier;     ///< mean of (predicted success - share of first attempts that passed)^2
  std::vector<SuccessBin> bins;    ///< those that are not empty
  std::int64_t choices = 0;        ///< checks of a choice beside another candidate that could have been chosen
  std::int64_t choices_right = 0;  ///< of them, those where the choice was the best of the measured by the preference it was made by
};

/// Pairs, for each result, the latest prediction of each task that was made before the result's run began with the rows of the same prompt
/// and candidate. An interval of a success ratio is one of a mean, which no single task can lie in: success is held against its bins.
Calibration evaluate(const std::vector<StoredPrediction>& predictions, const std::vector<record::ResultSet>& results);

}  // namespace qbench::recommend
