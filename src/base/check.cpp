#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace qbench::detail {

void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "qbench: internal check failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace qbench::detail
