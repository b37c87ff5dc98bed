#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

struct Entry {
  std::uint32_t index = 0;
  double value = 0;
  bool operator==(const Entry&) const = default;
};

/// Rising indexes, no index twice, no value of 0.
using SparseVector = std::vector<Entry>;

/// Brings entries into order; those with the same index are added up.
SparseVector make_vector(std::vector<Entry> entries) {
  for (const Entry& entry : entries) {
    if (!std::isfinite(entry.value)) throw std::invalid_argument("make_vector: a value is not finite");
  }
  // Stable, so that the sums do not depend on how the sort is made.
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.index < b.index; });
  SparseVector out;
  for (const Entry& entry : entries) {
    if (!out.empty() && out.back().index == entry.index) {
      out.back().value += entry.value;
    } else {
      out.push_back(entry);
    }
  }
  std::erase_if(out, [](const Entry& entry) { return entry.value == 0; });
  return out;
}

double dot(const SparseVector& a, const SparseVector& b) {
  double sum = 0;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (x->index < y->index) {
      ++x;
    } else if (y->index < x->index) {
      ++y;
    } else {
      sum += x++->value * y++->value;
    }
  }
  return sum;
}

/// a + factor * b
SparseVector add_scaled(const SparseVector& a, const SparseVector& b, double factor) {
  SparseVector out;
  auto x = a.begin();
  auto y = b.begin();
  while (x != a.end() || y != b.end()) {
    Entry sum;
    if (y == b.end() || (x != a.end() && x->index < y->index)) {
      sum = *x++;
    } else if (x == a.end() || y->index < x->index) {
      sum = {y->index, factor * y->value};
      ++y;
    } else {
      sum = {x->index, x->value + factor * y->value};
      ++x;
      ++y;
    }
    if (sum.value != 0) out.push_back(sum);
  }
  return out;
}

/// Cosine of the angle between the vectors; nothing when one of them has no direction.
std::optional<double> cosine(const SparseVector& a, const SparseVector& b) {
  if (a.empty() || b.empty()) return 0.0;
  return std::clamp(dot(a, b) / (std::sqrt(dot(a, a)) * std::sqrt(dot(b, b))), -1.0, 1.0);
}

/// Positions of the documents that are most similar to the query, best first.
std::vector<std::size_t> nearest(const SparseVector& query, const std::vector<SparseVector>& documents, std::size_t count) {
  std::vector<std::pair<double, std::size_t>> scored;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    if (const auto similarity = cosine(query, documents[i])) scored.emplace_back(*similarity, i);
  }
  std::stable_sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < std::min(count, scored.size()); ++i) out.push_back(scored[i].second);
  return out;
}
