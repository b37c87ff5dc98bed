#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qbench::quality {

/// Why the text is no Python literal that may be handed on to a test: numbers, strings and bytes in quotes, None, True, False, nan, inf,
/// set(...), frozenset(...), complex(...), ref(n) and brackets, nested at most 100 deep, numbers of at most 20,000 digits; nothing else, no
/// operators but signs. Nothing is built, whatever the text.
std::optional<std::string> find_literal_problem(std::string_view text);

}  // namespace qbench::quality
