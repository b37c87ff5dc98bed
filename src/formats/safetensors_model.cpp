#include "formats/safetensors_model.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <system_error>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "formats/fingerprint.h"
#include "formats/hf_config.h"
#include "formats/hf_names.h"
#include "formats/json_fields.h"
#include "formats/quote.h"

namespace qbench::formats {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kIndexName = "model.safetensors.index.json";

[[noreturn]] void fail_tensor(ErrorCode code, std::string_view name, const std::string& message, const std::string& where) {
  throw Error(code, fmt::format("tensor {}: {}", quote(name), message), where);
}

/// transformers 5 keeps the experts of a layer as two 3-D tensors, (experts, 2 x width, hidden) with the gate rows first and
/// (experts, hidden, width) (modeling_qwen3_moe.py, Qwen3MoeExperts).
bool split_fused_experts(const TensorEntry& stored, std::string_view neutral, const ModelConfig& c, TensorTable& table,
                         const std::string& where) {
  const bool down = neutral.ends_with("experts.down");
  if (!down && !neutral.ends_with("experts.gate_up")) return false;
  std::string_view rest = neutral.substr(4);
  const std::int64_t layer = *take_index(rest);
  const std::vector<std::int64_t> expected{c.experts, down ? c.hidden : 2 * c.expert_ffn, down ? c.expert_ffn : c.hidden};
  if (stored.shape != expected || c.experts == 0) {
    fail_tensor(ErrorCode::kFormat, stored.name, fmt::format("expected shape {}, found {}", shape_text(expected), shape_text(stored.shape)),
                where);
  }
  for (std::int64_t expert = 0; expert < c.experts; ++expert) {
    if (down) {
      table.add(expert_view(stored, expert, 0, c.hidden, expert_tensor(layer, expert, "ffn_down.weight")), where);
    } else {
      table.add(expert_view(stored, expert, 0, c.expert_ffn, expert_tensor(layer, expert, "ffn_gate.weight")), where);
      table.add(expert_view(stored, expert, c.expert_ffn, c.expert_ffn, expert_tensor(layer, expert, "ffn_up.weight")), where);
    }
  }
  return true;
}

/// As transformers 5: a head that is stored and differs from the embedding stays its own, whatever config.json says; a tied model may
/// store either of the two.
void settle_head(TensorTable& table, bool states_tie, ModelConfig& c, const std::string& where) {
  const TensorEntry* embedding = table.find("token_embd.weight");
  const TensorEntry* head = table.find("output.weight");
  if (!states_tie) c.tied_head = head == nullptr;
  if (!c.tied_head || head == nullptr) return;
  if (embedding == nullptr) return table.rename("output.weight", "token_embd.weight");
  const bool comparable = embedding->data != nullptr && head->data != nullptr;
  const bool same =
      comparable && head->shape == embedding->shape && head->dtype == embedding->dtype && std::memcmp(head->data, embedding->data, head->bytes) == 0;
  if (same) return table.erase("output.weight");
  log_warning(where + ": config.json ties the head to the embedding, but the file holds a different lm_head.weight: using that");
  c.tied_head = false;
}

/// All stored tensors by name.
class StoredTensors : public StoredLookup {
 public:
  explicit StoredTensors(const std::vector<SafetensorsFile>& files) {
    for (const SafetensorsFile& file : files) {
      for (const StoredTensor& tensor : file.tensors) index_.emplace(tensor.name, &tensor);
    }
  }
  const StoredTensor* find(const std::string& name) const override {
    const auto at = index_.find(name);
    return at == index_.end() ? nullptr : at->second;
  }

