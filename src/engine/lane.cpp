#include "engine/lane.h"

#include <algorithm>

namespace qbench::engine {

void Lane::stop(StopReason reason) {
  result->stop_reason = reason;
  running = false;
}

std::int32_t Lane::choose(Sampler& sampler, std::span<float> logits) const {
  if (const auto forced = thought.forced()) {
    sampler.take(*forced);
    return *forced;
  }
  sampler.set_temperature(thought.temperature(request->sampling.temperature));
  return sampler.next(logits);
}

bool Lane::at_stop_string() {
  if (!decoder) return false;
  text += decoder->push(last_id);
  return std::any_of(request->stop.begin(), request->stop.end(), [&](const std::string& s) { return text.find(s) != std::string::npos; });
}

void Lane::accept(std::int32_t id, std::int64_t stamp_ns, std::int64_t context) {
  last_id = id;
  result->token_ns.push_back(stamp_ns);
  result->output_ids.push_back(id);
  thought.take(id, stamp_ns - result->prefill_start_ns);
  result->thought_end = thought.end();
  result->thought_tokens = thought.tokens();
  result->forced_tokens = thought.forced_tokens();
  const bool is_eos = std::find(request->eos_ids.begin(), request->eos_ids.end(), id) != request->eos_ids.end();
  if (is_eos && !request->ignore_eos) {
    stop(StopReason::kEos);
  } else if (at_stop_string()) {
    stop(StopReason::kStopString);
  } else if (static_cast<std::int64_t>(result->output_ids.size()) >= request->max_new_tokens) {
    stop(StopReason::kMaxTokens);
  } else if (position >= context) {
    stop(StopReason::kContextFull);
  }
  if (sequence == 0 && request->on_token && !request->on_token(id) && running) stop(StopReason::kInterrupted);
}

}  // namespace qbench::engine
