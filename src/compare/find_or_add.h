#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace qbench::compare {

/// Index of the first one that `same` says is `one`; it is added at the end where there is none.
template <class T, class Same>
std::size_t find_or_add(std::vector<T>& all, const T& one, Same same) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const T& other) { return same(one, other); });
  if (found != all.end()) return static_cast<std::size_t>(found - all.begin());
  all.push_back(one);
  return all.size() - 1;
}

}  // namespace qbench::compare
