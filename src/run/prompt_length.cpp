#include "run/prompt_length.h"

#include "base/clock.h"
#include "run/guard.h"
#include "run/prompt_source.h"

namespace qbench::run {

PromptLength::PromptLength(const OpenedFiles& files) {
  if (files.text_side.kind == formats::TokenizerSource::Kind::kNone) return;
  tokenizer_ = text::make_tokenizer(files.text_side);
  template_thinks_ = files.prompt_style == text::PromptStyle::kTemplate && files.text_side.chat_template.find("think") != std::string::npos;
  formatter_ = std::make_unique<text::PromptFormatter>(files.prompt_style, files.text_side);
}

std::optional<std::int64_t> PromptLength::tokens(const workload::Prompt& prompt, std::int64_t turns, std::optional<bool> enable_thinking) const {
  if (!tokenizer_) return std::nullopt;
  std::optional<std::int64_t> count;
  const auto refused = run_guarded([&] {
    const std::vector<std::string> no_answers(static_cast<std::size_t>(turns - 1));
    const text::FormattedPrompt formatted = formatter_->format(prompt_request(prompt, turns, no_answers, enable_thinking), wall_now_ns());
    count = static_cast<std::int64_t>(tokenizer_->encode(formatted.text, {.add_special = formatted.add_special}).size());
  });
  return refused ? std::nullopt : count;
}

}  // namespace qbench::run
