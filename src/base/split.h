#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace qbench {

/// The parts of the text between separators, empty ones too: n separators make n + 1 parts, which live as long as the text.
inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace qbench
