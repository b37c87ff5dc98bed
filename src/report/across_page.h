#pragma once

#include <string>

#include "compare/across.h"

namespace qbench::report {

/// Models by devices as one page that works offline, in the frame of report.html: a table that sorts for tokens/s, and where they were
/// measured for tokens/s per watt and per unit of money.
std::string across_page(const compare::AcrossTable& table);

/// A suite per device, a case per model, prompt and precision: the values in its system-out. Nothing is judged: what failed is an error,
/// what is absent or throttled a skip.
std::string across_junit(const compare::AcrossTable& table);

}  // namespace qbench::report
