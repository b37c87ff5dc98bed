#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace qbench {

/// "1 endpoint", "2 endpoints": for words whose plural ends in s.
std::string plural(std::integral auto count, std::string_view word) {
  return std::to_string(count) + " " + std::string(word) + (count == 1 ? "" : "s");
}

}  // namespace qbench
