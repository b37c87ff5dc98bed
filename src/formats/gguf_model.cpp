#include "formats/gguf_model.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "formats/fingerprint.h"
#include "formats/gguf_config.h"
#include "formats/quote.h"
#include "tensor/convert.h"

namespace qbench::formats {
namespace {

constexpr std::string_view kFirstPart = "-00001-of-";

/// Suffixes of layer tensors that are named in a GGUF as they are in neutral form.
constexpr std::array<std::string_view, 19> kLayerSuffixes{
    "attn_norm.weight",    "attn_q.weight",        "attn_k.weight",      "attn_v.weight",       "attn_q.bias",
    "attn_k.bias",         "attn_v.bias",          "attn_qkv.weight",    "attn_q_norm.weight",  "attn_k_norm.weight",
    "attn_output.weight",  "ffn_norm.weight",      "ffn_gate.weight",    "ffn_up.weight",       "ffn_down.weight",
    "ffn_gate_inp.weight", "ffn_gate_exps.weight", "ffn_up_exps.weight", "ffn_down_exps.weight"};

bool all_ones(const TensorEntry& entry) {
  if (entry.dtype != tensor::DType::kF32) return false;
  for (std::uint64_t i = 0; i + sizeof(float) <= entry.bytes; i += sizeof(float)) {
    float value;
    std::memcpy(&value, entry.data + i, sizeof(value));
    if (value != 1.0f) return false;
  }
  return true;
}

class Assembler {
 public:
  Assembler(const std::vector<GgufFile>& parts, const std::string& where) : parts_(parts), where_(where) {}

  GgufModelData assemble() {
    data_.config = read_gguf_config(parts_.front().metadata);
    for (const GgufFile& part : parts_) {
      for (const TensorEntry& entry : part.tensors) add(entry);
    }
    complete_config();
    validate(data_.config, where_);
    for (const auto& [layer, stored] : fused_qkv_) split_qkv(stored, layer);
    check_tensors(
        data_.config, data_.tensors, [](std::string_view neutral) { return stored_name(neutral); }, where_);
    return std::move(data_);
  }

 private:
  [[noreturn]] void fail(ErrorCode code, std::string_view name, const std::string& message) const {
    throw Error(code, fmt::format("tensor {}: {}", quote(name), message), where_);
  }

  /// `blk.N.expert.E.ffn_up.weight` lies in `blk.N.ffn_up_exps.weight`.
  static std::string stored_name(std::string_view neutral) {
    const std::size_t expert = neutral.find(".expert.");
    if (expert == std::string_view::npos) return std::string(neutral);
    std::string_view rest = neutral.substr(expert + 8);
    take_index(rest);
    return fmt::format("{}.{}_exps.weight", neutral.substr(0, expert), rest.substr(0, rest.find('.')));
  }

  void add(const TensorEntry& stored) {
    std::string_view rest = stored.name;
    if (rest == "token_embd.weight" || rest == "output_norm.weight" || rest == "output.weight") return data_.tensors.add(stored, where_);
    if (is_rope_factor(stored)) return;
    if (!rest.starts_with("blk.")) fail(ErrorCode::kUnsupported, stored.name, "this build's decoder has no place for it");
    rest.remove_prefix(4);
    const std::optional<std::int64_t> layer = take_index(rest);
    if (!layer || std::find(kLayerSuffixes.begin(), kLayerSuffixes.end(), rest) == kLayerSuffixes.end()) {
      fail(ErrorCode::kUnsupported, stored.name, "this build's decoder has no place for it");
    }
    if (*layer >= data_.config.layers)
      fail(ErrorCode::kFormat, stored.name, fmt::format("the metadata promises {} layers", data_.config.layers));
    if (rest.ends_with("_exps.weight")) return split_experts(stored, *layer, rest);
    if (rest == "attn_qkv.weight" && data_.config.rope_rows_permuted) return fused_qkv_.push_back({*layer, stored});
    TensorEntry entry = stored;
    const bool doubled = stored.shape.size() == 2 && stored.shape[0] == 2 * data_.config.ffn;
    if (data_.config.architecture == Architecture::kPhi3 && rest == "ffn_up.weight" && doubled)
      entry.name = layer_tensor(*layer, "ffn_gate_up.weight");
    data_.tensors.add(std::move(entry), where_);
  }

  /// Factors of 1 change nothing; others mean llama3 scaling (rope_freqs) or longrope (rope_factors_*).
  bool is_rope_factor(const TensorEntry& stored) const {
    const std::string_view name = stored.name;
    if (!name.ends_with("rope_freqs.weight") && !name.ends_with("rope_factors_long.weight") && !name.ends_with("rope_factors_short.weight"))
      return false;
    const bool llama3 = name.ends_with("rope_freqs.weight");
    if (!all_ones(stored)) {
      fail(ErrorCode::kUnsupported, name,
           llama3 ? "llama3 RoPE scaling is not supported" : "longrope scaling is not supported; use the 4k variant of the model");
    }
    return true;
  }