 private:
  std::unordered_map<std::string_view, const StoredTensor*> index_;
};

/// Packers of GPTQ write a bias of zeros for every projection, also where the model has none.
bool is_empty_bias(const StoredTensor& stored, const HfQuantization& quantization, const ModelConfig& config) {
  if (quantization.method == HfQuantization::Method::kNone || !stored.name.ends_with("_proj.bias")) return false;
  const bool has_place = config.qkv_bias && neutral_from_hf(stored.name).has_value();
  return !has_place && stored.stored == StoredType::kFloat &&
         std::all_of(stored.data, stored.data + stored.bytes, [](std::byte b) { return b == std::byte{0}; });
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::optional<json> read_json_if_there(const fs::path& path) {
  if (!is_there(path)) return std::nullopt;
  return read_json_file(path);
}

/// The folder's own name; for a snapshot in the hub cache (models--Org--Name/snapshots/<hash>) the model's.
std::string name_of_folder(const fs::path& folder) {
  std::error_code ignored;
  const fs::path full = fs::weakly_canonical(folder, ignored);
  if (full.parent_path().filename() != "snapshots") return full.filename().string();
  const std::string repository = full.parent_path().parent_path().filename().string();
  const std::size_t last = repository.rfind("--");
  return last == std::string::npos ? repository : repository.substr(last + 2);
}

class SafetensorsModel : public ModelFile {
 public:
  SafetensorsModel(const fs::path& path, const MapOptions& options)
      : folder_(is_folder(path) ? path : path.parent_path()), where_(path.string()) {
    if (folder_.empty()) folder_ = ".";
    bool states_tie = false;
    read_configs(states_tie);
    const std::optional<ShardIndex> index = read_index(path);
    if (index)
      open_shards(*index, options);
    else
      open_file(is_folder(path) ? only_weights_file() : path, options);
    tensors_ = assemble_hf_tensors(parsed_, states_tie, config_, where_, quantization_);
    validate(config_, where_);  // again: generation_config.json has added EOS ids
    tokenizer_ = load_tokenizer_source(folder_);
  }

  const ModelConfig& config() const override { return config_; }
  const std::vector<TensorEntry>& tensors() const override { return tensors_.entries(); }
  const TensorEntry* find(std::string_view name) const override { return tensors_.find(name); }
  const TokenizerSource& tokenizer() const override { return tokenizer_; }
  const GenerationDefaults& generation_defaults() const override { return generation_; }
  std::string format_name() const override {
    const std::string_view method = name_of(quantization_.method);
    return method.empty() ? "safetensors" : fmt::format("safetensors ({})", method);
  }
  /// A quantised checkpoint is called after its projections, however much its embedding weighs.
  std::string precision_name() const override {
    switch (quantization_.method) {
      case HfQuantization::Method::kNone: return dominant_type(tensors_);
      case HfQuantization::Method::kFP8: return std::string(tensor::name_of(tensor::DType::kFP8Block));
      case HfQuantization::Method::kAwq:
      case HfQuantization::Method::kGptq: break;
    }
    return std::string(tensor::name_of(tensor::DType::kInt4));
  }
  std::uint64_t file_bytes() const override {
    std::uint64_t total = 0;
    for (const MappedFile& file : files_) total += file.bytes().size();
    return total;
  }
  std::string fingerprint() const override {
    Fingerprint print("safetensors");
    print.add_text(config_text_);
    for (std::size_t i = 0; i < files_.size(); ++i) print.add_file(files_[i].bytes().size(), parsed_[i].header, parsed_[i].tensors);
    return print.hex();
  }

 private:
  void read_configs(bool& states_tie) {
    const fs::path path = folder_ / "config.json";
    if (!is_there(path))
      throw Error(ErrorCode::kNotFound, "there is no config.json; expected it beside the safetensors file", folder_.string());
    const json config = read_json_file(path);
    config_text_ = dump_json(config);
    config_ = read_hf_config(config, path.string(), &states_tie);
    quantization_ = read_hf_quantization(config, path.string());
    config_.name = name_of_folder(folder_);
    const fs::path generation = folder_ / "generation_config.json";
    if (const auto found = read_json_if_there(generation)) generation_ = read_hf_generation_config(*found, generation.string(), config_);
  }

  /// The index, unless one file holds everything (transformers prefers model.safetensors too) or the user named a whole file.
  std::optional<ShardIndex> read_index(const fs::path& path) const {
    const fs::path index = folder_ / kIndexName;
    if (!is_there(index)) return std::nullopt;
    ShardIndex found = read_shard_index(read_json_file(index), index.string());
    const bool names_whole_file =
        !is_folder(path) && std::find(found.shards.begin(), found.shards.end(), path.filename().string()) == found.shards.end();
    const bool whole_file_there = is_folder(path) && is_there(folder_ / "model.safetensors");
    if (names_whole_file || whole_file_there) return std::nullopt;
    return found;
  }

  fs::path only_weights_file() const {
    const fs::path usual = folder_ / "model.safetensors";
    if (is_there(usual)) return usual;
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
      if (at->path().extension() == ".safetensors") found.push_back(at->path());
    }
    if (found.size() == 1) return found.front();
    throw Error(ErrorCode::kNotFound,
                fmt::format("expected model.safetensors or {} here, found {} other safetensors files", kIndexName, found.size()),
                folder_.string());
  }

  void open_file(const fs::path& path, const MapOptions& options) {
    files_.emplace_back(path, options);
    parsed_.push_back(parse_safetensors(files_.back().bytes(), path.string()));
  }

  /// Every shard is there and holds exactly the tensors that the index says.
  void open_shards(const ShardIndex& index, const MapOptions& options) {
    std::unordered_map<std::string_view, std::string_view> shard_of;
    for (const auto& [tensor, shard] : index.entries) shard_of.emplace(tensor, shard);
    std::size_t held = 0;
    for (const std::string& shard : index.shards) {
      const fs::path path = folder_ / shard;
      if (!is_there(path)) {
        throw Error(ErrorCode::kNotFound,
                    fmt::format("{} names this shard (of {}), but it is not there; download it too", kIndexName, index.shards.size()),
                    path.string());
      }
      open_file(path, options);
      for (const TensorEntry& entry : parsed_.back().tensors) {
        const auto at = shard_of.find(entry.name);
        if (at == shard_of.end())
          fail_tensor(ErrorCode::kFormat, entry.name, fmt::format("stands in this shard, but not in {}", kIndexName), path.string());
        if (at->second != shard)
          fail_tensor(ErrorCode::kFormat, entry.name,
                      fmt::format("stands in this shard, but {} puts it into {}", kIndexName, quote(at->second)), path.string());
      }
      held += parsed_.back().tensors.size();
    }
    if (held == index.entries.size()) return;
    for (const auto& [tensor, shard] : index.entries) check_held(tensor, shard, index);
  }

  void check_held(const std::string& tensor, const std::string& shard, const ShardIndex& index) const {
    const auto at = std::find(index.shards.begin(), index.shards.end(), shard) - index.shards.begin();
    for (const TensorEntry& entry : parsed_[static_cast<std::size_t>(at)].tensors) {
      if (entry.name == tensor) return;
    }
    fail_tensor(ErrorCode::kFormat, tensor, fmt::format("{} puts it into this shard, where it is not", kIndexName),
                (folder_ / shard).string());
  }

  fs::path folder_;
  std::string where_;
  std::vector<MappedFile> files_;
  std::vector<SafetensorsFile> parsed_;
  std::string config_text_;
  ModelConfig config_;
  HfQuantization quantization_;
  TensorTable tensors_;
  TokenizerSource tokenizer_;
  GenerationDefaults generation_;
};

}  // namespace

