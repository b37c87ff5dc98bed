#include "formats/tokenizer_source.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/text_file.h"
#include "formats/gguf_model.h"
#include "formats/json_fields.h"
#include "formats/quote.h"

namespace qbench::formats {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::string read_if_there(const fs::path& path) { return is_there(path) ? read_text_file(path) : std::string(); }

/// tokenizer_config.json's chat_template: one text, or a list of {name, template} of which "default" counts.
std::string template_of_config(const std::string& text, const std::string& where) {
  if (text.empty()) return {};
  const json config = parse_json(text, where);
  const JsonFields fields(config, where);
  const json* found = fields.find("chat_template");
  if (found == nullptr) return {};
  if (found->is_string()) return found->get<std::string>();
  if (!found->is_array()) fields.fail("chat_template", "a string or a list of named templates", *found);
  for (const json& named : *found) {
    const JsonFields entry(named, where, "chat_template[].");
    if (entry.string("name").value_or("") == "default") return entry.string("template").value_or("");
  }
  return {};
}

/// A folder's files; `tokenizer_file` is tokenizer.json or a file of another name that the user pointed at.
TokenizerSource from_folder(const fs::path& folder, const fs::path& tokenizer_file) {
  TokenizerSource source;
  source.where = tokenizer_file.string();
  source.tokenizer_json = read_if_there(tokenizer_file);
  source.tokenizer_config_json = read_if_there(folder / "tokenizer_config.json");
  source.kind = source.tokenizer_json.empty() ? TokenizerSource::Kind::kNone : TokenizerSource::Kind::kHuggingFace;
  // transformers takes the file before the entry in the config.
  source.chat_template = read_if_there(folder / "chat_template.jinja");
  if (source.chat_template.empty())
    source.chat_template = template_of_config(source.tokenizer_config_json, (folder / "tokenizer_config.json").string());
  return source;
}

TokenizerSource from_gguf(const fs::path& path) {
  const MappedFile file(path);
  const GgufFile parsed = parse_gguf_metadata(file.bytes(), path.string());
  const fs::path first = gguf_part_paths(path, parsed.metadata).front();
  if (first == path) return read_gguf_tokenizer(parsed.metadata);
  const MappedFile first_file(first);
  return read_gguf_tokenizer(parse_gguf_metadata(first_file.bytes(), first.string()).metadata);
}

}  // namespace

TokenizerSource read_gguf_tokenizer(const GgufMetadata& metadata) {
  TokenizerSource source;
  source.where = metadata.where();
  source.chat_template = std::string(metadata.string("tokenizer.chat_template").value_or(""));
  const std::optional<std::string_view> model = metadata.string("tokenizer.ggml.model");
  if (!model || *model == "none" || *model == "no_vocab") return source;
  source.kind = TokenizerSource::Kind::kGguf;
  source.model = std::string(*model);
  source.pre = std::string(metadata.string("tokenizer.ggml.pre").value_or(""));
  source.tokens = metadata.strings("tokenizer.ggml.tokens");
  if (source.tokens.empty()) metadata.fail("tokenizer.ggml.tokens", "expected an array of strings, found none");
  source.token_types = metadata.integers32("tokenizer.ggml.token_type");
  source.scores = metadata.floats("tokenizer.ggml.scores");
  source.merges = metadata.strings("tokenizer.ggml.merges");
  const std::size_t count = source.tokens.size();
  if (!source.token_types.empty() && source.token_types.size() != count) {
    metadata.fail("tokenizer.ggml.token_type",
                  fmt::format("expected one for each of {} tokens, found {}", count, source.token_types.size()));
  }
  if (!source.scores.empty() && source.scores.size() != count) {
    metadata.fail("tokenizer.ggml.scores", fmt::format("expected one for each of {} tokens, found {}", count, source.scores.size()));
  }
  const auto id = [&](const char* key) -> std::optional<std::int32_t> {
    const auto value = metadata.integer(key, 0, static_cast<std::int64_t>(count) - 1);
    return value ? std::optional(static_cast<std::int32_t>(*value)) : std::nullopt;
  };
  source.bos_id = id("tokenizer.ggml.bos_token_id");
  source.eos_id = id("tokenizer.ggml.eos_token_id");
  source.eot_id = id("tokenizer.ggml.eot_token_id");
  source.unk_id = id("tokenizer.ggml.unknown_token_id");
  source.pad_id = id("tokenizer.ggml.padding_token_id");
  source.add_bos = metadata.boolean("tokenizer.ggml.add_bos_token");
  source.add_eos = metadata.boolean("tokenizer.ggml.add_eos_token");
  source.add_space_prefix = metadata.boolean("tokenizer.ggml.add_space_prefix");
  return source;
}

bool ends_generation(std::string_view token, bool control) noexcept {
  // A token that is mistyped as a normal one still ends an answer; two of the texts may stand in a vocabulary as ordinary text, though.
  if (token == "</s>" || token == "<eos>") return control;
  constexpr std::string_view kTexts[] = {"<|im_end|>",  "<|end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>",
                                         "<end_of_turn>", "<EOT>",   "_<EOT>",        "[EOT]",      "[EOS]",      "<end_of_utterance>",
                                         "<\xEF\xBD\x9C" "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>"};
  return std::find(std::begin(kTexts), std::end(kTexts), token) != std::end(kTexts);
}

std::vector<std::int32_t> end_of_generation_ids(const TokenizerSource& source) {
  constexpr std::int32_t kControl = 3;  // GGUF specification, tokenizer.ggml.token_type
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < source.tokens.size(); ++i) {
    const bool control = !source.token_types.empty() && source.token_types[i] == kControl;
    if (ends_generation(source.tokens[i], control)) ids.push_back(static_cast<std::int32_t>(i));
  }
  return ids;
}

TokenizerSource load_tokenizer_source(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return from_folder(path, path / "tokenizer.json");
  if (!is_there(path)) throw Error(ErrorCode::kNotFound, "no such file or folder", path.string());
  if (path.extension() == ".gguf") return from_gguf(path);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (path.extension() == ".safetensors" || path.filename() == "tokenizer_config.json")
    return from_folder(folder, folder / "tokenizer.json");
  if (path.extension() == ".json") return from_folder(folder, path);
  throw Error(ErrorCode::kUnsupported, "expected a folder with tokenizer files, a .gguf or a tokenizer.json", path.string());
}

}  // namespace qbench::formats
