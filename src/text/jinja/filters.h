#pragma once

#include <span>
#include <string_view>

#include "text/jinja/value.h"

namespace qbench::text::jinja {

class Runtime;

using Filter = Value (*)(Runtime&, const Value& input, const Args&);
struct FilterEntry {
  std::string_view name;
  Filter function;
};

/// Null where it is not implemented; jinja2 may know it all the same.
Filter find_filter(std::string_view name);
bool filter_exists(std::string_view name);  ///< in transformers' environment

// The tables that find_filter reads, one per file.
std::span<const FilterEntry> text_filters();
std::span<const FilterEntry> number_filters();
std::span<const FilterEntry> sequence_filters();
std::span<const FilterEntry> select_filters();

/// environment.getitem along a path such as "function.name" or 0; a missing part becomes `otherwise` where that is not None.
class AttributePath {
 public:
  AttributePath(const Value& attribute, const Value& otherwise = Value::none());  ///< None: the item itself
  Value operator()(Runtime& runtime, const Value& item) const;

 private:
  std::vector<Value> parts_;
  Value otherwise_;
};

/// str.lower() of a str, anything else as it is: how filters that ignore case make their keys.
Value ignore_case(Runtime& runtime, const Value& value);

}  // namespace qbench::text::jinja
