#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace qbench::text::jinja {

/// How long the literal, name or operator at the start of `text` is; 0 when there is none.
std::size_t match_float(std::string_view text, bool after_dot);
std::size_t match_integer(std::string_view text);
std::size_t match_name(std::string_view text, int line);  ///< raises on names outside ASCII, which Python would normalise
std::size_t match_string(std::string_view text);          ///< with its quotes
std::size_t match_operator(std::string_view text);

/// Their values. string_literal takes the text between the quotes and undoes Python's escapes.
Value float_literal(std::string_view text, int line);
Value integer_literal(std::string_view text, int line);
std::string string_literal(std::string_view body, int line);

}  // namespace qbench::text::jinja
