#pragma once

#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace qbench::text::jinja {

class Runtime;

/// Python's three ways to format. Conversions and flags outside what is listed in the .cpp files are unsupported constructs.
Value printf_format(Runtime& runtime, const Value& format, const Value& arguments);              ///< format % arguments
Value str_format(Runtime& runtime, const Value& format, const Args& args);                       ///< format.format(...)
std::string format_value(Runtime& runtime, const Value& value, std::string_view specification);  ///< format(value, specification)

/// `text` filled to `width` characters; align is '<', '>', '^', or '=' (behind the sign).
std::string pad(Runtime& runtime, std::string text, std::int64_t width, char align, const std::string& fill = " ");

}  // namespace qbench::text::jinja
