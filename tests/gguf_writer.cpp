#include "gguf_writer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "base/random.h"
#include "tensor/convert.h"

namespace qbench::test {
namespace {

template <class T>
std::string raw_bytes(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
}

std::string sized(std::string_view text) { return raw_bytes(static_cast<std::uint64_t>(text.size())) + std::string(text); }

template <class T>
std::string array_of(std::uint32_t element_type, const std::vector<T>& values) {
  std::string out = raw_bytes(element_type) + raw_bytes(static_cast<std::uint64_t>(values.size()));
  for (const T& value : values) out += raw_bytes(value);
  return out;
}

std::string five_digits(std::size_t number) {
  const std::string digits = std::to_string(number);
  return std::string(5 - std::min<std::size_t>(5, digits.size()), '0') + digits;
}

/// The printable form that byte-level BPE gives to a byte (GPT-2's table): printable Latin-1 as it is, the others from U+0100 on.
std::string byte_level_symbol(int byte) {
  const auto printable = [](int b) { return (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae; };
  int code = byte;
  if (!printable(byte)) {
    code = 256;
    for (int b = 0; b < byte; ++b) code += printable(b) ? 0 : 1;
  }
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xc0 | (code >> 6)), static_cast<char>(0x80 | (code & 63))};
}

}  // namespace

GgufWriter& GgufWriter::raw(std::string_view key, std::uint32_t type, std::string payload) {
  for (Key& known : keys) {
    if (known.name == key) {
      known = {std::string(key), type, std::move(payload)};
      return *this;
    }
  }
  keys.push_back({std::string(key), type, std::move(payload)});
  return *this;
}

GgufWriter& GgufWriter::u16(std::string_view key, std::uint16_t value) { return raw(key, 2, raw_bytes(value)); }
GgufWriter& GgufWriter::u32(std::string_view key, std::uint32_t value) { return raw(key, 4, raw_bytes(value)); }
GgufWriter& GgufWriter::i32(std::string_view key, std::int32_t value) { return raw(key, 5, raw_bytes(value)); }
GgufWriter& GgufWriter::f32(std::string_view key, float value) { return raw(key, 6, raw_bytes(value)); }
GgufWriter& GgufWriter::boolean(std::string_view key, bool value) { return raw(key, 7, std::string(1, value ? '\1' : '\0')); }
GgufWriter& GgufWriter::string(std::string_view key, std::string_view value) { return raw(key, 8, sized(value)); }
GgufWriter& GgufWriter::u64(std::string_view key, std::uint64_t value) { return raw(key, 10, raw_bytes(value)); }
GgufWriter& GgufWriter::floats(std::string_view key, const std::vector<float>& values) { return raw(key, 9, array_of(6, values)); }
GgufWriter& GgufWriter::integers(std::string_view key, const std::vector<std::int32_t>& values) { return raw(key, 9, array_of(5, values)); }

GgufWriter& GgufWriter::strings(std::string_view key, const std::vector<std::string>& values) {
  std::string payload = raw_bytes(std::uint32_t{8}) + raw_bytes(static_cast<std::uint64_t>(values.size()));
  for (const std::string& value : values) payload += sized(value);
  return raw(key, 9, std::move(payload));
}

GgufWriter& GgufWriter::remove(std::string_view key) {
  std::erase_if(keys, [key](const Key& known) { return known.name == key; });
  return *this;
}

GgufWriter& GgufWriter::tensor(std::string_view name, tensor::DType dtype, const std::vector<std::int64_t>& shape, std::string data) {
  Tensor entry{std::string(name), tensor::info(dtype).ggml_id, {}, std::move(data), std::nullopt};
  for (auto size = shape.rbegin(); size != shape.rend(); ++size) entry.ne.push_back(static_cast<std::uint64_t>(*size));
  tensors.push_back(std::move(entry));
  return *this;
}

