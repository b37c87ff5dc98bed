#pragma once

#include <functional>
#include <memory>

#include "backend/backend.h"

namespace qbench::test {

/// Models whose caches keep a window and sinks, in float32, against what transformers computed with that mask: prompts in chunks of several sizes
/// and token by token, in one sequence and as the second one of a batch.
void check_kv_policies(const std::function<std::unique_ptr<backend::Backend>()>& make_device);

}  // namespace qbench::test
