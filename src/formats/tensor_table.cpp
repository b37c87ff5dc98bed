#include "formats/tensor_table.h"

#include <array>
#include <optional>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"
#include "formats/quote.h"

namespace qbench::formats {
namespace {

using tensor::DType;

/// Walks the tensors a config promises, one by one, and ticks them off.
class Promises {
 public:
  Promises(const TensorTable& table, const StoredName& stored_name, const std::string& where)
      : table_(table), stored_name_(stored_name), where_(where) {}

  bool has(const std::string& name) const { return table_.find(name) != nullptr; }

  void matrix(const std::string& name, std::int64_t rows, std::int64_t cols) { expect(name, {rows, cols}); }

  void vector(const std::string& name, std::int64_t size) {
    const DType dtype = expect(name, {size}).dtype;
    if (tensor::info(dtype).block_elements != 1) {
      fail(ErrorCode::kFormat, name, fmt::format("expected f32, f16 or bf16 for a vector, found {}", tensor::name_of(dtype)));
    }
  }

  void nothing_else() const {
    for (const TensorEntry& entry : table_.entries()) {
      if (!seen_.contains(entry.name)) fail(ErrorCode::kUnsupported, entry.name, "this build's decoder has no place for it");
    }
  }

 private:
  const TensorEntry& expect(const std::string& name, const std::vector<std::int64_t>& shape) {
    const TensorEntry* entry = table_.find(name);
    if (entry == nullptr) fail(ErrorCode::kFormat, name, fmt::format("missing; expected shape {}", shape_text(shape)));
    if (entry->shape != shape)
      fail(ErrorCode::kFormat, name, fmt::format("expected shape {}, found {}", shape_text(shape), shape_text(entry->shape)));
    seen_.insert(entry->name);
    return *entry;
  }
  [[noreturn]] void fail(ErrorCode code, const std::string& name, const std::string& message) const {
    throw Error(code, fmt::format("tensor {}: {}", quote(stored_name_(name)), message), where_);
  }

