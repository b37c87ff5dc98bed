#pragma once

#include <string>

namespace qbench::sandbox {

inline constexpr const char* kUnsafeAdvice = "or, where the code is trusted: --sandbox=rlimits --unsafe";

/// What refuses namespaces to this user, by the system's settings, and how to allow them. One sentence or more.
std::string namespace_advice();

}  // namespace qbench::sandbox
