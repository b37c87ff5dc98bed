#include "run/thinking_rule.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "text/thinking.h"

namespace qbench::run {

bool asks_for_thought_control(const workload::EffectiveSettings& settings) {
  return settings.max_thinking_tokens || settings.thinking_timeout || settings.thinking_temperature || settings.output_temperature;
}

workload::EffectiveSettings without_absent_thoughts(workload::EffectiveSettings settings, const text::Tokenizer* tokenizer) {
  if (tokenizer != nullptr && tokenizer->id_of("</think>")) return settings;
  settings.max_thinking_tokens.reset();
  settings.thinking_timeout.reset();
  settings.thinking_temperature.reset();
  settings.output_temperature.reset();
  return settings;
}

workload::EffectiveSettings settings_of_turn(workload::EffectiveSettings settings, const workload::Turn& turn) {
  if (!turn.stage) return settings;
  const workload::TurnStage& stage = *turn.stage;
  settings.max_new_tokens = stage.max_tokens;
  settings.temperature = stage.temperature;
  settings.thinking_temperature.reset();
  settings.output_temperature.reset();
  // Sequence s draws with seed + s: branches begin behind the last sequence of the one before.
  settings.seed += (stage.branch - 1) * settings.batch;
  if (settings.max_thinking_tokens)
    settings.max_thinking_tokens = std::min(*settings.max_thinking_tokens, std::max<std::int64_t>(1, stage.max_tokens * 3 / 4));
  return settings;
}

std::optional<engine::ThinkingRule> thinking_rule(const workload::EffectiveSettings& settings, const text::Tokenizer& tokenizer,
                                                  std::string_view closing, std::string_view prompt) {
  const auto close = tokenizer.id_of("</think>");
  if (!close || !asks_for_thought_control(settings)) return std::nullopt;
  engine::ThinkingRule rule;
  rule.open_id = tokenizer.id_of("<think>").value_or(-1);
  rule.close_id = *close;
  rule.opened = text::opens_thinking(prompt);
  rule.closing = tokenizer.encode(closing, {.add_special = false});
  if (std::find(rule.closing.begin(), rule.closing.end(), *close) == rule.closing.end()) {
    throw Error(ErrorCode::kConfig, "'closing': the model's tokenizer does not read its </think> as that token", "configs/thinking.json");
  }
  rule.max_tokens = settings.max_thinking_tokens.value_or(0);
  if (settings.thinking_timeout) rule.timeout_ns = std::max<std::int64_t>(1, std::llround(*settings.thinking_timeout * 1e9));
  rule.temperature = settings.thinking_temperature;
  rule.output_temperature = settings.output_temperature;
  return rule;
}

}  // namespace qbench::run
