#pragma once

#include <cstddef>
#include <cstdint>

namespace qbench::text::jinja {

/// Templates come with checkpoints and are untrusted. Python would hang or run out of memory on a hostile one; these bounds make it an
/// error first. A conversation of a million tokens stays a factor of ten below each.
struct Limits {
  std::uint64_t steps = 20'000'000;           ///< expressions, statements and items visited
  std::uint64_t bytes_produced = 1ULL << 30;  ///< text and list entries made while rendering, all together
  std::size_t output_bytes = 64ULL << 20;     ///< length of the rendered prompt
  int render_depth = 700;                     ///< nested statements, expressions and macro calls
};

inline constexpr std::int64_t kMaxRange = 100'000;  // jinja2.sandbox.MAX_RANGE
inline constexpr int kMaxParseDepth = 100;          // nested tags
inline constexpr int kMaxExpressionNesting = 400;   // grammar rules in progress: four for each pair of parentheses
inline constexpr int kMaxTreeDepth = 250;           // of an expression, where a chain a + b + ... is as deep as it is long
inline constexpr int kMaxValueDepth = 200;          // list in list in ..., so that printing and comparing cannot exhaust the stack
inline constexpr std::size_t kMaxSourceBytes = 8ULL << 20;

}  // namespace qbench::text::jinja
