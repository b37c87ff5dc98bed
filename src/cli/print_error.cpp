#include "cli/print_error.h"

#include <algorithm>
#include <cstdio>
#include <string>

namespace qbench::cli {

void print_error(std::string_view message) {
  std::string line = "error: " + std::string(message);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace qbench::cli
