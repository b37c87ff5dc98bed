#pragma once

#include <string>

#include "text/jinja/value.h"

namespace qbench::text::jinja {

class Runtime;

/// str(value) and repr(value) as Python writes them. What would show an address (generators, functions) is an unsupported construct.
std::string to_str(Runtime& runtime, const Value& value);
std::string repr(Runtime& runtime, const Value& value);
std::string float_repr(double value);

/// json.dumps's options as transformers' tojson exposes them.
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent;  ///< of one level
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
std::string to_json(Runtime& runtime, const Value& value, const JsonStyle& style);

}  // namespace qbench::text::jinja
