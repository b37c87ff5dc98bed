#include <limits>
#include <vector>

/// count is known from the length; mean, variance, min, max after all values were pushed.
std::vector<std::optional<double>> summary(std::size_t window, std::vector<double> values) {
  RollingStats stats(window);
  for (const double value : values) stats.push(value);
  return {stats.mean(), stats.variance(), stats.min(), stats.max()};
}

std::vector<std::size_t> counts(std::size_t window, std::vector<double> values) {
  RollingStats stats(window);
  std::vector<std::size_t> out{stats.count()};
  for (const double value : values) {
    stats.push(value);
    out.push_back(stats.count());
  }
  stats.reset();
  out.push_back(stats.count());
  return out;
}

/// The maximum after each push.
std::vector<std::optional<double>> running_max(std::size_t window, std::vector<double> values) {
  RollingStats stats(window);
  std::vector<std::optional<double>> out;
  for (const double value : values) {
    stats.push(value);
    out.push_back(stats.max());
  }
  return out;
}

std::optional<double> quantile_of(std::size_t window, std::vector<double> values, double q) {
  RollingStats stats(window);
  for (const double value : values) stats.push(value);
  return stats.quantile(q);
}

/// Variance of the last values of a long series that alternates between base and base + step.
std::optional<double> variance_after(std::size_t window, double base, double step, int pushes) {
  RollingStats stats(window);
  for (int i = 0; i < pushes; ++i) stats.push(i % 2 == 0 ? base : base + step);
  return stats.variance();
}

/// The mean of 1 and 3 after an attempt to push something that is not finite; throws when the attempt did not.
std::optional<double> mean_after_refused(bool infinite) {
  RollingStats stats(2);
  stats.push(1);
  stats.push(3);
  try {
    stats.push(infinite ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN());
  } catch (const std::invalid_argument&) {
    return stats.mean();
  }
  throw std::logic_error("a value that is not finite was accepted");
}

std::optional<double> mean_after_reset(std::vector<double> before, std::vector<double> after) {
  RollingStats stats(3);
  for (const double value : before) stats.push(value);
  stats.reset();
  for (const double value : after) stats.push(value);
  return stats.mean();
}

QB_FUNCTION(summary)
QB_FUNCTION(counts)
QB_FUNCTION(running_max)
QB_FUNCTION(quantile_of)
QB_FUNCTION(variance_after)
QB_FUNCTION(mean_after_refused)
QB_FUNCTION(mean_after_reset)
