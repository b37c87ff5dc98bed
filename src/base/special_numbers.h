#pragma once

#include <string>
#include <string_view>

namespace qbench {

/// The text with null for each NaN, Infinity and -Infinity outside strings: no JSON has them, Python's json module writes them.
std::string null_special_numbers(std::string_view text);

}  // namespace qbench
