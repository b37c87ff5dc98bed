#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace qbench::stats {

/// How far several answers to one question agree (self-consistency, arXiv 2203.11171, with equal keys in place of equal final answers).
struct Agreement {
  std::int64_t answers = 0;
  std::int64_t groups = 0;     ///< of answers that agree
  std::int64_t largest = 0;    ///< answers in the largest group
  std::size_t majority = 0;    ///< index of its first answer; of groups of one size the one that begins first, an empty key last

  /// largest / answers; nothing below two answers, which cannot agree.
  std::optional<double> ratio() const;
};

/// Answers agree whose keys are equal; an empty key agrees with none.
Agreement agreement_of(std::span<const std::string> keys);

/// Self-consistency over tasks: how far the answers to one agree, and whether the answer that most of them give is right.
struct Consistency {
  std::int64_t tasks = 0;            ///< with two answers or more
  std::int64_t majority_passed = 0;  ///< of them: whose majority passes
  double ratios = 0.0;               ///< sum of their Agreement::ratio

  /// One task's answers; passed: (keys).
  void add(std::span<const std::string> keys, const std::vector<bool>& passed);
  /// Means over the tasks; nothing without any.
  std::optional<double> ratio() const;
  std::optional<double> majority_ratio() const;
};

/// 1000 * successes / tokens; nothing without tokens.
std::optional<double> per_thousand(std::int64_t successes, std::int64_t tokens);

}  // namespace qbench::stats