GgufWriter& GgufWriter::random_tensor(std::string_view name, tensor::DType dtype, const std::vector<std::int64_t>& shape,
                                      std::uint64_t seed) {
  const std::int64_t cols = shape.back();
  std::int64_t rows = 1;
  for (std::size_t i = 0; i + 1 < shape.size(); ++i) rows *= shape[i];
  const std::int64_t bytes_per_row = tensor::row_bytes(dtype, cols);
  std::string data(static_cast<std::size_t>(rows * bytes_per_row), '\0');
  auto* to = reinterpret_cast<std::byte*>(data.data());
  const std::uint64_t id = mix64(seed ^ std::hash<std::string_view>{}(name));
  for (std::int64_t row = 0; row < rows; ++row) {
    tensor::draw_row(dtype, seed, id, row, 1.0 / std::sqrt(static_cast<double>(cols)), to + row * bytes_per_row, cols);
  }
  if (shape.size() == 1 && dtype == tensor::DType::kF32) {
    for (std::int64_t i = 0; i < cols; ++i) {
      float value;
      std::memcpy(&value, to + i * 4, sizeof(value));
      value += 1.0f;
      std::memcpy(to + i * 4, &value, sizeof(value));
    }
  }
  return tensor(name, dtype, shape, std::move(data));
}

GgufWriter::Tensor& GgufWriter::find_tensor(std::string_view name) {
  for (Tensor& entry : tensors) {
    if (entry.name == name) return entry;
  }
  std::fprintf(stderr, "gguf_writer: no tensor %s\n", std::string(name).c_str());
  std::abort();
}

std::string GgufWriter::bytes() const {
  std::string out =
      "GGUF" + raw_bytes(version) + raw_bytes(claimed_tensors.value_or(tensors.size())) + raw_bytes(claimed_keys.value_or(keys.size()));
  for (const Key& key : keys) out += sized(key.name) + raw_bytes(key.type) + key.payload;
  std::uint64_t next = 0;
  std::string data;
  for (const Tensor& entry : tensors) {
    out += sized(entry.name) + raw_bytes(static_cast<std::uint32_t>(entry.ne.size()));
    for (const std::uint64_t size : entry.ne) out += raw_bytes(size);
    out += raw_bytes(entry.type) + raw_bytes(entry.offset.value_or(next));
    data += entry.data;
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    next = data.size();
  }
  out.resize((out.size() + alignment - 1) / alignment * alignment);
  return out + data;
}

void GgufWriter::write(const std::filesystem::path& path) const {
  std::ofstream file(path, std::ios::binary);
  const std::string content = bytes();
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file.flush()) {
    std::fprintf(stderr, "gguf_writer: cannot write %s\n", path.c_str());
    std::abort();
  }
}

std::vector<std::filesystem::path> GgufWriter::write_split(const std::filesystem::path& folder, const std::string& prefix,
                                                           std::size_t parts) const {
  std::vector<std::filesystem::path> paths;
  for (std::size_t i = 0; i < parts; ++i) {
    GgufWriter part;
    part.version = version;
    if (i == 0) part.keys = keys;
    part.u16("split.no", static_cast<std::uint16_t>(i)).u16("split.count", static_cast<std::uint16_t>(parts));
    part.i32("split.tensors.count", static_cast<std::int32_t>(tensors.size()));
    const std::size_t first = tensors.size() * i / parts, last = tensors.size() * (i + 1) / parts;
    part.tensors.assign(tensors.begin() + static_cast<std::ptrdiff_t>(first), tensors.begin() + static_cast<std::ptrdiff_t>(last));
    paths.push_back(folder / (prefix + "-" + five_digits(i + 1) + "-of-" + five_digits(parts) + ".gguf"));
    part.write(paths.back());
  }
  return paths;
}

