#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// A half-open range whose points all have this value.
struct Segment {
  std::int64_t begin;
  std::int64_t end;
  std::string value;
  bool operator==(const Segment&) const = default;
};

/// Values of ranges. Segments never overlap or are empty, and neighbours that touch differ in value.
class IntervalMap {
 public:
  void assign(std::int64_t begin, std::int64_t end, const std::string& value) {
    // The value may be one of ours that is about to go.
    std::string kept = value;
    erase(begin, end);
    if (begin == end) return;
    const auto after = ranges_.lower_bound(begin);
    if (after != ranges_.end() && after->first == end && after->second.value == kept) {
      end = after->second.end;
      ranges_.erase(after);
    }
    const auto before = last_before(begin);
    if (before != ranges_.end() && before->second.end == begin && before->second.value == kept) {
      before->second.end = end;
    } else {
      ranges_.emplace(begin, Range{end, std::move(kept)});
    }
  }

  void erase(std::int64_t begin, std::int64_t end) {
    check(begin, end);
    if (begin == end) return;
    split(begin);
    split(end);
    ranges_.erase(ranges_.lower_bound(begin), ranges_.lower_bound(end));
  }

  std::optional<std::string> at(std::int64_t point) const {
    const auto next = ranges_.upper_bound(point);
    if (next == ranges_.begin()) return std::nullopt;
    const Range& range = std::prev(next)->second;
    return point < range.end ? std::optional(range.value) : std::nullopt;
  }

  std::vector<Segment> segments() const {
    std::vector<Segment> out;
    for (const auto& [begin, range] : ranges_) out.push_back({begin, range.end, range.value});
    return out;
  }

  std::vector<Segment> segments(std::int64_t begin, std::int64_t end) const {
    check(begin, end);
    std::vector<Segment> out;
    auto at = ranges_.upper_bound(begin);
    if (at != ranges_.begin()) --at;
    for (; at != ranges_.end() && at->first < end; ++at) {
      const Segment cut{std::max(at->first, begin), std::min(at->second.end, end), at->second.value};
      if (cut.begin < cut.end) out.push_back(cut);
    }
    return out;
  }

  std::int64_t covered(std::int64_t begin, std::int64_t end) const {
    std::int64_t points = 0;
    for (const Segment& segment : segments(begin, end)) points += segment.end - segment.begin;
    return points;
  }

 private:
  struct Range {
    std::int64_t end;
    std::string value;
  };
  using Ranges = std::map<std::int64_t, Range>;  // by their begins

  static void check(std::int64_t begin, std::int64_t end) {
    if (begin > end) throw std::invalid_argument("IntervalMap: a range ends before it begins");
  }

  /// The range that begins last before the point; end() when there is none.
  Ranges::iterator last_before(std::int64_t point) {
    const auto next = ranges_.lower_bound(point);
    return next == ranges_.begin() ? ranges_.end() : std::prev(next);
  }

  /// Cuts the range that has the point inside in two.
  void split(std::int64_t point) {
    const auto range = last_before(point);
    if (range == ranges_.end() || range->second.end <= point) return;
    ranges_.emplace(point, range->second);
    range->second.end = point;
  }

  Ranges ranges_;
};
