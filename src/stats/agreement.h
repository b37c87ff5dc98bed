#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace qbench::stats {

/// How far several answers to one question agree (self-consistency, arXiv 2203.11171, with equal keys in place of equal final answers).
struct Agreement {
  std::int64_t answers = 0;
  std::int64_t groups = 0;     ///< of answers that agree
  std::int64_t largest = 0;    ///< answers in the largest group
  std::size_t majority = 0;    ///< index of its first answer; of groups of one size the one that begins first

  /// largest / answers; nothing below two answers, which cannot agree.
  std::optional<double> ratio() const;
};

/// Answers agree whose keys are equal; an empty key agrees with none.
Agreement agreement_of(std::span<const std::string> keys);

/// 1000 * successes / tokens; nothing without tokens.
std::optional<double> per_thousand(std::int64_t successes, std::int64_t tokens);

}  // namespace qbench::stats
