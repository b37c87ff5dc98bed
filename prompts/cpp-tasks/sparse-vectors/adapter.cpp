#include <limits>

namespace adapter {

SparseVector vector_of(const std::vector<std::uint32_t>& indexes, const std::vector<double>& values) {
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < indexes.size(); ++i) entries.push_back({indexes[i], values.at(i)});
  return make_vector(std::move(entries));
}

/// Indexes and values in turn.
std::vector<double> flat(const SparseVector& vector) {
  std::vector<double> out;
  for (const Entry& entry : vector) {
    out.push_back(entry.index);
    out.push_back(entry.value);
  }
  return out;
}

}  // namespace adapter

using Indexes = std::vector<std::uint32_t>;
using Values = std::vector<double>;

std::vector<double> made(Indexes indexes, Values values) { return adapter::flat(adapter::vector_of(indexes, values)); }

std::vector<double> made_with_infinity() { return adapter::flat(make_vector({{0, 1.0}, {1, std::numeric_limits<double>::infinity()}})); }

double dot_of(Indexes a, Values av, Indexes b, Values bv) { return dot(adapter::vector_of(a, av), adapter::vector_of(b, bv)); }

std::vector<double> scaled_sum(Indexes a, Values av, Indexes b, Values bv, double factor) {
  return adapter::flat(add_scaled(adapter::vector_of(a, av), adapter::vector_of(b, bv), factor));
}

std::optional<double> cosine_of(Indexes a, Values av, Indexes b, Values bv) {
  return cosine(adapter::vector_of(a, av), adapter::vector_of(b, bv));
}

/// Each document is a row of values; zeros are left out.
std::vector<std::size_t> nearest_rows(Values query, std::vector<Values> rows, std::size_t count) {
  const auto dense = [](const Values& row) {
    Indexes indexes;
    for (std::size_t i = 0; i < row.size(); ++i) indexes.push_back(static_cast<std::uint32_t>(i));
    return adapter::vector_of(indexes, row);
  };
  std::vector<SparseVector> documents;
  for (const Values& row : rows) documents.push_back(dense(row));
  return nearest(dense(query), documents, count);
}

QB_FUNCTION(made)
QB_FUNCTION(made_with_infinity)
QB_FUNCTION(dot_of)
QB_FUNCTION(scaled_sum)
QB_FUNCTION(cosine_of)
QB_FUNCTION(nearest_rows)
