#include "catalog/catalog_json.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "catalog/hub_cache.h"
#include "catalog/labels.h"
#include "workload/names.h"

namespace qbench::catalog {
namespace {

using formats::Architecture;
using formats::ModelConfig;
using nlohmann::json;
using workload::describe_value;
using workload::read_string;

constexpr std::size_t kMaxEntries = 4096;
constexpr std::size_t kMaxIds = 64;

[[noreturn]] void fail(const std::string& message, const std::string& where) { throw Error(ErrorCode::kConfig, message, where); }

std::string quoted(const std::string& key) { return "'" + key + "'"; }

std::int64_t read_int(const json& value, const std::string& key, const std::string& where) {
  const bool fits = value.is_number_integer() && (!value.is_number_unsigned() || value.get<std::uint64_t>() <= INT64_MAX);
  if (!fits) fail(quoted(key) + ": expected a whole number, got " + describe_value(value), where);
  return value.get<std::int64_t>();
}

double read_number(const json& value, const std::string& key, const std::string& where) {
  if (!value.is_number()) fail(quoted(key) + ": expected a number, got " + describe_value(value), where);
  return value.get<double>();
}

bool read_bool(const json& value, const std::string& key, const std::string& where) {
  if (!value.is_boolean()) fail(quoted(key) + ": expected true or false, got " + describe_value(value), where);
  return value.get<bool>();
}

std::int32_t read_id(const json& value, const std::string& key, const std::string& where) {
  const std::int64_t id = read_int(value, key, where);
  if (id < 0 || id > std::numeric_limits<std::int32_t>::max()) fail(quoted(key) + ": " + std::to_string(id) + " is no token id", where);
  return static_cast<std::int32_t>(id);
}

template <class Enum, std::size_t N>
Enum read_word(const json& value, const std::string& key, const std::string& where, const std::array<Enum, N>& all) {
  const std::string word = read_string(value, key, where);
  std::string expected;
  for (const Enum item : all) {
    if (name_of(item) == word) return item;
    expected += (expected.empty() ? "" : ", ") + std::string(name_of(item));
  }
  fail(quoted(key) + ": expected one of " + expected + ", got " + describe_value(value), where);
}

constexpr std::array kArchitectures{Architecture::kLlama, Architecture::kQwen2, Architecture::kQwen3, Architecture::kQwen3Moe,
                                    Architecture::kPhi3};
constexpr std::array kKinds{ModelKind::kInstruct, ModelKind::kCode, ModelKind::kThinking, ModelKind::kBase};
constexpr std::array kThinkings{Thinking::kNever, Thinking::kOptional, Thinking::kAlways};

/// The whole-number keys of a shape and where they go.
struct IntKey {
  const char* key;
  std::int64_t ModelConfig::*member;
  bool required;
};
constexpr std::array kIntKeys{
    IntKey{"hidden", &ModelConfig::hidden, true},
    IntKey{"layers", &ModelConfig::layers, true},
    IntKey{"heads", &ModelConfig::heads, true},
    IntKey{"kv_heads", &ModelConfig::kv_heads, true},
    IntKey{"head_dim", &ModelConfig::head_dim, true},
    IntKey{"ffn", &ModelConfig::ffn, true},
    IntKey{"vocab", &ModelConfig::vocab, true},
    IntKey{"context", &ModelConfig::context, true},
    IntKey{"experts", &ModelConfig::experts, false},
    IntKey{"experts_used", &ModelConfig::experts_used, false},
    IntKey{"expert_ffn", &ModelConfig::expert_ffn, false},
};

std::vector<std::string> shape_keys() {
  std::vector<std::string> keys{"architecture", "rms_eps", "rope_theta",     "tied_head",
                                "eos_ids",      "bos_id",  "sliding_window", "renormalize_experts"};
  for (const IntKey& key : kIntKeys) keys.emplace_back(key.key);
  return keys;
}

std::vector<std::int32_t> read_ids(const json& value, const std::string& key, const std::string& where) {
  if (!value.is_array() || value.size() > kMaxIds)
    fail(quoted(key) + ": expected a list of token ids, got " + describe_value(value), where);
  std::vector<std::int32_t> ids;
  for (const json& item : value) ids.push_back(read_id(item, key, where));
  return ids;
}

/// Reads one key that is not a plain whole number. False when it is unknown.
bool read_shape_key(ModelConfig& shape, std::int64_t& window, const std::string& key, const json& value, const std::string& where) {
  if (key == "architecture") {
    shape.architecture = read_word(value, key, where, kArchitectures);
  } else if (key == "rms_eps") {
    shape.rms_eps = read_number(value, key, where);
  } else if (key == "rope_theta") {
    shape.rope_theta = read_number(value, key, where);
  } else if (key == "tied_head") {
    shape.tied_head = read_bool(value, key, where);
  } else if (key == "renormalize_experts") {
    shape.renormalize_experts = read_bool(value, key, where);
  } else if (key == "eos_ids") {
    shape.eos_ids = read_ids(value, key, where);
  } else if (key == "bos_id") {
    shape.bos_id = read_id(value, key, where);
  } else if (key == "sliding_window") {
    window = read_int(value, key, where);
  } else {
    return false;
  }
  return true;
}

void require_keys(const json& object, const std::vector<std::string>& keys, const std::string& where) {
  for (const std::string& key : keys) {
    if (!object.contains(key)) fail("has no " + quoted(key), where);
  }
}

ModelConfig read_shape(const json& object, const std::string& where) {
  if (!object.is_object()) fail("expected an object, got " + describe_value(object), where);
  ModelConfig shape;
  std::int64_t window = 0;
  std::vector<std::string> required{"architecture", "rms_eps", "rope_theta", "tied_head", "eos_ids"};
  for (const auto& [key, value] : object.items()) {
    const auto at = std::find_if(kIntKeys.begin(), kIntKeys.end(), [&key = key](const IntKey& entry) { return key == entry.key; });
    if (at != kIntKeys.end()) {
      shape.*(at->member) = read_int(value, key, where);
    } else if (!read_shape_key(shape, window, key, value, where)) {
      workload::fail_unknown_key(key, shape_keys(), where);
    }
  }
  for (const IntKey& key : kIntKeys) {
    if (key.required || shape.architecture == Architecture::kQwen3Moe) required.emplace_back(key.key);
  }
  require_keys(object, required, where);
  const bool moe = shape.architecture == Architecture::kQwen3Moe;
  if (!moe && shape.experts != 0) fail("'experts': only qwen3_moe has experts", where);
  shape.qkv_bias = shape.architecture == Architecture::kQwen2;
  shape.qk_norm = shape.architecture == Architecture::kQwen3 || moe;
  // Sized by a count that is still unchecked: out-of-range counts are left for validate, with nothing allocated.
  const auto layers = static_cast<std::size_t>(shape.layers >= 1 && shape.layers <= 4096 ? shape.layers : 0);
  shape.sliding_window.assign(layers, window);
  shape.layer_is_dense.assign(layers, !moe);
  return shape;
}

std::vector<std::string> read_aliases(const json& value, const std::string& where) {
  if (!value.is_array() || value.size() > kMaxIds) fail("'aliases': expected a list of names, got " + describe_value(value), where);
  std::vector<std::string> aliases;
  for (const json& item : value) {
    aliases.push_back(read_string(item, "aliases", where));
    if (!workload::is_name(aliases.back())) fail("'aliases': " + describe_value(item) + " is no lower-case name", where);
  }
  return aliases;
}

CatalogEntry read_entry(const json& object, const std::string& where) {
  if (!object.is_object()) fail("expected an object, got " + describe_value(object), where);
  require_keys(object, {"name", "label", "hub_id", "kind", "thinking", "licence", "tokenizer_size", "shape"}, where);
  CatalogEntry entry;
  for (const auto& [key, value] : object.items()) {
    if (key == "name") {
      entry.name = read_string(value, key, where);
      if (!workload::is_name(entry.name)) fail("'name': " + describe_value(value) + " is no lower-case name", where);
    } else if (key == "aliases") {
      entry.aliases = read_aliases(value, where);
    } else if (key == "label") {
      entry.label = read_string(value, key, where);
      if (entry.label != as_label(entry.label))
        fail("'label': " + describe_value(value) + " is no file name of A-Z, a-z, 0-9, '.', '_', '-'", where);
    } else if (key == "hub_id") {
      entry.hub_id = read_string(value, key, where);
      if (!is_hub_id(entry.hub_id)) fail("'hub_id': expected ORG/NAME, got " + describe_value(value), where);
    } else if (key == "kind") {
      entry.kind = read_word(value, key, where, kKinds);
    } else if (key == "thinking") {
      entry.thinking = read_word(value, key, where, kThinkings);
    } else if (key == "licence") {
      entry.licence = read_string(value, key, where);
    } else if (key == "cached_file") {
      entry.cached_file = read_string(value, key, where);
      if (entry.cached_file.find('/') != std::string::npos) fail("'cached_file': expected a file name without folders", where);
    } else if (key == "download") {
      entry.download_command = read_string(value, key, where);
    } else if (key == "tokenizer_size") {
      entry.tokenizer_size = read_int(value, key, where);
    } else if (key == "shape") {
      entry.shape = read_shape(value, where + ": shape");
    } else {
      workload::fail_unknown_key(
          key, {"name", "aliases", "label", "hub_id", "kind", "thinking", "licence", "cached_file", "download", "tokenizer_size", "shape"},
          where);
    }
  }
  return entry;
}

void check_entry(CatalogEntry& entry, const std::string& where) {
  entry.shape.name = entry.label;
  if (entry.download_command.empty()) entry.download_command = "hf download " + entry.hub_id;
  try {
    formats::validate(entry.shape, where + ": shape");
  } catch (const Error& error) {
    throw Error(ErrorCode::kConfig, error.what());
  }
  if (entry.tokenizer_size < 1 || entry.tokenizer_size > entry.shape.vocab) {
    fail("'tokenizer_size': expected 1 to " + std::to_string(entry.shape.vocab) + " (vocab), got " + std::to_string(entry.tokenizer_size),
         where);
  }
}

}  // namespace

std::vector<CatalogEntry> entries_from_json(const json& root, const std::string& where) {
  if (!root.is_object() || !root.contains("models") || !root["models"].is_array()) fail("expected an object with a list 'models'", where);
  for (const auto& [key, value] : root.items()) {
    if (key != "models") workload::fail_unknown_key(key, {"models"}, where);
  }
  const json& models = root["models"];
  if (models.empty() || models.size() > kMaxEntries) {
    fail("'models': expected 1 to " + std::to_string(kMaxEntries) + " entries, got " + std::to_string(models.size()), where);
  }
  std::vector<CatalogEntry> entries;
  for (std::size_t i = 0; i < models.size(); ++i) {
    std::string at = where + ": model " + std::to_string(i + 1);
    if (models[i].is_object() && models[i].contains("name") && models[i]["name"].is_string()) {
      at += " (" + workload::printable(models[i]["name"].get_ref<const std::string&>()) + ")";
    }
    entries.push_back(read_entry(models[i], at));
    check_entry(entries.back(), at);
  }
  return entries;
}

}  // namespace qbench::catalog
