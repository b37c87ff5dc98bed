#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "quality/prompt/prompt_lines.h"

/// What is likely to make a prompt's answer worse, with line numbers.
namespace qbench::quality {

enum class LintId : std::uint8_t {
  kAmbiguousWord,
  kMissingOutputFormat,
  kMissingSuccessCriteria,
  kContradictoryNumbers,
  kUnresolvedPlaceholder,
  kTrailingWhitespace,
  kLookalike,
  kInvisibleCharacter,
  kOpenFence,
  kTooLongForContext,
  kNoRoomForAnswer,
};

struct LintRule {
  LintId id;
  std::string_view name;    ///< "ambiguous-word"
  std::string_view reason;  ///< why it matters, and what to do: one clause
};
/// All rules, in order of LintId.
std::span<const LintRule> lint_rules();
const LintRule& rule_of(LintId id);

struct LintFinding {
  LintId id = LintId::kAmbiguousWord;
  std::size_t line = 0;  ///< from 1; 0: the prompt as a whole
  std::string detail;    ///< what stands there
};

/// Tokens of the prompt as it is sent, and what it must fit.
struct LintContext {
  std::string model;
  std::int64_t prompt_tokens = 0, max_new_tokens = 0, context = 0;
};

/// All findings, those of the prompt as a whole first, then by line. What stands in fenced code is not judged, but for invisible
/// characters.
std::vector<LintFinding> lint(std::string_view text, std::span<const LintContext> contexts = {});

/// Two numbers for the same thing that cannot both hold (lint_numbers.cpp):
///   - bounds on one unit (`at most 50 lines`, `at least 100 lines`; `under 2 s`, `over 5 s`) that exclude each other, and two exact
///   numbers;
///     for %, times and sizes only where both clauses share a word, or neither has one of its own;
///   - two versions of one language, framework or system from a table (`Python 3.8`, `Python 3.11`).
std::vector<LintFinding> lint_numbers(std::string_view text);

}  // namespace qbench::quality
