#include "cli/prompt_inputs.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "catalog/labels.h"
#include "catalog/resolve.h"
#include "cli/input_files.h"
#include "formats/gguf_file.h"
#include "workload/suite_json.h"

namespace qbench::cli {
namespace fs = std::filesystem;
namespace {

constexpr std::int64_t kLargestContext = 1'000'000'000;  // transformers writes 1e30 for "no limit"

std::optional<std::int64_t> gguf_context(const fs::path& path) {
  const MappedFile file(path);
  const formats::GgufFile gguf = formats::parse_gguf_metadata(file.bytes(), path.string());
  const auto architecture = gguf.metadata.string("general.architecture");
  if (!architecture) return std::nullopt;
  return gguf.metadata.integer(std::string(*architecture) + ".context_length", 1, kLargestContext);
}

/// A whole number of a JSON object that can be a context; nothing for anything else.
std::optional<std::int64_t> context_value(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  return value >= 1 && value <= static_cast<double>(kLargestContext) ? std::optional(static_cast<std::int64_t>(value)) : std::nullopt;
}

/// max_position_embeddings; where YaRN stretches the context that it names, the stretched one.
std::optional<std::int64_t> config_context(const fs::path& file) {
  const nlohmann::json config = read_json_file(file);
  if (!config.is_object()) return std::nullopt;
  std::optional<std::int64_t> context = context_value(config, "max_position_embeddings");
  const auto scaling = config.find("rope_scaling");
  if (scaling != config.end() && scaling->is_object() && scaling->contains("factor") && (*scaling)["factor"].is_number()) {
    const auto original = context_value(*scaling, "original_max_position_embeddings");
    const double stretched = original ? static_cast<double>(*original) * (*scaling)["factor"].get<double>() : 0.0;
    if (context && stretched > static_cast<double>(*context) && stretched <= static_cast<double>(kLargestContext))
      context = static_cast<std::int64_t>(stretched);
  }
  return context;
}

std::optional<std::int64_t> stated_context(const fs::path& path, const formats::TokenizerSource& source) {
  std::error_code ignored;
  if (source.kind == formats::TokenizerSource::Kind::kGguf) return gguf_context(path);
  const fs::path folder = fs::is_directory(path, ignored) ? path : path.parent_path();
  if (fs::exists(folder / "config.json", ignored)) {
    if (const auto context = config_context(folder / "config.json")) return context;
  }
  if (source.tokenizer_config_json.empty()) return std::nullopt;
  const nlohmann::json config = parse_json(source.tokenizer_config_json, source.where);
  return config.is_object() ? context_value(config, "model_max_length") : std::nullopt;
}

std::string label_of(const fs::path& path, const std::string& request) {
  std::error_code ignored;
  if (!fs::exists(path, ignored) || request != path.string()) return catalog::as_label(request);
  if (!fs::is_directory(path, ignored)) return catalog::label_of_file(path);
  const fs::path folder = fs::absolute(path, ignored).lexically_normal();
  return catalog::as_label((folder.has_filename() ? folder : folder.parent_path()).filename().string());
}

/// A folder with nothing but tokenizer files has no name that tells base from instruct: its template is used where there is one.
text::PromptStyle style_of(const fs::path& path, const TextSide& side) {
  std::error_code ignored;
  const bool only_text = side.source.kind == formats::TokenizerSource::Kind::kHuggingFace && fs::is_directory(path, ignored) &&
                         !fs::exists(path / "config.json", ignored);
  if (only_text && !side.source.chat_template.empty()) return text::PromptStyle::kTemplate;
  return text::detect_prompt_style(side.label, side.source);
}

}  // namespace

NamedPrompt read_named_prompt(const std::string& file) {
  NamedPrompt named;
  named.name = file == "-" ? "standard input" : file;
  if (file == "-") {
    named.text = read_text_input("FILE", file);
    if (named.text.ends_with('\n')) named.text.pop_back();
    if (named.text.empty()) throw Error(ErrorCode::kUsage, "FILE: standard input is empty");
  } else {
    named.text = workload::read_prompt_text(file);
  }
  named.prompt.id = named.name;
  named.prompt.turns.push_back({named.text, 0});
  return named;
}

std::vector<NamedPrompt> suite_prompts(const std::string& suite) {
  std::vector<NamedPrompt> prompts;
  for (workload::Prompt& prompt : workload::find_suite(suite).prompts) {
    for (std::size_t turn = 0; turn < prompt.turns.size(); ++turn) {
      const std::string name = prompt.turns.size() == 1 ? prompt.id : prompt.id + "#" + std::to_string(turn + 1);
      prompts.push_back({name, prompt.turns[turn].text, prompt, workload::effective(prompt.settings).max_new_tokens});
    }
  }
  return prompts;
}

std::int64_t TextSide::tokens_as_sent(const NamedPrompt& prompt) const {
  text::PromptRequest request;
  if (prompt.prompt.system) request.messages.push_back({"system", *prompt.prompt.system});
  request.messages.push_back({"user", prompt.text});
  request.language = prompt.prompt.language;
  request.enable_thinking = prompt.prompt.settings.enable_thinking;
  const text::FormattedPrompt formatted = text::format_prompt(style, source, request, wall_now_ns());
  return static_cast<std::int64_t>(tokenizer->encode(formatted.text, {.add_special = formatted.add_special}).size());
}

std::vector<TextSide> open_text_sides(const ModelOptions& options, Invocation& invocation) {
  std::vector<TextSide> sides;
  for (const std::string& value : options.models) {
    for (const std::string& request : catalog::split_models(value)) {
      ModelOptions one = options;
      one.models = {request};
      const fs::path path = resolve_text_side(one, invocation);
      TextSide side;
      side.label = label_of(path, request);
      side.source = formats::load_tokenizer_source(path);
      side.tokenizer = text::make_tokenizer(side.source);
      side.style = style_of(path, side);
      side.context = options.engine.context ? options.engine.context : stated_context(path, side.source);
      sides.push_back(std::move(side));
    }
  }
  invocation.model.clear();  // what follows is about the prompts
  return sides;
}

}  // namespace qbench::cli
