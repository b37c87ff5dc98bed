#include <algorithm>

#include "base/error.h"
#include "engine/session.h"

namespace qbench::engine {

void Session::find_prefixes(const GenerateRequest& request, std::vector<Generation>& results) const {
  if (options_.kv_window > 0) {
    throw Error(ErrorCode::kUnsupported, "a KV cache with a window of " + std::to_string(options_.kv_window) +
                                             " positions drops what it would have to keep; leave out --kv-window", "--prefix-cache");
  }
  for (std::size_t s = 0; s < results.size() && s < held_.size(); ++s) {
    const auto& prompt = request.prompts[s];
    const auto differ = std::mismatch(prompt.begin(), prompt.end(), held_[s].begin(), held_[s].end()).first;
    // The last token runs in any case: its logits choose the first one of the output.
    results[s].cached_tokens = std::min<std::int64_t>(differ - prompt.begin(), static_cast<std::int64_t>(prompt.size()) - 1);
  }
}

void Session::hold_prefixes(const GenerateRequest& request, const std::vector<Generation>& results) {
  held_.resize(results.size());
  for (std::size_t s = 0; s < results.size(); ++s) {
    const auto& output = results[s].output_ids;
    held_[s].clear();
    if (output.empty()) continue;  // interrupted in its prompt
    held_[s] = request.prompts[s];
    held_[s].insert(held_[s].end(), output.begin(), output.end() - 1);  // the last one was never fed
    // A device that runs ahead of a stop stays at the last position and overwrites it.
    held_[s].resize(std::min(held_[s].size(), static_cast<std::size_t>(options_.context - 1)));
  }
}

}  // namespace qbench::engine
