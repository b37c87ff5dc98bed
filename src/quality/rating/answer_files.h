#pragma once

#include <string>
#include <vector>

#include "quality/rating/rating.h"
#include "workload/task.h"

namespace qbench::quality {

/// Adds the tests that the answer brings along: the judge has no use for them, so extraction leaves them out; here they are rated.
void add_own_tests(const std::string& answer, const workload::Task& task, std::vector<workload::CodeFile>& files);

/// The language of the first block that an answer shows as code, whatever was asked for ("javascript", "go"); empty: none.
std::string language_shown(const std::string& answer);

}  // namespace qbench::quality
