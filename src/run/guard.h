#pragma once

#include <functional>
#include <optional>

#include "record/records.h"

namespace qbench::run {

/// The place where the failure of one model or cell becomes a row: runs `work` and returns why it failed, or nothing. Error, a failed
/// allocation and other exceptions of the standard library are caught.
std::optional<record::Failure> run_guarded(const std::function<void()>& work);

}  // namespace qbench::run