ShardIndex read_shard_index(const json& index, const std::string& where) {
  const JsonFields fields(index, where);
  const json* map = fields.find("weight_map");
  if (map == nullptr || !map->is_object() || map->empty())
    throw Error(ErrorCode::kFormat, "weight_map: expected an object with at least one tensor", where);
  ShardIndex out;
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : map->items()) {
    const std::string name = shard.is_string() ? shard.get<std::string>() : "";
    const bool plain = name.ends_with(".safetensors") && name.find('/') == std::string::npos && name.find('\\') == std::string::npos &&
                       name.find('\0') == std::string::npos;
    if (!plain) {
      throw Error(ErrorCode::kFormat,
                  fmt::format("weight_map.{}: expected the plain name of a safetensors file beside the index, found {}", quote(tensor),
                              quote(dump_json(shard))),
                  where);
    }
    shards.insert(name);
    out.entries.emplace_back(tensor, name);
  }
  out.shards.assign(shards.begin(), shards.end());
  return out;
}

TensorTable assemble_hf_tensors(const std::vector<SafetensorsFile>& files, bool states_tie, ModelConfig& config, const std::string& where,
                                const HfQuantization& quantization) {
  TensorTable table;
  const StoredTensors all(files);
  for (const SafetensorsFile& file : files) {
    for (const StoredTensor& stored : file.tensors) {
      if (is_ignorable_hf_tensor(stored.name) || is_quantised_part(stored, quantization, all, where)) continue;
      if (is_empty_bias(stored, quantization, config)) continue;
      std::optional<TensorEntry> assembled = assemble_quantised(stored, quantization, all, where);
      TensorEntry entry = assembled ? std::move(*assembled) : TensorEntry(stored);
      const std::optional<std::string> neutral = neutral_from_hf(entry.name);
      if (!neutral)
        fail_tensor(ErrorCode::kUnsupported, stored.name,
                    fmt::format("this build's {} decoder has no place for it", name_of(config.architecture)), where);
      if (split_fused_experts(entry, *neutral, config, table, where)) continue;
      entry.name = *neutral;
      table.add(std::move(entry), where);
    }
  }
  settle_head(table, states_tie, config, where);
  check_tensors(
      config, table, [](std::string_view neutral) { return hf_from_neutral(neutral); }, where);
  return table;
}

std::unique_ptr<ModelFile> open_safetensors(const fs::path& path, const MapOptions& options) {
  return std::make_unique<SafetensorsModel>(path, options);
}

}  // namespace qbench::formats
