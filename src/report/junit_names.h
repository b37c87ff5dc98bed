#pragma once

#include <string>
#include <string_view>

#include "record/metric_catalog.h"

/// Names that the JUnit reports of runs and of comparisons share, so that a case keeps its history in whoever reads them.
namespace qbench::report {

/// `perf.cuda_0.Qwen3-8B_Q4_K_M`: readers take dots for packages, so names have none of their own.
std::string junit_class(std::string_view device, std::string_view model);

/// `OutOfMemory`, `Crash`, `NotFound`: a failure's code as the type of an error.
std::string error_type(std::string_view code);

/// "higher is better", "lower is better", "neither direction is better".
std::string better_text(record::Better better);

}  // namespace qbench::report
