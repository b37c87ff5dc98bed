#include "run/template_variables.h"

#include <nlohmann/json.hpp>
#include <optional>

#include "base/json.h"

namespace qbench::run {
namespace {

using nlohmann::ordered_json;

/// tokenizer_config.json writes a token as its text or as an object with `content`.
void add_from_config(const nlohmann::json& config, const char* name, ordered_json& variables) {
  const auto found = config.find(name);
  if (found == config.end()) return;
  if (found->is_string()) variables[name] = found->get<std::string>();
  if (found->is_object() && found->contains("content") && (*found)["content"].is_string()) variables[name] = (*found)["content"].get<std::string>();
}

void add_from_id(const formats::TokenizerSource& source, const std::optional<std::int32_t>& id, const char* name, ordered_json& variables) {
  if (id && *id >= 0 && static_cast<std::size_t>(*id) < source.tokens.size()) variables[name] = source.tokens[static_cast<std::size_t>(*id)];
}

}  // namespace

ordered_json special_token_variables(const formats::TokenizerSource& source) {
  ordered_json variables = ordered_json::object();
  if (source.kind == formats::TokenizerSource::Kind::kHuggingFace && !source.tokenizer_config_json.empty()) {
    const nlohmann::json config = parse_json(source.tokenizer_config_json, source.where + "/tokenizer_config.json", {.unique_keys = false});
    if (!config.is_object()) return variables;
    for (const char* name : {"bos_token", "eos_token", "unk_token", "pad_token"}) add_from_config(config, name, variables);
  }
  if (source.kind == formats::TokenizerSource::Kind::kGguf) {
    add_from_id(source, source.bos_id, "bos_token", variables);
    add_from_id(source, source.eos_id, "eos_token", variables);
    add_from_id(source, source.unk_id, "unk_token", variables);
    add_from_id(source, source.pad_id, "pad_token", variables);
  }
  return variables;
}

}  // namespace qbench::run
