#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/model_options.h"
#include "formats/tokenizer_source.h"
#include "text/prompt_format.h"
#include "text/tokenizer.h"
#include "workload/suite.h"

namespace qbench::cli {

/// One text that a person sends: a file, or one turn of a suite's prompt.
struct NamedPrompt {
  std::string name;  ///< the file's path, "web-app-dense", "calculator#2" (turn 2)
  std::string text;
  workload::Prompt prompt;          ///< what it is a turn of; a prompt of its own for a file
  std::int64_t max_new_tokens = 0;  ///< of the suite, or --max-new-tokens; 0: not stated
};

/// A file as --prompt-file reads it: UTF-8, one final newline dropped; `-` is standard input. Error{kConfig}, Error{kUsage}.
NamedPrompt read_named_prompt(const std::string& file);

/// All turns of a suite's prompts. Error{kConfig}.
std::vector<NamedPrompt> suite_prompts(const std::string& suite);

/// A model's text side; its weights stay where they are.
struct TextSide {
  std::string label;
  formats::TokenizerSource source;
  std::unique_ptr<text::Tokenizer> tokenizer;
  text::PromptStyle style = text::PromptStyle::kDirect;
  std::optional<std::int64_t>
      context;  ///< positions that its files state: the GGUF's key, config.json, else tokenizer_config.json's model_max_length

  /// Tokens of a user's message as it is sent, system message and template included. Error{kTemplate}.
  std::int64_t tokens_as_sent(const NamedPrompt& prompt) const;
};

/// Opens every model of --models. Errors of resolve_text_side and of the tokenizer.
std::vector<TextSide> open_text_sides(const ModelOptions& options, Invocation& invocation);

}  // namespace qbench::cli
