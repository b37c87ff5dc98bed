#include "text/prompt_format.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "text/chat_template.h"

namespace qbench::text {

using nlohmann::ordered_json;

namespace {

/// The words of a model's name: "Qwen/Qwen2.5-Coder-7B.Q4_K_M.gguf" has qwen2.5, coder, 7b, q4, k, m, gguf.
std::vector<std::string> words_of(std::string_view name) {
  if (const std::size_t slash = name.find_last_of('/'); slash != std::string_view::npos && slash + 1 < name.size()) name.remove_prefix(slash + 1);
  const auto digit = [&](std::size_t i) { return i < name.size() && std::isdigit(static_cast<unsigned char>(name[i])) != 0; };
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool point = name[i] == '.' && i > 0 && digit(i - 1) && digit(i + 1);
    if (std::isalnum(static_cast<unsigned char>(name[i])) != 0 || point) {
      words.back().push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(name[i]))));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  return words;
}

constexpr std::array<std::string_view, 7> kInstructWords = {"instruct", "chat", "it", "thinking", "reasoning", "assistant", "sft"};
/// Families whose base checkpoints have a chat template, and whose instruct ones say so in their name.
constexpr std::array<std::string_view, 6> kTemplateEverywhere = {"qwen", "qwen1.5", "qwen2", "qwen2.5", "codeqwen1.5", "codeqwen"};

}  // namespace

PromptStyle detect_prompt_style(std::string_view model_name, const formats::TokenizerSource& source) {
  const std::vector<std::string> words = words_of(model_name);
  const auto any = [&](auto test) { return std::any_of(words.begin(), words.end(), test); };
  const auto among = [&](const auto& names) {
    return any([&](const std::string& word) { return std::find(names.begin(), names.end(), word) != names.end(); });
  };
  const bool code = any([](const std::string& word) { return word.find("code") != std::string::npos; });
  const PromptStyle without_template = code ? PromptStyle::kDirectCode : PromptStyle::kDirect;
  const bool says_base = any([](const std::string& word) { return word == "base" || word == "pt"; });
  if (source.chat_template.empty() || says_base) return without_template;
  return among(kTemplateEverywhere) && !among(kInstructWords) ? without_template : PromptStyle::kTemplate;
}

namespace {

/// tokenizer_config.json writes a token as its text or as an object with `content`; null is a token that there is not.
void add_from_config(const nlohmann::json& config, const char* name, ordered_json& variables) {
  const auto found = config.find(name);
  if (found == config.end()) return;
  if (found->is_string()) variables[name] = found->get<std::string>();
  if (!found->is_object()) return;
  const auto content = found->find("content");
  if (content != found->end() && content->is_string()) variables[name] = content->get<std::string>();
}

}  // namespace

ordered_json special_token_variables(const formats::TokenizerSource& source) {
  ordered_json variables = ordered_json::object();
  if (source.kind == formats::TokenizerSource::Kind::kHuggingFace && !source.tokenizer_config_json.empty()) {
    const nlohmann::json config = parse_json(source.tokenizer_config_json, source.where + ": tokenizer_config.json", {.unique_keys = false});
    if (!config.is_object()) throw Error(ErrorCode::kFormat, "tokenizer_config.json: expected an object", source.where);
    for (const char* name : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
      add_from_config(config, name, variables);
    }
  }
  const auto add_from_id = [&](const char* name, const std::optional<std::int32_t>& id) {
    if (id && *id >= 0 && static_cast<std::size_t>(*id) < source.tokens.size()) variables[name] = source.tokens[static_cast<std::size_t>(*id)];
  };
  add_from_id("bos_token", source.bos_id);
  add_from_id("eos_token", source.eos_id);
  add_from_id("unk_token", source.unk_id);
  add_from_id("pad_token", source.pad_id);
  return variables;
}

struct PromptFormatter::Parts {
  std::optional<ChatTemplate> chat;
  ordered_json special_tokens;
};

PromptFormatter::PromptFormatter(PromptStyle style, const formats::TokenizerSource& source) : style_(style), parts_(std::make_unique<Parts>()) {
  if (style != PromptStyle::kTemplate) return;
  if (source.chat_template.empty()) throw Error(ErrorCode::kTemplate, "has no chat template, which an instruct model needs", source.where);
  parts_->chat.emplace(source.chat_template, source.where + ": chat template");
  parts_->special_tokens = special_token_variables(source);
}

PromptFormatter::~PromptFormatter() = default;
PromptFormatter::PromptFormatter(PromptFormatter&&) noexcept = default;
PromptFormatter& PromptFormatter::operator=(PromptFormatter&&) noexcept = default;

namespace {

/// A prompt that is code already is to be gone on with, not to be answered.
bool looks_like_code(std::string_view text) {
  static constexpr std::array<std::string_view, 16> kStarts = {"def ",  "class ",   "import ",  "from ",   "#include", "#!",    "package ", "func ",
                                                               "fn ",   "use ",     "public ",  "const ",  "export ",  "@",     "\"\"\"",   "```"};
  const std::size_t start = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const std::string_view rest = text.substr(start);
  // "Use ...", "From ..." start sentences too, but with a capital; a sentence in lower case ends its first line without code's punctuation.
  const std::string_view line = rest.substr(0, std::min(rest.find('\n'), rest.size()));
  const bool starts = std::any_of(kStarts.begin(), kStarts.end(), [&](std::string_view s) { return rest.starts_with(s); });
  const bool several_lines = line.size() != rest.size();
  return starts && (several_lines || line.find_first_of("(;{:=<") != std::string_view::npos);
}

std::string plain_text(const std::vector<Message>& messages) {
  std::string text;
  for (const Message& message : messages) {
    if (!text.empty()) text += "\n\n";
    text += message.content;
  }
  return text;
}

}  // namespace

FormattedPrompt PromptFormatter::format(const PromptRequest& request, std::int64_t wall_ns) const {
  if (request.messages.empty()) throw Error(ErrorCode::kUsage, "a prompt needs at least one message");
  FormattedPrompt prompt;
  if (parts_->chat) {
    ordered_json variables = parts_->special_tokens;
    variables["messages"] = ordered_json::array();
    for (const Message& message : request.messages) variables["messages"].push_back({{"role", message.role}, {"content", message.content}});
    variables["tools"] = nullptr;
    variables["documents"] = nullptr;
    variables["add_generation_prompt"] = true;
    if (request.enable_thinking) variables["enable_thinking"] = *request.enable_thinking;
    prompt.text = parts_->chat->render(variables, wall_ns);
    prompt.add_special = false;
    prompt.how = "chat template";
    return prompt;
  }
  prompt.text = plain_text(request.messages);
  prompt.how = "direct";
  const bool context = style_ == PromptStyle::kDirectCode && !request.language.empty() && !looks_like_code(request.messages.back().content);
  if (context) {
    prompt.text += "\n\n```" + request.language + "\n";
    prompt.how = "direct with code context";
  }
  return prompt;
}

FormattedPrompt format_prompt(PromptStyle style, const formats::TokenizerSource& source, const PromptRequest& request, std::int64_t wall_ns) {
  return PromptFormatter(style, source).format(request, wall_ns);
}

}  // namespace qbench::text
