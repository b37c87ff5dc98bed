#pragma once

#include <string_view>

#include "text/jinja/value.h"

namespace qbench::text::jinja {

class Runtime;

using Test = bool (*)(Runtime&, const Value& input, const Args&);

/// What `x is name` calls; null where jinja2 has no test of that name (all that it has are implemented).
Test find_test(std::string_view name);

}  // namespace qbench::text::jinja
