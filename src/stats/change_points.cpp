#include "stats/change_points.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/check.h"
#include "stats/student_t.h"
#include "stats/summary.h"

namespace qbench::stats {
namespace {

using Series = std::span<const double>;

/// Begin of the stretch between change points that holds `index`, and its end. `points` ascend.
std::size_t begin_of(const std::vector<ChangePoint>& points, std::size_t which) { return which == 0 ? 0 : points[which - 1].index; }
std::size_t end_of(const std::vector<ChangePoint>& points, std::size_t which, std::size_t size) {
  return which == points.size() ? size : points[which].index;
}

/// Statistics of the change at `index` between the stretches [begin, index) and [index, end).
ChangePoint judged(Series series, std::size_t begin, std::size_t index, std::size_t end) {
  const Series left = series.subspan(begin, index - begin), right = series.subspan(index, end - index);
  return {index, *mean(left), *mean(right), student_t_test_p(left, right)};
}

void judge_again(Series series, std::vector<ChangePoint>& points, std::size_t which) {
  if (which >= points.size()) return;
  points[which] = judged(series, begin_of(points, which), points[which].index, end_of(points, which + 1, series.size()));
}

/// Relative change of the mean, the larger of forwards and backwards; 0 against a mean of 0.
double magnitude(const ChangePoint& point) {
  const double forwards = point.before == 0 ? 0 : std::abs(point.after / point.before - 1);
  const double backwards = point.after == 0 ? 0 : std::abs(point.before / point.after - 1);
  return std::max(forwards, backwards);
}

void insert_in_order(std::vector<ChangePoint>& points, const ChangePoint& point) {
  const auto at = std::lower_bound(points.begin(), points.end(), point, [](const auto& a, const auto& b) { return a.index < b.index; });
  if (at == points.end() || at->index != point.index) points.insert(at, point);
}

/// E-divisive on one window: splits the stretch whose best split is best of all, as long as that split is significant.
std::vector<ChangePoint> split_window(Series window, double max_p) {
  std::vector<ChangePoint> points;
  while (true) {
    std::optional<Split> best;
    std::size_t stretch = 0;
    for (std::size_t i = 0; i <= points.size(); ++i) {
      const std::size_t begin = begin_of(points, i), end = end_of(points, i, window.size());
      if (end - begin < 2) continue;
      Split split = best_split(window.subspan(begin, end - begin));
      split.index += begin;
      if (!best || split.statistic > best->statistic) {
        best = split;
        stretch = i;
      }
    }
    if (!best) return points;
    const ChangePoint point = judged(window, begin_of(points, stretch), best->index, end_of(points, stretch, window.size()));
    if (!(point.p <= max_p)) return points;
    insert_in_order(points, point);
  }
}

std::vector<ChangePoint> candidates(Series series, const ChangePointRule& rule, double max_p) {
  std::vector<ChangePoint> points;
  for (std::size_t begin = 0; begin < series.size();) {
    const std::vector<ChangePoint> found = split_window(series.subspan(begin, std::min(rule.window, series.size() - begin)), max_p);
    std::size_t next = begin + rule.window / 2;
    for (ChangePoint point : found) {
      point.index += begin;
      next = std::max(next, point.index);
      insert_in_order(points, point);
    }
    begin = next;
  }
  for (std::size_t i = 0; i < points.size(); ++i) judge_again(series, points, i);
  return points;
}

/// Takes out the weakest point until all that stay are significant and large; its neighbours' stretches grow.
void merge(Series series, std::vector<ChangePoint>& points, const ChangePointRule& rule) {
  while (!points.empty()) {
    auto weakest = std::max_element(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.p < b.p; });
    if (weakest->p < rule.max_p) {
      weakest = std::min_element(points.begin(), points.end(), [](const auto& a, const auto& b) { return magnitude(a) < magnitude(b); });
      if (magnitude(*weakest) > rule.magnitude) return;
    }
    const auto gone = static_cast<std::size_t>(weakest - points.begin());
    points.erase(weakest);
    if (gone > 0) judge_again(series, points, gone - 1);
    judge_again(series, points, gone);
  }
}

}  // namespace

Split best_split(std::span<const double> stretch) {
  const std::size_t n = stretch.size();
  QB_CHECK(n >= 2);
  // Sums of |x_i - x_j| over pairs inside a part; the right part is [split, end).
  std::vector<double> inside_left(n, 0), inside_right(n, 0);
  for (std::size_t i = 1; i < n; ++i) {
    inside_left[i] = inside_left[i - 1];
    for (std::size_t j = 0; j + 1 < i; ++j) inside_left[i] += std::abs(stretch[j] - stretch[i - 1]);
  }
  Split best{1, -std::numeric_limits<double>::infinity()};
  double all = 0;
  for (std::size_t end = 2; end <= n; ++end) {
    double column = 0;  // of the newest value against those before it, down to the split
    for (std::size_t split = end - 1; split-- > 0;) {
      column += std::abs(stretch[split] - stretch[end - 1]);
      inside_right[split] += column;
    }
    all = inside_right[0];
    for (std::size_t split = 1; split < end; ++split) {
      const auto left = static_cast<double>(split), right = static_cast<double>(end - split);
      const double between = all - inside_left[split] - inside_right[split];
      double statistic = 2 * between / (left + right);
      if (split > 1) statistic -= 2 * right / (left + right) / (left - 1) * inside_left[split];
      if (end - split > 1) statistic -= 2 * left / (left + right) / (right - 1) * inside_right[split];
      if (statistic > best.statistic || (statistic == best.statistic && split < best.index)) best = {split, statistic};
    }
  }
  return best;
}

std::vector<ChangePoint> find_change_points(std::span<const double> series, const ChangePointRule& rule) {
  QB_CHECK(rule.window >= 2 && rule.max_p > 0 && rule.max_p < 0.05);
  std::vector<ChangePoint> points = candidates(series, rule, 10 * rule.max_p);
  merge(series, points, rule);
  std::erase_if(points, [&](const ChangePoint& point) { return series.size() - point.index < rule.min_after; });
  return points;
}

}  // namespace qbench::stats
