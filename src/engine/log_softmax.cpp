#include "engine/log_softmax.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace qbench::engine {

double log_softmax_at(std::span<const float> logits, std::int32_t id) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const float value : logits) sum += std::exp(static_cast<double>(value) - top);
  return (static_cast<double>(logits[static_cast<std::size_t>(id)]) - top) - std::log(sum);
}

void require_finite(std::span<const float> logits, std::int64_t row, std::string_view where) {
  const auto broken = std::find_if_not(logits.begin(), logits.end(), [](float l) { return std::isfinite(l); });
  if (broken == logits.end()) return;
  throw Error(ErrorCode::kDevice,
              "the logit of token id " + std::to_string(broken - logits.begin()) + " after token " + std::to_string(row) +
                  " is not a finite number; the model's weights are broken, or its activations leave the range of --precision or --kv-type",
              std::string(where));
}

}  // namespace qbench::engine
