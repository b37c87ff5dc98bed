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

/// How a checkpoint wants to be asked.
enum class ModelKind {
  kInstruct,  ///< by its chat template (instruct models for code too)
  kBase,      ///< the text as it is
  kCode,      ///< a base model for code: the text, and a fence that names the language
};
std::string_view name_of(ModelKind kind) noexcept;  ///< "instruct", "base", "code"

/// From the name and whether there is a chat template. The template is necessary for kInstruct but not enough: the base checkpoints of Qwen
/// 2.5 and older carry one as well, so there the name decides (-Instruct, -Chat), and -Base is a base model whatever it carries.
ModelKind detect_model_kind(std::string_view model_name, const formats::TokenizerSource& source);

struct Message {
  std::string role;     ///< "system", "user", "assistant"
  std::string content;
};

struct PromptRequest {
  std::vector<Message> messages;
  std::optional<bool> enable_thinking;   ///< handed to the template only when given
  std::string language;                  ///< of the code asked for ("python"); empty: none named. Only kCode uses it
};

struct FormattedPrompt {
  std::string text;
  ModelKind kind = ModelKind::kInstruct;
  bool add_special = true;   ///< for EncodeOptions: a chat template writes its own BOS, so false after one, as in transformers
  std::string how;           ///< "chat template", "direct", "direct with code context": stored with the result
};

/// The special tokens that transformers hands to a template beside the caller's variables: bos_token, eos_token, unk_token, pad_token and
/// others, as far as tokenizer_config.json or the GGUF's ids name them. Error{kFormat} on broken JSON.
nlohmann::ordered_json special_token_variables(const formats::TokenizerSource& source);

/// Writes prompts for one checkpoint; parses its template once.
class PromptFormatter {
 public:
  /// Error{kTemplate} when kind is kInstruct and there is no template, or it does not parse; {kFormat} for broken JSON.
  PromptFormatter(ModelKind kind, const formats::TokenizerSource& source);
  ~PromptFormatter();
  PromptFormatter(PromptFormatter&&) noexcept;
  PromptFormatter& operator=(PromptFormatter&&) noexcept;

  /// The template is rendered as transformers' apply_chat_template does, with add_generation_prompt and with tools and documents None.
  /// wall_ns: the clock that it may read. Error{kTemplate} when it raises, {kUsage} when there are no messages.
  FormattedPrompt format(const PromptRequest& request, std::int64_t wall_ns) const;

 private:
  struct Parts;
  ModelKind kind_;
  std::unique_ptr<Parts> parts_;
};

/// A PromptFormatter for one prompt.
FormattedPrompt format_prompt(ModelKind kind, const formats::TokenizerSource& source, const PromptRequest& request, std::int64_t wall_ns);

}  // namespace qbench::text
