#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace qbench::text::jinja {

class Runtime;

/// range, dict, namespace, cycler, joiner, raise_exception, strftime_now. Variables of the same name hide them. `lipsum` is unsupported.
std::optional<Value> find_global(std::string_view name);

/// datetime.now().strftime(format) at wall_ns: local time, no zone (so %z and %Z are empty), C locale.
std::string strftime_at(std::int64_t wall_ns, std::string_view format);

}  // namespace qbench::text::jinja
