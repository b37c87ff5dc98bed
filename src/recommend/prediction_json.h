#pragma once

#include <nlohmann/json_fwd.hpp>

#include "recommend/predict.h"

namespace qbench::recommend {

/// A prediction as predictions.jsonl and `recommend --json` have it; absent members are left out.
nlohmann::ordered_json to_json(const Prediction& prediction);

}  // namespace qbench::recommend
