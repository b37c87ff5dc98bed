#pragma once

#include <string_view>

#include "text/jinja/ast.h"

namespace qbench::text::jinja {

/// A template as a tree, with its variables resolved (scope.h). Throws Fault with the line on syntax errors and on tags outside the subset:
/// block, extends, include, import, from, autoescape, and recursive loops.
Program parse(std::string_view source);

}  // namespace qbench::text::jinja
