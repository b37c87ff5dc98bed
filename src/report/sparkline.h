#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace qbench::report {

/// A row of block characters (U+2581 to U+2588), one a value, from the smallest to the largest of them; equal values stand in the middle, a missing
/// one is a space. Longer series are cut into `width` stretches, each shown by its mean. Empty where there is no value.
std::string sparkline(std::span<const std::optional<double>> values, std::size_t width = 24);

}  // namespace qbench::report
