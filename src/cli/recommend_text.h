#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "recommend/choose.h"
#include "recommend/evaluate.h"

namespace qbench::cli {

/// All that `recommend` found out about one task.
struct TaskAnswer {
  std::string task;       ///< what --task named
  bool of_suite = false;  ///< SUITE#ID; else a file
  recommend::TaskNeeds needs;
  recommend::Evidence evidence;
  recommend::ComplexityCheck check;
  recommend::Predictions predictions;
  recommend::Choice choice;
  recommend::Preference preference = recommend::Preference::kBalanced;
};

struct TextStyle {
  std::size_t width = 80;
  bool color = false;
};

std::string answer_text(const TaskAnswer& answer, const TextStyle& style);
nlohmann::ordered_json answer_json(const TaskAnswer& answer);

std::string calibration_text(const recommend::Calibration& calibration);
nlohmann::ordered_json calibration_json(const recommend::Calibration& calibration);

}  // namespace qbench::cli