  /// (experts, rows, cols) becomes one matrix per expert.
  void split_experts(const TensorEntry& stored, std::int64_t layer, std::string_view suffix) {
    const ModelConfig& c = data_.config;
    const bool down = suffix == "ffn_down_exps.weight";
    const std::vector<std::int64_t> expected{c.experts, down ? c.hidden : c.expert_ffn, down ? c.expert_ffn : c.hidden};
    if (stored.shape != expected)
      fail(ErrorCode::kFormat, stored.name, fmt::format("expected shape {}, found {}", shape_text(expected), shape_text(stored.shape)));
    const std::string neutral = std::string(suffix.substr(0, suffix.find("_exps"))) + ".weight";
    for (std::int64_t expert = 0; expert < c.experts; ++expert) {
      data_.tensors.add(expert_view(stored, expert, 0, stored.shape[1], expert_tensor(layer, expert, neutral)), where_);
    }
  }

  /// Where Q and K have permuted rows they become matrices of their own: V's rows, in the same tensor, are as they are everywhere. The
  /// config has been checked by now.
  void split_qkv(const TensorEntry& stored, std::int64_t layer) {
    const ModelConfig& c = data_.config;
    const std::int64_t q_rows = c.heads * c.head_dim, kv_rows = c.kv_heads * c.head_dim;
    const std::vector<std::int64_t> expected{q_rows + 2 * kv_rows, c.hidden};
    if (stored.shape != expected)
      fail(ErrorCode::kFormat, stored.name, fmt::format("expected shape {}, found {}", shape_text(expected), shape_text(stored.shape)));
    TensorEntry whole = stored;  // as one expert of a tensor of experts
    whole.shape.insert(whole.shape.begin(), 1);
    data_.tensors.add(expert_view(whole, 0, 0, q_rows, layer_tensor(layer, "attn_q.weight")), where_);
    data_.tensors.add(expert_view(whole, 0, q_rows, kv_rows, layer_tensor(layer, "attn_k.weight")), where_);
    data_.tensors.add(expert_view(whole, 0, q_rows + kv_rows, kv_rows, layer_tensor(layer, "attn_v.weight")), where_);
  }

  /// What only the tensors tell: the vocabulary, whether the head is the embedding, which layers have no experts.
  void complete_config() {
    ModelConfig& c = data_.config;
    const TensorEntry* embedding = data_.tensors.find("token_embd.weight");
    if (embedding == nullptr) {
      const bool vocabulary_only = data_.tensors.entries().empty();
      fail(ErrorCode::kFormat, "token_embd.weight", vocabulary_only ? "missing: the file holds a vocabulary without weights" : "missing");
    }
    c.vocab = embedding->shape.front();
    c.tied_head = data_.tensors.find("output.weight") == nullptr;
    for (std::int64_t layer = 0; layer < c.layers && c.experts > 0; ++layer) {
      c.layer_is_dense[static_cast<std::size_t>(layer)] = data_.tensors.find(layer_tensor(layer, "ffn_gate_inp.weight")) == nullptr;
    }
    const GgufMetadata& metadata = parts_.front().metadata;
    const GgufValue* tokens = metadata.find("tokenizer.ggml.tokens");
    if (tokens != nullptr && tokens->type == GgufType::kArray && tokens->count > static_cast<std::uint64_t>(c.vocab)) {
      metadata.fail("tokenizer.ggml.tokens", fmt::format("{} tokens, but the embedding has {} rows", tokens->count, c.vocab));
    }
  }

  const std::vector<GgufFile>& parts_;
  const std::string& where_;
  GgufModelData data_;
  std::vector<std::pair<std::int64_t, TensorEntry>> fused_qkv_;  ///< by layer, where they are to be split
};

class GgufModel : public ModelFile {
 public:
  GgufModel(const std::filesystem::path& path, const MapOptions& options) {
    // The first look reads the metadata only: which parts there are, and where the first is.
    const MappedFile first(path);
    const std::vector<std::filesystem::path> paths = gguf_part_paths(path, parse_gguf_metadata(first.bytes(), path.string()).metadata);
    for (std::size_t i = 0; i < paths.size(); ++i) open_part(paths[i], i, paths.size(), options);
    check_tensor_total();
    data_ = assemble_gguf_model(parts_, paths.front().string());
    if (data_.config.name.empty()) data_.config.name = default_name(paths.front());
    tokenizer_ = read_gguf_tokenizer(parts_.front().metadata);
    for (const std::int32_t id : end_of_generation_ids(tokenizer_)) {
      std::vector<std::int32_t>& known = data_.config.eos_ids;
      if (std::find(known.begin(), known.end(), id) == known.end()) known.push_back(id);
    }
  }

