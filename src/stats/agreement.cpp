#include "stats/agreement.h"

namespace qbench::stats {

std::optional<double> Agreement::ratio() const {
  if (answers < 2) return std::nullopt;
  return static_cast<double>(largest) / static_cast<double>(answers);
}

Agreement agreement_of(std::span<const std::string> keys) {
  Agreement agreement;
  agreement.answers = static_cast<std::int64_t>(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::int64_t size = 1;
    bool first = true;
    for (std::size_t j = 0; j < keys.size() && !keys[i].empty(); ++j) {
      if (j == i || keys[j] != keys[i]) continue;
      first = first && j > i;
      ++size;
    }
    if (!first) continue;
    ++agreement.groups;
    if (size <= agreement.largest) continue;
    agreement.largest = size;
    agreement.majority = i;
  }
  return agreement;
}

std::optional<double> per_thousand(std::int64_t successes, std::int64_t tokens) {
  if (tokens <= 0) return std::nullopt;
  return 1000.0 * static_cast<double>(successes) / static_cast<double>(tokens);
}

}  // namespace qbench::stats
