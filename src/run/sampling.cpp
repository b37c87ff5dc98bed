#include "run/sampling.h"

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace qbench::run {

engine::SamplingParams sampling_params(const workload::EffectiveSettings& settings, bool greedy) {
  engine::SamplingParams params;
  params.seed = static_cast<std::uint64_t>(settings.seed);
  if (greedy) return params;
  params.temperature = settings.temperature;
  params.top_k = static_cast<int>(settings.top_k);
  params.top_p = settings.top_p;
  params.min_p = settings.min_p;
  params.repetition_penalty = settings.repetition_penalty;
  params.presence_penalty = settings.presence_penalty;
  params.frequency_penalty = settings.frequency_penalty;
  params.no_repeat_ngram = static_cast<int>(settings.no_repeat_ngram);
  return params;
}

std::string sampling_json(const workload::EffectiveSettings& settings, bool greedy, bool host_fed) {
  const engine::SamplingParams params = sampling_params(settings, greedy);
  nlohmann::json object{{"temperature", params.temperature}, {"seed", params.seed}};
  if (settings.enable_thinking) object["enable_thinking"] = *settings.enable_thinking;
  if (greedy) return dump_json(object);
  object["top_k"] = params.top_k;
  object["top_p"] = params.top_p;
  object["min_p"] = params.min_p;
  object["repetition_penalty"] = params.repetition_penalty;
  object["presence_penalty"] = params.presence_penalty;
  object["frequency_penalty"] = params.frequency_penalty;
  object["no_repeat_ngram"] = params.no_repeat_ngram;
  if (!settings.stop.empty()) object["stop"] = settings.stop;
  if (settings.max_thinking_tokens) object["max_thinking_tokens"] = *settings.max_thinking_tokens;
  if (settings.thinking_timeout) object["thinking_timeout_s"] = *settings.thinking_timeout;
  if (settings.thinking_temperature) object["thinking_temperature"] = *settings.thinking_temperature;
  if (settings.output_temperature) object["output_temperature"] = *settings.output_temperature;
  // Where the clock decides, the same seed need not give the same tokens.
  if (settings.thinking_timeout) object["deterministic"] = false;
  if (host_fed) object["decode_fed_by"] = "host";
  return dump_json(object);
}

}  // namespace qbench::run
