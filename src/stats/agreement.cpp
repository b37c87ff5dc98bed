#include "stats/agreement.h"

#include "base/check.h"

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
    const bool says_more = size == agreement.largest && keys[agreement.majority].empty() && !keys[i].empty();
    if (size <= agreement.largest && !says_more) continue;
    agreement.largest = size;
    agreement.majority = i;
  }
  return agreement;
}

void Consistency::add(std::span<const std::string> keys, const std::vector<bool>& passed) {
  QB_CHECK(keys.size() == passed.size());
  const Agreement agreement = agreement_of(keys);
  const auto one = agreement.ratio();
  if (!one) return;
  ++tasks;
  ratios += *one;
  majority_passed += passed[agreement.majority] ? 1 : 0;
}

std::optional<double> Consistency::ratio() const { return tasks == 0 ? std::nullopt : std::optional(ratios / static_cast<double>(tasks)); }

std::optional<double> Consistency::majority_ratio() const {
  return tasks == 0 ? std::nullopt : std::optional(static_cast<double>(majority_passed) / static_cast<double>(tasks));
}

std::optional<double> per_thousand(std::int64_t successes, std::int64_t tokens) {
  if (tokens <= 0) return std::nullopt;
  return 1000.0 * static_cast<double>(successes) / static_cast<double>(tokens);
}

}  // namespace qbench::stats
