#include "text/jinja/args.h"

#include "text/jinja/fault.h"
#include "text/jinja/operators.h"

namespace qbench::text::jinja {

Bound::Bound(std::string_view function, const Args& args, std::initializer_list<std::string_view> parameters, bool positional_only)
    : function_(function), values_(parameters.size()) {
  if (args.positional.size() > parameters.size()) {
    raise(function_ + "() takes at most " + std::to_string(parameters.size()) + " arguments (" + std::to_string(args.positional.size()) +
          " given)");
  }
  for (std::size_t i = 0; i < args.positional.size(); ++i) values_[i] = args.positional[i];
  for (const auto& [name, value] : args.keyword) {
    if (positional_only) raise(function_ + "() takes no keyword arguments");
    std::size_t at = 0;
    for (std::string_view parameter : parameters) {
      if (parameter.ends_with('?')) parameter.remove_suffix(1);
      if (parameter == name) break;
      ++at;
    }
    if (at == parameters.size()) raise(function_ + "() got an unexpected keyword argument '" + name + "'");
    if (given(at)) raise(function_ + "() got multiple values for argument '" + name + "'");
    values_[at] = value;
  }
  std::size_t at = 0;
  for (const std::string_view parameter : parameters) {
    if (!given(at++) && !parameter.ends_with('?')) raise(function_ + "() missing required argument '" + std::string(parameter) + "'");
  }
}

std::int64_t Bound::integer(std::size_t index, std::int64_t otherwise) const {
  if (!given(index)) return otherwise;
  if (!values_[index].is_integral()) {
    raise("'" + std::string(values_[index].type_name()) + "' object cannot be interpreted as an integer (" + function_ + ")");
  }
  return values_[index].as_int();
}

const std::string& Bound::text(std::size_t index) const {
  if (!values_[index].is(Type::kString)) raise(function_ + "() argument must be str, not " + std::string(values_[index].type_name()));
  return values_[index].bytes();
}

bool Bound::truth(Runtime& runtime, std::size_t index, bool otherwise) const {
  return given(index) ? jinja::truth(runtime, values_[index]) : otherwise;
}

void no_arguments(std::string_view function, const Args& args) {
  if (!args.positional.empty() || !args.keyword.empty()) raise(std::string(function) + "() takes no arguments");
}

}  // namespace qbench::text::jinja
