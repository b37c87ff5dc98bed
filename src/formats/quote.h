#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qbench::formats {

/// Untrusted text for a one-line message: in single quotes, control characters and bytes above 126 as \xNN, cut after 80 characters.
std::string quote(std::string_view text);

/// `(4096, 11008)`.
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace qbench::formats
