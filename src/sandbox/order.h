#pragma once

#include <string>
#include <string_view>

#include "sandbox/sandbox.h"

namespace qbench::sandbox {

/// What the keeper reads: limits of every process of the program, then the filter. `other_tasks`: how many processes and threads of the
/// same user count towards its limit and are not the program's.
std::string make_order(const Limits& limits, std::string_view filter, std::int64_t other_tasks);

}  // namespace qbench::sandbox
