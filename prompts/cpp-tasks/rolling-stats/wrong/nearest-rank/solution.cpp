#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <vector>

/// Statistics of the last `window` values. All are computed from the stored values, so no rounding error builds up over time.
class RollingStats {
 public:
  explicit RollingStats(std::size_t window) : window_(window) {
    if (window == 0) throw std::invalid_argument("RollingStats: the window must hold at least one value");
  }

  void push(double value) {
    if (!std::isfinite(value)) throw std::invalid_argument("RollingStats: the value is not finite");
    if (values_.size() == window_) values_.pop_front();
    values_.push_back(value);
  }

  std::size_t count() const { return values_.size(); }

  std::optional<double> mean() const {
    if (values_.empty()) return std::nullopt;
    return std::accumulate(values_.begin(), values_.end(), 0.0) / static_cast<double>(count());
  }

  /// Of the sample (divisor n - 1), from deviations: sums of squares would cancel for large values.
  std::optional<double> variance() const {
    if (count() < 2) return std::nullopt;
    const double center = *mean();
    double sum = 0;
    for (const double value : values_) sum += (value - center) * (value - center);
    return sum / static_cast<double>(count() - 1);
  }

  std::optional<double> min() const { return quantile(0); }
  std::optional<double> max() const { return quantile(1); }

  std::optional<double> quantile(double q) const {
    if (!(q >= 0 && q <= 1)) throw std::invalid_argument("RollingStats: a quantile lies between 0 and 1");
    if (values_.empty()) return std::nullopt;
    std::vector<double> sorted(values_.begin(), values_.end());
    std::sort(sorted.begin(), sorted.end());
    const double position = q * static_cast<double>(sorted.size() - 1);
    return sorted[static_cast<std::size_t>(std::lround(position))];
  }

  void reset() { values_.clear(); }

 private:
  std::size_t window_;
  std::deque<double> values_;
};
