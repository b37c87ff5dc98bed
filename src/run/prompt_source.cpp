#include "run/prompt_source.h"

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/random.h"
#include "run/template_variables.h"
#include "text/chat_template.h"

namespace qbench::run {

struct PromptSource::Format {
  std::optional<text::ChatTemplate> chat;
  nlohmann::ordered_json special_tokens;  // the template's variables beside the messages
};

PromptSource::PromptSource(const OpenedModel& opened) : opened_(&opened), format_(std::make_unique<Format>()) {
  if (!opened.tokenizer || opened.text_side.chat_template.empty()) return;
  format_->chat.emplace(opened.text_side.chat_template, opened.text_side.where);
  format_->special_tokens = special_token_variables(opened.text_side);
}

PromptSource::~PromptSource() = default;

PreparedPrompt PromptSource::prepare(const Conversation& conversation, const workload::EffectiveSettings& settings) const {
  const auto sequences = static_cast<std::size_t>(settings.batch);
  // Without a history of their own all sequences have the same prompt.
  const std::size_t different = conversation.turn > 1 ? sequences : 1;
  PreparedPrompt prompt;
  prompt.synthetic = opened_->tokenizer == nullptr;
  std::vector<std::string> texts;
  if (!prompt.synthetic) {
    for (std::size_t s = 0; s < different; ++s) texts.push_back(render(conversation, settings, s));
    prompt.text = texts.front();
  }
  prompt.rendered_ns = now_ns();
  for (std::size_t s = 0; s < different; ++s) {
    prompt.ids.push_back(prompt.synthetic ? synthetic_ids(conversation, s) : opened_->tokenizer->encode(texts[s], {.add_special = !format_->chat}));
  }
  prompt.ids.resize(sequences, prompt.ids.front());
  prompt.tokenized_ns = now_ns();
  return prompt;
}

std::string PromptSource::fingerprint(const Conversation& conversation) const {
  return opened_->tokenizer ? conversation.prompt->digest : sha256_hex_of_ids(synthetic_ids(conversation, 0));
}

/// Turn by turn: the declared number of ids, drawn from a seed of the prompt's digest and the turn, then what was generated.
std::vector<std::int32_t> PromptSource::synthetic_ids(const Conversation& conversation, std::size_t sequence) const {
  std::uint64_t seed = 0;
  for (const char c : conversation.prompt->digest) seed = mix64(seed ^ static_cast<unsigned char>(c));
  std::vector<std::int32_t> ids;
  for (std::int64_t turn = 1; turn <= conversation.turn; ++turn) {
    Random random(seed, static_cast<std::uint64_t>(turn));
    const std::int64_t count = conversation.prompt->turns[static_cast<std::size_t>(turn - 1)].prompt_tokens;
    for (std::int64_t i = 0; i < count; ++i) ids.push_back(static_cast<std::int32_t>(random.next_below(static_cast<std::uint64_t>(opened_->sampling_vocab))));
    if (turn == conversation.turn) break;
    const std::vector<std::int32_t>& answer = conversation.answers[static_cast<std::size_t>(turn - 1)].ids[sequence];
    ids.insert(ids.end(), answer.begin(), answer.end());
  }
  return ids;
}

std::string PromptSource::render(const Conversation& conversation, const workload::EffectiveSettings& settings, std::size_t sequence) const {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  if (conversation.prompt->system) messages.push_back({{"role", "system"}, {"content", *conversation.prompt->system}});
  std::string plain;
  for (std::size_t turn = 0; turn < static_cast<std::size_t>(conversation.turn); ++turn) {
    messages.push_back({{"role", "user"}, {"content", conversation.prompt->turns[turn].text}});
    plain += conversation.prompt->turns[turn].text + "\n";
    if (turn + 1 == static_cast<std::size_t>(conversation.turn)) break;
    messages.push_back({{"role", "assistant"}, {"content", conversation.answers[turn].texts[sequence]}});
    plain += conversation.answers[turn].texts[sequence] + "\n";
  }
  if (!format_->chat) return plain;
  nlohmann::ordered_json variables = format_->special_tokens;
  variables["messages"] = messages;
  variables["add_generation_prompt"] = true;
  if (settings.enable_thinking) variables["enable_thinking"] = *settings.enable_thinking;
  return format_->chat->render(variables, wall_now_ns());
}

}  // namespace qbench::run
