#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/tokenizer_source.h"

namespace qbench::text {

/// How a prompt is written. (What a model is for, catalog::ModelKind, is another matter: code and thinking models have a template too.)
enum class PromptStyle {
  kTemplate,    ///< by the chat template: instruct models, those for code too
  kDirect,      ///< the text as it is: base models
  kDirectCode,  ///< the text, and a fence that names the language: base models for code
};

/// From the name and whether there is a chat template. The template is necessary for kTemplate but not enough: the base checkpoints of Qwen
/// 2.5 and older carry one as well, so there the name decides (-Instruct, -Chat), and -Base is a base model whatever it carries.
PromptStyle detect_prompt_style(std::string_view model_name, const formats::TokenizerSource& source);

struct Message {
  std::string role;     ///< "system", "user", "assistant"
  std::string content;
};

struct PromptRequest {
  std::vector<Message> messages;
  std::optional<bool> enable_thinking;   ///< handed to the template only when given
  std::string language;                  ///< of the code asked for ("python"); empty: none named. Only kDirectCode uses it
};

struct FormattedPrompt {
  std::string text;
  bool add_special = true;   ///< for EncodeOptions: a chat template writes its own BOS, so false after one, as in transformers
  std::string how;           ///< "chat template", "direct", "direct with code context": stored with the result
};

/// The special tokens that transformers hands to a template beside the caller's variables: bos_token, eos_token, unk_token, pad_token and
/// others, as far as tokenizer_config.json or the GGUF's ids name them. Error{kFormat} on broken JSON.
nlohmann::ordered_json special_token_variables(const formats::TokenizerSource& source);

/// Writes prompts for one checkpoint; parses its template once.
class PromptFormatter {
 public:
  /// Error{kTemplate} when style is kTemplate and there is no template, or it does not parse; {kFormat} for broken JSON.
  PromptFormatter(PromptStyle style, const formats::TokenizerSource& source);
  ~PromptFormatter();
  PromptFormatter(PromptFormatter&&) noexcept;
  PromptFormatter& operator=(PromptFormatter&&) noexcept;

  /// The template is rendered as transformers' apply_chat_template does, with add_generation_prompt and with tools and documents None.
  /// wall_ns: the clock that it may read. Error{kTemplate} when it raises, {kUsage} when there are no messages.
  FormattedPrompt format(const PromptRequest& request, std::int64_t wall_ns) const;

 private:
  struct Parts;
  PromptStyle style_;
  std::unique_ptr<Parts> parts_;
};

/// A PromptFormatter for one prompt.
FormattedPrompt format_prompt(PromptStyle style, const formats::TokenizerSource& source, const PromptRequest& request, std::int64_t wall_ns);

}  // namespace qbench::text
