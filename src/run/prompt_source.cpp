#include "run/prompt_source.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/random.h"
#include "text/thinking.h"
#include "workload/thinking.h"

namespace qbench::run {
namespace {

/// What later stages see of one: its answer without the thought, where there is one.
std::string answer_of_stage(const std::string& text) {
  text::ThinkingSplit split = text::split_thinking(text, false);
  return split.answer.empty() ? std::move(split.thinking) : std::move(split.answer);
}

}  // namespace

PromptSource::PromptSource(const OpenedModel& opened) : opened_(&opened) {
  if (opened.tokenizer) formatter_ = std::make_unique<text::PromptFormatter>(opened.prompt_style, opened.text_side);
}

PreparedPrompt PromptSource::prepare(const Conversation& conversation, const workload::EffectiveSettings& settings) const {
  const auto sequences = static_cast<std::size_t>(settings.batch);
  // Without a history of their own all sequences have the same prompt.
  const std::size_t different = conversation.turn > 1 ? sequences : 1;
  PreparedPrompt prompt;
  prompt.synthetic = opened_->tokenizer == nullptr;
  std::vector<text::FormattedPrompt> formatted;
  if (!prompt.synthetic) {
    for (std::size_t s = 0; s < different; ++s) formatted.push_back(format(conversation, settings, s));
    prompt.text = formatted.front().text;
  }
  prompt.rendered_ns = now_ns();
  for (std::size_t s = 0; s < different; ++s) {
    prompt.ids.push_back(prompt.synthetic ? synthetic_ids(conversation, s)
                                          : opened_->tokenizer->encode(formatted[s].text, {.add_special = formatted[s].add_special}));
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
    if (turn < conversation.turn && !workload::sees_turn(*conversation.prompt, conversation.turn, turn)) continue;
    Random random(seed, static_cast<std::uint64_t>(turn));
    const std::int64_t count = conversation.prompt->turns[static_cast<std::size_t>(turn - 1)].prompt_tokens;
    for (std::int64_t i = 0; i < count; ++i)
      ids.push_back(static_cast<std::int32_t>(random.next_below(static_cast<std::uint64_t>(opened_->sampling_vocab))));
    if (turn == conversation.turn) break;
    const std::vector<std::int32_t>& answer = conversation.answers[static_cast<std::size_t>(turn - 1)].ids[sequence];
    ids.insert(ids.end(), answer.begin(), answer.end());
  }
  return ids;
}

text::FormattedPrompt PromptSource::format(const Conversation& conversation, const workload::EffectiveSettings& settings,
                                           std::size_t sequence) const {
  std::vector<std::string> answers;
  for (const Answer& answer : conversation.answers)
    answers.push_back(conversation.prompt->turns.front().stage ? answer_of_stage(answer.texts[sequence]) : answer.texts[sequence]);
  return formatter_->format(prompt_request(*conversation.prompt, conversation.turn, answers, settings.enable_thinking), wall_now_ns());
}

text::PromptRequest prompt_request(const workload::Prompt& prompt, std::int64_t turn, std::span<const std::string> answers,
                                   std::optional<bool> enable_thinking) {
  text::PromptRequest request;
  if (prompt.system) request.messages.push_back({"system", *prompt.system});
  for (std::int64_t earlier = 1; earlier < turn; ++earlier) {
    if (!workload::sees_turn(prompt, turn, earlier)) continue;
    const auto i = static_cast<std::size_t>(earlier - 1);
    request.messages.push_back({"user", prompt.turns[i].text});
    request.messages.push_back({"assistant", answers[i]});
  }
  request.messages.push_back({"user", prompt.turns[static_cast<std::size_t>(turn - 1)].text});
  request.enable_thinking = enable_thinking;
  request.language = prompt.language;
  return request;
}

}  // namespace qbench::run
