#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/value.h"

namespace qbench::text::jinja {

class Runtime;

/// The arguments of one call, put to their parameters as Python does. Parameters that a caller may leave out end in '?'.
class Bound {
 public:
  /// Raises on missing, unknown, double and surplus arguments. positional_only: keywords are refused, as methods of str do.
  Bound(std::string_view function, const Args& args, std::initializer_list<std::string_view> parameters, bool positional_only = false);

  bool given(std::size_t index) const { return !values_[index].is(Type::kMissing); }
  const Value& operator[](std::size_t index) const { return values_[index]; }
  Value get(std::size_t index, Value otherwise) const { return given(index) ? values_[index] : std::move(otherwise); }
  bool none(std::size_t index) const { return !given(index) || values_[index].is(Type::kNone); }
  std::int64_t integer(std::size_t index, std::int64_t otherwise) const;  ///< raises unless int or bool
  const std::string& text(std::size_t index) const;                       ///< raises unless str
  bool truth(Runtime& runtime, std::size_t index, bool otherwise) const;

 private:
  std::string function_;
  std::vector<Value> values_;
};

/// For functions without parameters.
void no_arguments(std::string_view function, const Args& args);

}  // namespace qbench::text::jinja
