#pragma once

#include <string_view>

namespace qbench::cli {

/// `error: message` as one line on stderr, whatever the message holds.
void print_error(std::string_view message);

}  // namespace qbench::cli
