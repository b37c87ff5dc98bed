#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "expect_error.h"
#include "formats/gguf_file.h"
#include "formats/model_file.h"
#include "gguf_writer.h"
#include "test_support.h"

namespace qbench::formats {
namespace {

using tensor::DType;
using test::GgufWriter;
using test::TempDir;
using test::tiny_gguf;
using test::TinyModel;

TinyModel tiny_of(const std::string& architecture) {
  TinyModel tiny{.architecture = architecture};
  if (architecture == "qwen3moe") tiny.experts = 4, tiny.experts_used = 2, tiny.expert_ffn = 32;
  return tiny;
}

std::string_view stored(const TensorEntry& entry) {
  return {reinterpret_cast<const char*>(entry.data), static_cast<std::size_t>(entry.bytes)};
}

std::unique_ptr<ModelFile> write_and_open(const GgufWriter& writer, const TempDir& dir, const MapOptions& options = {}) {
  writer.write(dir.path() / "model.gguf");
  return open_model_file(dir.path() / "model.gguf", options);
}

}  // namespace

TEST_CASE("tensors of every type come back byte for byte, from versions 2 and 3, mapped or read") {
  const TempDir dir;
  for (const std::uint32_t version : {2u, 3u}) {
    for (const tensor::DTypeInfo& type : tensor::all_dtypes()) {
      if (type.ggml_id == tensor::kNoGgmlId) continue;
      CAPTURE(type.name);
      GgufWriter writer = tiny_gguf({.hidden = 256, .head_dim = 64, .ffn = 256, .dtype = type.dtype});
      writer.version = version;
      for (const bool mapped : {true, false}) {
        const auto model = write_and_open(writer, dir, {.mmap = mapped});
        CHECK(model->format_name() == "gguf v" + std::to_string(version));
        CHECK(model->tensors().size() == writer.tensors.size());
        for (const GgufWriter::Tensor& written : writer.tensors) {
          const TensorEntry* entry = model->find(written.name);
          REQUIRE(entry != nullptr);
          CHECK(tensor::info(entry->dtype).ggml_id == written.type);
          CHECK(stored(*entry) == written.data);
        }
      }
    }
  }
}

TEST_CASE("shapes are turned to rows and columns") {
  const TempDir dir;
  const auto model = write_and_open(tiny_gguf({.hidden = 64, .ffn = 96}), dir);
  CHECK(model->find("blk.1.ffn_down.weight")->shape == std::vector<std::int64_t>{64, 96});
  CHECK(model->find("blk.1.ffn_up.weight")->shape == std::vector<std::int64_t>{96, 64});
  CHECK(model->find("blk.0.attn_k.bias")->shape == std::vector<std::int64_t>{32});
  CHECK(model->find("blk.2.attn_k.bias") == nullptr);
}

TEST_CASE("each architecture's traits are read") {
  const TempDir dir;
  for (const std::string architecture : {"llama", "qwen2", "qwen3", "qwen3moe", "phi3"}) {
    CAPTURE(architecture);
    const auto model = write_and_open(tiny_gguf(tiny_of(architecture)), dir);
    const ModelConfig& c = model->config();
    CHECK(name_of(c.architecture) == (architecture == "qwen3moe" ? "qwen3_moe" : architecture));
    CHECK(c.name == "tiny " + architecture);
    CHECK(c.qkv_bias == (architecture == "qwen2"));
    CHECK(c.qk_norm == architecture.starts_with("qwen3"));
    CHECK(c.rope_rows_permuted == (architecture == "llama"));
    CHECK(c.renormalize_experts == (architecture == "qwen3moe"));
    CHECK(c.hidden == 64);
    CHECK(c.head_dim == 16);
    CHECK(c.vocab == 320);
    CHECK(c.context == 256);
    CHECK(c.rope_theta == 10000.0);
    CHECK(c.rms_eps == doctest::Approx(1e-6));
    CHECK(c.eos_ids == std::vector<std::int32_t>{319});
    CHECK(c.bos_id == -1);
    CHECK(c.sliding_window == std::vector<std::int64_t>{0, 0});
    CHECK_FALSE(c.tied_head);
    CHECK(model->precision_name() == "f32");
  }
}

TEST_CASE("a phi3 file's double-width ffn_up is the fused gate and up") {
  const TempDir dir;
  const GgufWriter writer = tiny_gguf(tiny_of("phi3"));
  const auto model = write_and_open(writer, dir);
  CHECK(model->find("blk.0.ffn_up.weight") == nullptr);
  REQUIRE(model->find("blk.0.ffn_gate_up.weight") != nullptr);
  CHECK(model->find("blk.0.ffn_gate_up.weight")->shape == std::vector<std::int64_t>{192, 64});
  CHECK(model->find("blk.0.attn_qkv.weight")->shape == std::vector<std::int64_t>{128, 64});
}

TEST_CASE("a llama file's fused Q, K and V become three matrices, so that Q's and K's rows are put back into order and V's are not") {
  const TempDir dir;
  GgufWriter writer = tiny_gguf(tiny_of("llama"));
  const std::string q = writer.find_tensor("blk.1.attn_q.weight").data, k = writer.find_tensor("blk.1.attn_k.weight").data,
                    v = writer.find_tensor("blk.1.attn_v.weight").data;
  std::erase_if(writer.tensors, [](const GgufWriter::Tensor& tensor) {
    return tensor.name == "blk.1.attn_q.weight" || tensor.name == "blk.1.attn_k.weight" || tensor.name == "blk.1.attn_v.weight";
  });
  writer.tensor("blk.1.attn_qkv.weight", DType::kF32, {128, 64}, q + k + v);
  const auto model = write_and_open(writer, dir);
  CHECK(model->config().rope_rows_permuted);
  CHECK(model->find("blk.1.attn_qkv.weight") == nullptr);
  REQUIRE(model->find("blk.1.attn_v.weight") != nullptr);
  CHECK(model->find("blk.1.attn_q.weight")->shape == std::vector<std::int64_t>{64, 64});
  CHECK(model->find("blk.1.attn_k.weight")->shape == std::vector<std::int64_t>{32, 64});
  CHECK(stored(*model->find("blk.1.attn_q.weight")) == q);
  CHECK(stored(*model->find("blk.1.attn_k.weight")) == k);
  CHECK(stored(*model->find("blk.1.attn_v.weight")) == v);
  writer.find_tensor("blk.1.attn_qkv.weight").ne = {128, 64};
  writer.write(dir.path() / "model.gguf");
  test::expect_error([&] { open_model_file(dir.path() / "model.gguf"); }, "'blk.1.attn_qkv.weight': expected shape");
}

TEST_CASE("a GGUF's EOS ids are those that it names and the control tokens that end an answer by their text") {
  const TempDir dir;
  GgufWriter writer = tiny_gguf(tiny_of("phi3"));
  std::vector<std::string> tokens;
  std::vector<std::int32_t> types;
  for (int id = 0; id < 320; ++id) tokens.push_back("t" + std::to_string(id)), types.push_back(1);
  tokens[300] = "<|end|>", types[300] = 3;
  tokens[301] = "<|assistant|>", types[301] = 3;
  tokens[302] = "<|endoftext|>";  // mistyped as normal: still the end
  tokens[303] = "</s>";           // text of the vocabulary
  writer.strings("tokenizer.ggml.tokens", tokens).integers("tokenizer.ggml.token_type", types);
  CHECK(write_and_open(writer, dir)->config().eos_ids == std::vector<std::int32_t>{319, 300, 302});
  types[303] = 3;
  writer.integers("tokenizer.ggml.token_type", types).u32("tokenizer.ggml.eos_token_id", 302);
  CHECK(write_and_open(writer, dir)->config().eos_ids == std::vector<std::int32_t>{302, 300, 303});
}

TEST_CASE("a phi3 file's sliding window is used, and 0 stands for none") {
  const TempDir dir;
  GgufWriter writer = tiny_gguf(tiny_of("phi3"));
  CHECK(write_and_open(writer.u32("phi3.attention.sliding_window", 24), dir)->config().sliding_window == std::vector<std::int64_t>{24, 24});
  CHECK(write_and_open(writer.u32("phi3.attention.sliding_window", 0), dir)->config().sliding_window == std::vector<std::int64_t>{0, 0});
}

TEST_CASE("stacked experts become one matrix each, at the right bytes") {
  const TempDir dir;
  GgufWriter writer = tiny_gguf(tiny_of("qwen3moe"));
  const auto model = write_and_open(writer, dir);
  const std::string& all = writer.find_tensor("blk.1.ffn_down_exps.weight").data;
  const std::size_t each = all.size() / 4;
  for (std::size_t expert = 0; expert < 4; ++expert) {
    const TensorEntry* entry = model->find("blk.1.expert." + std::to_string(expert) + ".ffn_down.weight");
    REQUIRE(entry != nullptr);
    CHECK(entry->shape == std::vector<std::int64_t>{64, 32});
    CHECK(stored(*entry) == all.substr(expert * each, each));
  }
  CHECK(model->config().experts == 4);
  CHECK(model->config().experts_used == 2);
  CHECK(model->config().expert_ffn == 32);
  CHECK(model->config().layer_is_dense == std::vector<bool>{false, false});
}

TEST_CASE("an expert model may hold a dense layer") {
  const TempDir dir;
  GgufWriter writer = tiny_gguf(tiny_of("qwen3moe"));
  std::erase_if(writer.tensors,
                [](const GgufWriter::Tensor& t) { return t.name.starts_with("blk.1.ffn_") && t.name != "blk.1.ffn_norm.weight"; });
  writer.random_tensor("blk.1.ffn_gate.weight", DType::kF32, {96, 64}).random_tensor("blk.1.ffn_up.weight", DType::kF32, {96, 64});
  writer.random_tensor("blk.1.ffn_down.weight", DType::kF32, {64, 96});
  CHECK(write_and_open(writer, dir)->config().layer_is_dense == std::vector<bool>{false, true});
}

TEST_CASE("without output.weight the head is the embedding") {
  const TempDir dir;
  CHECK(write_and_open(tiny_gguf({.tied = true}), dir)->config().tied_head);
}

TEST_CASE("RoPE scaling is read as llama.cpp and transformers mean it") {
  const TempDir dir;
  GgufWriter writer = tiny_gguf({});
  const auto scaling = [&] { return write_and_open(writer, dir)->config(); };
  CHECK(scaling().rope_scaling.kind == RopeScaling::Kind::kNone);
  writer.f32("qwen2.rope.scaling.factor", 2.0f);  // without a type: linear
  CHECK(scaling().rope_scaling.kind == RopeScaling::Kind::kLinear);
  CHECK(scaling().rope_scaling.factor == 2.0);
  writer.string("qwen2.rope.scaling.type", "none");
  CHECK(scaling().rope_scaling.kind == RopeScaling::Kind::kNone);
  writer.string("qwen2.rope.scaling.type", "yarn")
      .f32("qwen2.rope.scaling.factor", 4.0f)
      .u32("qwen2.rope.scaling.original_context_length", 100);
  const ModelConfig yarn = scaling();
  CHECK(yarn.rope_scaling.kind == RopeScaling::Kind::kYarn);
  CHECK(yarn.rope_scaling.original_context == 100);
  CHECK(yarn.rope_scaling.attention_factor == doctest::Approx(0.1 * std::log(4.0) + 1.0));
  CHECK(yarn.context == 400);
  writer.f32("qwen2.rope.scaling.yarn_attn_factor", 0.5f);
  CHECK(scaling().rope_scaling.attention_factor == doctest::Approx(0.5));
}

TEST_CASE("RoPE factors of one change nothing and are passed over") {
  const TempDir dir;
  GgufWriter writer = tiny_gguf(tiny_of("llama"));
  std::vector<float> ones(8, 1.0f);
  writer.tensor("rope_freqs.weight", DType::kF32, {8}, std::string(reinterpret_cast<const char*>(ones.data()), 32));
  CHECK(write_and_open(writer, dir)->find("rope_freqs.weight") == nullptr);
}

TEST_CASE("the precision is the file type that the metadata names, else the type of most bytes") {
  const TempDir dir;
  GgufWriter writer = tiny_gguf({.hidden = 256, .head_dim = 64, .ffn = 256, .dtype = DType::kQ4_K});
  CHECK(write_and_open(writer, dir)->precision_name() == "q4_k");
  CHECK(write_and_open(writer.u32("general.file_type", 15), dir)->precision_name() == "q4_k_m");
  CHECK(write_and_open(writer.u32("general.file_type", 3), dir)->precision_name() == "q4_1");
  CHECK(write_and_open(writer.u32("general.file_type", 1024), dir)->precision_name() == "q4_k");
}

TEST_CASE("a split model is the same model, whichever part is named") {
  const TempDir dir;
  const GgufWriter writer = tiny_gguf(tiny_of("qwen3moe"));
  const auto whole = write_and_open(writer, dir);
  const auto paths = writer.write_split(dir.path(), "tiny", 3);
  for (const std::filesystem::path& path : paths) {
    const auto model = open_model_file(path);
    REQUIRE(model->tensors().size() == whole->tensors().size());
    for (const TensorEntry& entry : whole->tensors()) {
      REQUIRE(model->find(entry.name) != nullptr);
      CHECK(stored(*model->find(entry.name)) == stored(entry));
    }
    CHECK(model->tokenizer().tokens == whole->tokenizer().tokens);
    CHECK(load_tokenizer_source(path).tokens == whole->tokenizer().tokens);
    CHECK(model->file_bytes() > 0);
    CHECK(model->fingerprint() == open_model_file(paths[0])->fingerprint());
  }
}

TEST_CASE("the fingerprint tells other weights, metadata and sizes apart, and names do not matter") {
  const TempDir dir;
  GgufWriter writer = tiny_gguf({.hidden = 64});
  const std::string first = write_and_open(writer, dir)->fingerprint();
  CHECK(first.size() == 64);
  writer.write(dir.path() / "other-name.gguf");
  CHECK(open_model_file(dir.path() / "other-name.gguf")->fingerprint() == first);
  GgufWriter other_weights = writer;
  std::string& data = other_weights.find_tensor("blk.1.attn_q.weight").data;
  data[data.size() / 2] = static_cast<char>(data[data.size() / 2] ^ 1);
  CHECK(write_and_open(other_weights, dir)->fingerprint() != first);
  CHECK(write_and_open(GgufWriter(writer).f32("qwen2.rope.freq_base", 20000.0f), dir)->fingerprint() != first);
  GgufWriter longer = writer;
  longer.string("general.license", "free");
  CHECK(write_and_open(longer, dir)->fingerprint() != first);
}

TEST_CASE("another alignment and strings with zero bytes are read") {
  const TempDir dir;
  GgufWriter writer = tiny_gguf({});
  writer.alignment = 4096;
  writer.u32("general.alignment", 4096).string("general.name", std::string_view("a\0b", 3));
  const auto model = write_and_open(writer, dir);
  CHECK(model->config().name == std::string("a\0b", 3));
  CHECK(stored(*model->find("output.weight")) == writer.find_tensor("output.weight").data);
}

TEST_CASE("a model without a name is called after its file") {
  const TempDir dir;
  GgufWriter writer = tiny_gguf({});
  writer.remove("general.name").write(dir.path() / "some-model.Q4_0.gguf");
  CHECK(open_model_file(dir.path() / "some-model.Q4_0.gguf")->config().name == "some-model.Q4_0");
  const auto paths = writer.write_split(dir.path(), "some-split", 2);
  CHECK(open_model_file(paths[1])->config().name == "some-split");
}

}  // namespace qbench::formats