namespace {

void add_metadata(GgufWriter& writer, const TinyModel& m) {
  const std::string prefix = m.architecture + ".";
  const auto number = [&](const char* key, std::int64_t value) { writer.u32(prefix + key, static_cast<std::uint32_t>(value)); };
  writer.string("general.architecture", m.architecture).string("general.name", "tiny " + m.architecture);
  number("block_count", m.layers);
  number("context_length", m.context);
  number("embedding_length", m.hidden);
  number("feed_forward_length", m.ffn);
  number("attention.head_count", m.heads);
  number("attention.head_count_kv", m.kv_heads);
  number("attention.key_length", m.head_dim);
  number("attention.value_length", m.head_dim);
  number("rope.dimension_count", m.head_dim);
  writer.f32(prefix + "rope.freq_base", 10000.0f).f32(prefix + "attention.layer_norm_rms_epsilon", 1e-6f);
  if (m.experts == 0) return;
  number("expert_count", m.experts);
  number("expert_used_count", m.experts_used);
  number("expert_feed_forward_length", m.expert_ffn);
}

void add_vocabulary(GgufWriter& writer, const TinyModel& m) {
  std::vector<std::string> tokens;
  std::vector<std::int32_t> types;
  const std::string space = byte_level_symbol(' ');
  for (std::int64_t id = 0; id < m.vocab; ++id) {
    const std::string extra = id == 256 ? space + space : "<|extra_" + std::to_string(id) + "|>";
    tokens.push_back(id < 256 ? byte_level_symbol(static_cast<int>(id)) : extra);
    types.push_back(id <= 256 ? 1 : 3);
  }
  if (m.thinks) {
    tokens[257] = "<think>";
    tokens[258] = "</think>";
    types[257] = types[258] = 4;  // text that is one token, as in Qwen3's files
  }
  writer.string("tokenizer.ggml.model", "gpt2").string("tokenizer.ggml.pre", "qwen2").strings("tokenizer.ggml.tokens", tokens);
  writer.integers("tokenizer.ggml.token_type", types).strings("tokenizer.ggml.merges", {space + " " + space});
  writer.u32("tokenizer.ggml.eos_token_id", static_cast<std::uint32_t>(m.vocab - 1));
}

void add_layer(GgufWriter& writer, const TinyModel& m, std::int64_t layer) {
  using tensor::DType;
  const std::int64_t q_rows = m.heads * m.head_dim, kv_rows = m.kv_heads * m.head_dim;
  const auto matrix = [&](const char* name, const std::vector<std::int64_t>& shape) {
    writer.random_tensor("blk." + std::to_string(layer) + "." + name, m.dtype, shape, m.seed);
  };
  const auto vector = [&](const char* name, std::int64_t size) {
    writer.random_tensor("blk." + std::to_string(layer) + "." + name, DType::kF32, {size}, m.seed);
  };
  vector("attn_norm.weight", m.hidden);
  if (m.architecture == "phi3") {
    matrix("attn_qkv.weight", {q_rows + 2 * kv_rows, m.hidden});
  } else {
    matrix("attn_q.weight", {q_rows, m.hidden});
    matrix("attn_k.weight", {kv_rows, m.hidden});
    matrix("attn_v.weight", {kv_rows, m.hidden});
  }
  if (m.architecture == "qwen2") vector("attn_q.bias", q_rows), vector("attn_k.bias", kv_rows), vector("attn_v.bias", kv_rows);
  if (m.architecture == "qwen3" || m.architecture == "qwen3moe")
    vector("attn_q_norm.weight", m.head_dim), vector("attn_k_norm.weight", m.head_dim);
  matrix("attn_output.weight", {m.hidden, q_rows});
  vector("ffn_norm.weight", m.hidden);
  if (m.experts > 0) {
    writer.random_tensor("blk." + std::to_string(layer) + ".ffn_gate_inp.weight", DType::kF32, {m.experts, m.hidden}, m.seed);
    matrix("ffn_gate_exps.weight", {m.experts, m.expert_ffn, m.hidden});
    matrix("ffn_up_exps.weight", {m.experts, m.expert_ffn, m.hidden});
    matrix("ffn_down_exps.weight", {m.experts, m.hidden, m.expert_ffn});
    return;
  }
  if (m.architecture != "phi3") matrix("ffn_gate.weight", {m.ffn, m.hidden});
  matrix("ffn_up.weight", {m.architecture == "phi3" ? 2 * m.ffn : m.ffn, m.hidden});
  matrix("ffn_down.weight", {m.hidden, m.ffn});
}

}  // namespace

GgufWriter tiny_gguf(const TinyModel& model) {
  GgufWriter writer;
  add_metadata(writer, model);
  if (model.vocabulary) add_vocabulary(writer, model);
  writer.random_tensor("token_embd.weight", model.dtype, {model.vocab, model.hidden}, model.seed);
  for (std::int64_t layer = 0; layer < model.layers; ++layer) add_layer(writer, model, layer);
  writer.random_tensor("output_norm.weight", tensor::DType::kF32, {model.hidden}, model.seed);
  if (!model.tied) writer.random_tensor("output.weight", model.dtype, {model.vocab, model.hidden}, model.seed);
  return writer;
}

}  // namespace qbench::test
