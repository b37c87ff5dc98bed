#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace qbench::model {
namespace {

using formats::RopeScaling;

/// Index (fractional) of the dimension pair that turns `rotations` times within the trained context.
double correction_dim(double rotations, double dim, double theta, double context) {
  return dim * std::log(context / (rotations * 2.0 * std::numbers::pi)) / (2.0 * std::log(theta));
}

/// YaRN: pairs below `low` keep their frequency, pairs above `high` are interpolated, between them a linear ramp.
void apply_yarn(const formats::ModelConfig& config, backend::Rope& rope) {
  const RopeScaling& s = config.rope_scaling;
  const double dim = static_cast<double>(rope.rotary_dim);
  const double context = static_cast<double>(s.original_context);
  double low = correction_dim(s.beta_fast, dim, config.rope_theta, context);
  double high = correction_dim(s.beta_slow, dim, config.rope_theta, context);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1.0);
  if (low == high) high += 0.001;
  for (std::size_t j = 0; j < rope.inverse_frequency.size(); ++j) {
    const double interpolated = std::clamp((static_cast<double>(j) - low) / (high - low), 0.0, 1.0);
    rope.inverse_frequency[j] *= interpolated / s.factor + (1.0 - interpolated);
  }
  const double by_formula = s.factor <= 1.0 ? 1.0 : 0.1 * std::log(s.factor) + 1.0;
  rope.magnitude = s.attention_factor > 0.0 ? s.attention_factor : by_formula;
}

}  // namespace

backend::Rope make_rope(const formats::ModelConfig& config) {
  backend::Rope rope{config.head_dim, {}, 1.0};
  rope.inverse_frequency.resize(static_cast<std::size_t>(rope.rotary_dim / 2));
  for (std::size_t j = 0; j < rope.inverse_frequency.size(); ++j) {
    rope.inverse_frequency[j] = std::pow(config.rope_theta, -2.0 * static_cast<double>(j) / static_cast<double>(rope.rotary_dim));
  }
  switch (config.rope_scaling.kind) {
    case RopeScaling::Kind::kNone: break;
    case RopeScaling::Kind::kLinear:
      for (double& f : rope.inverse_frequency) f /= config.rope_scaling.factor;
      break;
    case RopeScaling::Kind::kYarn: apply_yarn(config, rope); break;
  }
  return rope;
}

}  // namespace qbench::model