  const ModelConfig& config() const override { return data_.config; }
  const std::vector<TensorEntry>& tensors() const override { return data_.tensors.entries(); }
  const TensorEntry* find(std::string_view name) const override { return data_.tensors.find(name); }
  const TokenizerSource& tokenizer() const override { return tokenizer_; }
  const GenerationDefaults& generation_defaults() const override { return generation_; }
  std::string format_name() const override { return fmt::format("gguf v{}", parts_.front().version); }
  std::string precision_name() const override {
    const std::string stated = gguf_file_type_name(parts_.front().metadata);
    return stated.empty() ? dominant_type(data_.tensors) : stated;
  }
  std::uint64_t file_bytes() const override {
    std::uint64_t total = 0;
    for (const MappedFile& file : files_) total += file.bytes().size();
    return total;
  }
  std::string fingerprint() const override {
    Fingerprint print("gguf");
    for (std::size_t i = 0; i < files_.size(); ++i) print.add_file(files_[i].bytes().size(), parts_[i].header, parts_[i].tensors);
    return print.hex();
  }

 private:
  void open_part(const std::filesystem::path& path, std::size_t index, std::size_t count, const MapOptions& options) {
    files_.push_back(open_existing(path, index, count, options));
    parts_.push_back(parse_gguf(files_.back().bytes(), path.string()));
    if (count == 1) return;
    const GgufMetadata& metadata = parts_.back().metadata;
    const std::int64_t number = metadata.require_integer("split.no", 0, 65535);
    const std::int64_t total = metadata.require_integer("split.count", 0, 65535);
    if (number != static_cast<std::int64_t>(index) || total != static_cast<std::int64_t>(count)) {
      metadata.fail("split.no",
                    fmt::format("expected part {} of {} from the file name, found part {} of {}", index + 1, count, number + 1, total));
    }
  }

  static MappedFile open_existing(const std::filesystem::path& path, std::size_t index, std::size_t count, const MapOptions& options) {
    std::error_code ignored;
    if (count > 1 && !std::filesystem::exists(path, ignored)) {
      throw Error(ErrorCode::kNotFound,
                  fmt::format("part {} of {} of a split GGUF is missing; download all parts into one folder", index + 1, count),
                  path.string());
    }
    return MappedFile(path, options);
  }

  void check_tensor_total() const {
    const auto stated = parts_.front().metadata.integer("split.tensors.count", 0, INT64_MAX);
    std::size_t found = 0;
    for (const GgufFile& part : parts_) found += part.tensors.size();
    if (parts_.size() > 1 && stated && *stated != static_cast<std::int64_t>(found)) {
      parts_.front().metadata.fail("split.tensors.count", fmt::format("expected {} tensors in all parts, found {}", *stated, found));
    }
  }

  static std::string default_name(const std::filesystem::path& first) {
    std::string name = first.stem().string();
    const std::size_t split = name.rfind(kFirstPart);
    return split == std::string::npos ? name : name.substr(0, split);
  }

  std::vector<MappedFile> files_;
  std::vector<GgufFile> parts_;
  GgufModelData data_;
  TokenizerSource tokenizer_;
  GenerationDefaults generation_;
};

}  // namespace

GgufModelData assemble_gguf_model(const std::vector<GgufFile>& parts, const std::string& where) {
  return Assembler(parts, where).assemble();
}

std::vector<std::filesystem::path> gguf_part_paths(const std::filesystem::path& path, const GgufMetadata& metadata) {
  const std::int64_t count = metadata.integer("split.count", 0, 65535).value_or(0);
  if (count <= 1) return {path};
  const std::int64_t number = metadata.require_integer("split.no", 0, count - 1);
  const std::string name = path.filename().string();
  const std::string tail = fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
  if (!name.ends_with(tail)) {
    metadata.fail("split.count",
                  fmt::format("part {} of {} must be called <name>{}, so that the other parts can be found", number + 1, count, tail));
  }
  const std::string prefix = name.substr(0, name.size() - tail.size());
  std::vector<std::filesystem::path> paths;
  for (std::int64_t i = 1; i <= count; ++i) paths.push_back(path.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", prefix, i, count));
  return paths;
}

std::unique_ptr<ModelFile> open_gguf(const std::filesystem::path& path, const MapOptions& options) {
  return std::make_unique<GgufModel>(path, options);
}

}  // namespace qbench::formats
