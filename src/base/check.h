#pragma once

namespace qbench::detail {
[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;
}

/// A broken invariant of the program itself: always on, prints where, aborts. Never for user input.
#define QB_CHECK(expression)                                                            \
  do {                                                                                  \
    if (!(expression)) ::qbench::detail::check_failed(#expression, __FILE__, __LINE__); \
  } while (0)
