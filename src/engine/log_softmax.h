#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace qbench::engine {

/// log softmax(logits)[id] in nats; sums in double.
double log_softmax_at(std::span<const float> logits, std::int32_t id);

/// Error{kDevice} naming the first logit of the row after token `row` that is no finite number; `where` names who asked.
void require_finite(std::span<const float> logits, std::int64_t row, std::string_view where);

}  // namespace qbench::engine
