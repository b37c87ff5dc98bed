#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace qbench::workload {

/// Values of a list option, in the order written: comma-separated numbers and ranges `a-b` (step 1), `a-b+step`, `a-b*factor`, ends
/// included where the step meets them: "128,512", "0-4096+1024", "1-8*2". Error{kUsage} naming the option: empty, malformed, outside [low,
/// high], a range that runs backwards or never ends, more than 1024 values.
std::vector<std::int64_t> parse_int_list(std::string_view text, std::string_view option, std::int64_t low, std::int64_t high);

}  // namespace qbench::workload
