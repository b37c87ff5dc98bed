#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text/utf8.h"

namespace qbench::text::jinja {

std::int64_t count_code_points(std::string_view text);
/// Byte offset of code point `index`, counted from byte `from`; the text's end when there are fewer.
std::size_t byte_offset(std::string_view text, std::int64_t index, std::size_t from = 0);

bool is_space(char32_t c);                            ///< str.isspace of one character, and \s of re
bool is_printable(char32_t c);                        ///< whether repr() writes it as it is
std::string_view strip_left(std::string_view text);   ///< without leading white space
std::string_view strip_right(std::string_view text);  ///< without trailing white space

/// str.upper, lower, capitalize, title, swapcase. Characters whose mapping has several characters or depends on the context
/// (ß, İ, Σ in lower, ligatures, Greek with iota subscript) are unsupported constructs.
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string capitalize(std::string_view text);
std::string title(std::string_view text);
std::string swapcase(std::string_view text);

bool is_upper(std::string_view text);  ///< str.isupper
bool is_lower(std::string_view text);
bool is_title(std::string_view text);
bool is_alpha(std::string_view text);
bool is_alnum(std::string_view text);
bool is_digit(std::string_view text);  ///< str.isdigit; digits other than ASCII are an unsupported construct

}  // namespace qbench::text::jinja
