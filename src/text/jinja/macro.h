#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "text/jinja/value.h"

namespace qbench::text::jinja {

struct Statement;

/// The variables of one running function: the template itself, a macro, a caller or a loop's filter. Compiled templates are Python
/// functions whose inner functions see the outer ones' variables, not copies: hence the parent.
struct Activation {
  std::vector<Value> slots;
  std::shared_ptr<Activation> parent;
};

/// A {% macro %}, or the body of a {% call %} or {% generation %} block as the function `caller`.
struct Macro final : Object {
  std::string_view type_name() const override { return "Macro"; }
  const Statement* definition = nullptr;  ///< lives as long as the program
  std::optional<std::string> name;        ///< none for a call block's body
  std::shared_ptr<Activation> closure;
};

}  // namespace qbench::text::jinja