  const TensorTable& table_;
  const StoredName& stored_name_;
  const std::string& where_;
  std::unordered_set<std::string_view> seen_;
};

void check_attention(const ModelConfig& c, std::int64_t layer, Promises& promises) {
  const auto name = [layer](std::string_view suffix) { return layer_tensor(layer, suffix); };
  const std::int64_t q_rows = c.heads * c.head_dim, kv_rows = c.kv_heads * c.head_dim;
  promises.vector(name("attn_norm.weight"), c.hidden);
  if (promises.has(name("attn_qkv.weight"))) {
    promises.matrix(name("attn_qkv.weight"), q_rows + 2 * kv_rows, c.hidden);
  } else {
    promises.matrix(name("attn_q.weight"), q_rows, c.hidden);
    promises.matrix(name("attn_k.weight"), kv_rows, c.hidden);
    promises.matrix(name("attn_v.weight"), kv_rows, c.hidden);
  }
  if (c.qkv_bias) {
    promises.vector(name("attn_q.bias"), q_rows);
    promises.vector(name("attn_k.bias"), kv_rows);
    promises.vector(name("attn_v.bias"), kv_rows);
  }
  if (c.qk_norm) {
    promises.vector(name("attn_q_norm.weight"), c.head_dim);
    promises.vector(name("attn_k_norm.weight"), c.head_dim);
  }
  promises.matrix(name("attn_output.weight"), c.hidden, q_rows);
}

void check_feed_forward(const ModelConfig& c, std::int64_t layer, Promises& promises) {
  const auto name = [layer](std::string_view suffix) { return layer_tensor(layer, suffix); };
  promises.vector(name("ffn_norm.weight"), c.hidden);
  if (!c.layer_is_dense[static_cast<std::size_t>(layer)]) {
    promises.matrix(name("ffn_gate_inp.weight"), c.experts, c.hidden);
    for (std::int64_t expert = 0; expert < c.experts; ++expert) {
      promises.matrix(expert_tensor(layer, expert, "ffn_gate.weight"), c.expert_ffn, c.hidden);
      promises.matrix(expert_tensor(layer, expert, "ffn_up.weight"), c.expert_ffn, c.hidden);
      promises.matrix(expert_tensor(layer, expert, "ffn_down.weight"), c.hidden, c.expert_ffn);
    }
    return;
  }
  if (promises.has(name("ffn_gate_up.weight"))) {
    promises.matrix(name("ffn_gate_up.weight"), 2 * c.ffn, c.hidden);
  } else {
    promises.matrix(name("ffn_gate.weight"), c.ffn, c.hidden);
    promises.matrix(name("ffn_up.weight"), c.ffn, c.hidden);
  }
  promises.matrix(name("ffn_down.weight"), c.hidden, c.ffn);
}

}  // namespace

void TensorTable::add(TensorEntry entry, const std::string& where) {
  const auto [at, inserted] = index_.emplace(entry.name, entries_.size());
  if (!inserted) throw Error(ErrorCode::kFormat, fmt::format("tensor {} stands twice in the model", quote(entry.name)), where);
  entries_.push_back(std::move(entry));
}

void TensorTable::rebuild_index() {
  index_.clear();
  for (std::size_t i = 0; i < entries_.size(); ++i) index_.emplace(entries_[i].name, i);
}

void TensorTable::erase(std::string_view name) {
  std::erase_if(entries_, [name](const TensorEntry& entry) { return entry.name == name; });
  rebuild_index();
}

void TensorTable::rename(std::string_view from, const std::string& to) {
  QB_CHECK(find(to) == nullptr);
  for (TensorEntry& entry : entries_) {
    if (entry.name == from) entry.name = to;
  }
  rebuild_index();
}

const TensorEntry* TensorTable::find(std::string_view name) const {
  const auto at = index_.find(std::string(name));
  return at == index_.end() ? nullptr : &entries_[at->second];
}

void check_tensors(const ModelConfig& config, const TensorTable& table, const StoredName& stored_name, const std::string& where) {
  Promises promises(table, stored_name, where);
  promises.matrix("token_embd.weight", config.vocab, config.hidden);
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    check_attention(config, layer, promises);
    check_feed_forward(config, layer, promises);
  }
  promises.vector("output_norm.weight", config.hidden);
  if (!config.tied_head) promises.matrix("output.weight", config.vocab, config.hidden);
  promises.nothing_else();
}

std::string dominant_type(const TensorTable& table) {
  std::array<std::uint64_t, 32> bytes{};
  for (const TensorEntry& entry : table.entries()) bytes[static_cast<std::size_t>(entry.dtype)] += entry.bytes;
  DType best = DType::kF32;
  for (const tensor::DTypeInfo& type : tensor::all_dtypes()) {
    if (bytes[static_cast<std::size_t>(type.dtype)] > bytes[static_cast<std::size_t>(best)]) best = type.dtype;
  }
  return std::string(tensor::name_of(best));
}

std::string layer_tensor(std::int64_t layer, std::string_view suffix) { return fmt::format("blk.{}.{}", layer, suffix); }

std::string expert_tensor(std::int64_t layer, std::int64_t expert, std::string_view suffix) {
  return fmt::format("blk.{}.expert.{}.{}", layer, expert, suffix);
}

std::optional<std::int64_t> take_index(std::string_view& text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot > 6 || (dot > 1 && text[0] == '0')) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text.substr(0, dot)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = 10 * value + (c - '0');
  }
  text.remove_prefix(dot + 1);
  return value;
}

TensorEntry expert_view(const TensorEntry& stored, std::int64_t expert, std::int64_t first_row, std::int64_t row_count, std::string name) {
  QB_CHECK(stored.shape.size() == 3 && expert < stored.shape[0] && first_row + row_count <= stored.shape[1]);
  const std::int64_t bytes_per_row = tensor::row_bytes(stored.dtype, stored.shape[2]);
  TensorEntry view;
  view.name = std::move(name);
  view.dtype = stored.dtype;
  view.shape = {row_count, stored.shape[2]};
  view.data = stored.data + (expert * stored.shape[1] + first_row) * bytes_per_row;
  view.bytes = static_cast<std::uint64_t>(row_count * bytes_per_row);
  return view;
}

}  // namespace qbench::formats
