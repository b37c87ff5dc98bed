#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "run/opened_model.h"
#include "text/prompt_format.h"
#include "text/tokenizer.h"
#include "workload/settings.h"
#include "workload/suite.h"

namespace qbench::run {

/// Counts prompts with a model's own tokenizer and template before the model is loaded.
class PromptLength {
 public:
  explicit PromptLength(const OpenedFiles& files);

  /// Tokens of the first `turns` turns as they will be sent, with empty answers between them; nothing where there is no tokenizer or the
  /// template refuses the prompt (its own cell will say so).
  std::optional<std::int64_t> tokens(const workload::Prompt& prompt, std::int64_t turns, std::optional<bool> enable_thinking) const;

  /// Whether the model's template speaks of thinking and its vocabulary ends a thought: it may think where it is not told otherwise.
  bool may_think() const { return template_thinks_ && marks_thoughts(); }

  /// Whether the vocabulary has </think>.
  bool marks_thoughts() const { return tokenizer_ && tokenizer_->id_of("</think>").has_value(); }

 private:
  std::unique_ptr<text::Tokenizer> tokenizer_;          // nullptr: nothing can be counted
  std::unique_ptr<text::PromptFormatter> formatter_;
  bool template_thinks_ = false;
};

}  // namespace qbench::run
