#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "expect_error.h"
#include "formats/gguf_model.h"
#include "formats/model_file.h"
#include "gguf_writer.h"
#include "hf_writer.h"
#include "test_support.h"

namespace qbench::formats {
namespace {

using tensor::DType;
using test::expect_error;
using test::GgufWriter;
using test::TempDir;
using test::tiny_gguf;
using test::TinyModel;

template <class T>
std::string raw_bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
}

/// Parses as open_model_file does, without a file.
void open_bytes(const std::string& bytes) {
  // An exact heap copy, so that AddressSanitizer sees every read past the end.
  const std::vector<char> exact(bytes.begin(), bytes.end());
  const auto span = std::as_bytes(std::span(exact));
  const std::vector<GgufFile> parts{parse_gguf(span, "test.gguf")};
  assemble_gguf_model(parts, "test.gguf");
  read_gguf_tokenizer(parts.front().metadata);
}

struct Corruption {
  std::string name;
  std::function<void(GgufWriter&)> mutate;
  const char* expected;
};

void check_all(const GgufWriter& good, const std::vector<Corruption>& table) {
  REQUIRE_NOTHROW(open_bytes(good.bytes()));
  for (const Corruption& corruption : table) {
    CAPTURE(corruption.name);
    GgufWriter writer = good;
    corruption.mutate(writer);
    expect_error([&] { open_bytes(writer.bytes()); }, corruption.expected);
  }
}

void set_key_name(GgufWriter& w, const std::string& from, const std::string& to) {
  for (GgufWriter::Key& key : w.keys) {
    if (key.name == from) key.name = to;
  }
}

const TinyModel kExperts{.architecture = "qwen3moe", .experts = 4, .experts_used = 2, .expert_ffn = 32};

}  // namespace

TEST_CASE("a GGUF whose counts and lengths lie is refused before anything is allocated for them") {
  check_all(
      tiny_gguf({}),
      {
          {"version 1", [](GgufWriter& w) { w.version = 1; }, "GGUF version 1"},
          {"version 4", [](GgufWriter& w) { w.version = 4; }, "GGUF version 4"},
          {"big-endian", [](GgufWriter& w) { w.version = 3u << 24; }, "big-endian"},
          {"2^63 tensors", [](GgufWriter& w) { w.claimed_tensors = std::uint64_t{1} << 63; }, "claims 9223372036854775808 tensors"},
          {"2^63 keys", [](GgufWriter& w) { w.claimed_keys = std::uint64_t{1} << 63; }, "claims 9223372036854775808 metadata keys"},
          {"more keys than there are", [](GgufWriter& w) { w.claimed_keys = w.keys.size() + 3; }, "test.gguf: "},
          {"fewer keys than there are", [](GgufWriter& w) { w.claimed_keys = w.keys.size() - 1; }, "test.gguf: "},
          {"more tensors than there are", [](GgufWriter& w) { w.claimed_tensors = w.tensors.size() + 1; }, "test.gguf: "},
          {"fewer tensors than there are", [](GgufWriter& w) { w.claimed_tensors = w.tensors.size() - 1; },
           "behind the last tensor belong to none"},
          {"empty key", [](GgufWriter& w) { w.keys[0].name = ""; }, "empty metadata key"},
          {"key of 70000 bytes", [](GgufWriter& w) { w.keys[0].name = std::string(70000, 'k'); }, "claims 70000 bytes; at most 65535"},
          {"duplicate key", [](GgufWriter& w) { w.keys.push_back(w.keys[0]); }, "'general.architecture' stands twice"},
          {"value type 13", [](GgufWriter& w) { w.keys[0].type = 13; }, "unknown value type 13"},
          {"string longer than the file", [](GgufWriter& w) { w.raw("x", 8, raw_bytes(std::uint64_t{1} << 60)); },
           "value of metadata key 'x' at offset"},
          {"string of 2^64-1 bytes", [](GgufWriter& w) { w.raw("x", 8, raw_bytes(~std::uint64_t{0})); }, "value of metadata key 'x'"},
          {"array of 2^60", [](GgufWriter& w) { w.raw("x", 9, raw_bytes(std::uint32_t{4}) + raw_bytes(std::uint64_t{1} << 60)); },
           "claims 1152921504606846976 elements"},
          {"array of 2^64-1 strings", [](GgufWriter& w) { w.raw("x", 9, raw_bytes(std::uint32_t{8}) + raw_bytes(~std::uint64_t{0})); },
           "claims 18446744073709551615 elements"},
          {"array of arrays", [](GgufWriter& w) { w.raw("x", 9, raw_bytes(std::uint32_t{9}) + raw_bytes(std::uint64_t{1})); },
           "'x': an array of arrays"},
          {"array of unknown type", [](GgufWriter& w) { w.raw("x", 9, raw_bytes(std::uint32_t{99}) + raw_bytes(std::uint64_t{1})); },
           "unknown value type 99"},
          {"string in array too long",
           [](GgufWriter& w) {
             w.raw("x", 9, raw_bytes(std::uint32_t{8}) + raw_bytes(std::uint64_t{1}) + raw_bytes(std::uint64_t{1} << 40));
           },
           "element of metadata key 'x'"},
          {"control characters in a name", [](GgufWriter& w) { w.keys[0].name = "a\nb\x1b[31m", w.keys[0].type = 77; },
           "'a\\x0ab\\x1b[31m'"},
      });
}

TEST_CASE("a GGUF whose metadata is absent, mistyped or absurd is refused") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  check_all(tiny_gguf({}),
            {
                {"no architecture", [](GgufWriter& w) { w.remove("general.architecture"); },
                 "'general.architecture': expected a string, found no such key"},
                {"architecture is a number", [](GgufWriter& w) { w.u32("general.architecture", 1); },
                 "'general.architecture': expected a string"},
                {"unknown architecture", [](GgufWriter& w) { w.string("general.architecture", "mamba"); },
                 "architecture 'mamba' is not supported"},
                {"no hidden size", [](GgufWriter& w) { w.remove("qwen2.embedding_length"); },
                 "'qwen2.embedding_length': expected a whole number, found no such key"},
                {"hidden size is a string", [](GgufWriter& w) { w.string("qwen2.embedding_length", "64"); },
                 "'qwen2.embedding_length': expected a whole number"},
                {"hidden size is a float", [](GgufWriter& w) { w.f32("qwen2.embedding_length", 64.0f); },
                 "'qwen2.embedding_length': expected a whole number"},
                {"hidden size 0", [](GgufWriter& w) { w.u32("qwen2.embedding_length", 0); }, "expected 1..4294967296, found 0"},
                {"hidden size -64", [](GgufWriter& w) { w.i32("qwen2.embedding_length", -64); }, "found -64"},
                {"hidden size 2^64-1", [](GgufWriter& w) { w.u64("qwen2.embedding_length", ~std::uint64_t{0}); }, "below 2^63"},
                {"hidden size 2^30", [](GgufWriter& w) { w.u32("qwen2.embedding_length", 1u << 30); }, "hidden: expected 1..1048576"},
                {"4 billion layers", [](GgufWriter& w) { w.u32("qwen2.block_count", ~0u); }, "'qwen2.block_count': expected 1..4096"},
                {"one layer too many", [](GgufWriter& w) { w.u32("qwen2.block_count", 3); }, "tensor 'blk.2.attn_norm.weight': missing"},
                {"one layer too few", [](GgufWriter& w) { w.u32("qwen2.block_count", 1); }, "the metadata promises 1 layers"},
                {"no heads", [](GgufWriter& w) { w.u32("qwen2.attention.head_count", 0); }, "'qwen2.attention.head_count'"},
                {"heads per layer",
                 [](GgufWriter& w) {
                   w.integers("qwen2.attention.head_count", {4, 4});
                 },
                 "a different value for each layer"},
                {"3 KV heads for 4", [](GgufWriter& w) { w.u32("qwen2.attention.head_count_kv", 3); },
                 "heads: expected a multiple of kv_heads (3), found 4"},
                {"more KV heads than heads", [](GgufWriter& w) { w.u32("qwen2.attention.head_count_kv", 8); },
                 "kv_heads: expected 1..4, found 8"},
                {"odd head size",
                 [](GgufWriter& w) {
                   w.u32("qwen2.attention.key_length", 17), w.u32("qwen2.attention.value_length", 17),
                       w.u32("qwen2.rope.dimension_count", 17);
                 },
                 "head_dim: RoPE needs an even number"},
                {"other value length", [](GgufWriter& w) { w.u32("qwen2.attention.value_length", 8); }, "8, unlike the key length 16"},
                {"half the head rotated", [](GgufWriter& w) { w.u32("qwen2.rope.dimension_count", 8); }, "rotating 8 of 16 dimensions"},
                {"no eps", [](GgufWriter& w) { w.remove("qwen2.attention.layer_norm_rms_epsilon"); },
                 "'qwen2.attention.layer_norm_rms_epsilon': expected a number above 0"},
                {"eps is NaN", [nan](GgufWriter& w) { w.f32("qwen2.attention.layer_norm_rms_epsilon", nan); },
                 "'qwen2.attention.layer_norm_rms_epsilon': expected a finite number"},
                {"theta is infinite", [](GgufWriter& w) { w.f32("qwen2.rope.freq_base", INFINITY); },
                 "'qwen2.rope.freq_base': expected a finite number"},
                {"theta is 0", [](GgufWriter& w) { w.f32("qwen2.rope.freq_base", 0.0f); }, "rope_theta: expected a number above 0"},
                {"llama3 RoPE", [](GgufWriter& w) { w.string("qwen2.rope.scaling.type", "longrope"); },
                 "RoPE scaling 'longrope' is not supported"},
                {"negative factor", [](GgufWriter& w) { w.f32("qwen2.rope.scaling.factor", -2.0f); },
                 "rope_scaling.factor: expected a number above 0"},
                {"experts in a dense architecture", [](GgufWriter& w) { w.u32("qwen2.expert_count", 8); }, "8 experts in a qwen2 model"},
                {"context of 0", [](GgufWriter& w) { w.u32("qwen2.context_length", 0); }, "'qwen2.context_length'"},
                {"alignment 0", [](GgufWriter& w) { w.u32("general.alignment", 0); }, "'general.alignment': expected a power of two"},
                {"alignment 24", [](GgufWriter& w) { w.u32("general.alignment", 24); }, "found 24"},
                {"alignment 4", [](GgufWriter& w) { w.u32("general.alignment", 4); }, "found 4"},
                {"alignment larger than the file", [](GgufWriter& w) { w.u64("general.alignment", std::uint64_t{1} << 62); },
                 "no larger than the file"},
                {"alignment is a string", [](GgufWriter& w) { w.string("general.alignment", "32"); }, "'general.alignment'"},
                {"EOS outside the vocabulary", [](GgufWriter& w) { w.u32("tokenizer.ggml.eos_token_id", 320); },
                 "eos_ids: expected 0..319, found 320"},
                {"more tokens than rows", [](GgufWriter& w) { w.strings("tokenizer.ggml.tokens", std::vector<std::string>(321, "x")); },
                 "321 tokens, but the embedding has 320 rows"},
                {"tokens are numbers",
                 [](GgufWriter& w) {
                   w.integers("tokenizer.ggml.tokens", {1, 2});
                 },
                 "'tokenizer.ggml.tokens': expected an array of strings"},
                {"tokens are one string", [](GgufWriter& w) { w.string("tokenizer.ggml.tokens", "x"); },
                 "'tokenizer.ggml.tokens': expected an array of strings"},
                {"no tokens", [](GgufWriter& w) { w.remove("tokenizer.ggml.tokens"); },
                 "'tokenizer.ggml.tokens': expected an array of strings, found none"},
                {"too few token types",
                 [](GgufWriter& w) {
                   w.integers("tokenizer.ggml.token_type", {1, 2});
                 },
                 "expected one for each of 320 tokens, found 2"},
                {"too few scores", [](GgufWriter& w) { w.floats("tokenizer.ggml.scores", {1.0f}); },
                 "expected one for each of 320 tokens, found 1"},
                {"merges are numbers", [](GgufWriter& w) { w.integers("tokenizer.ggml.merges", {1}); },
                 "'tokenizer.ggml.merges': expected an array of strings"},
                {"another architecture's keys", [](GgufWriter& w) { set_key_name(w, "qwen2.block_count", "llama.block_count"); },
                 "'qwen2.block_count'"},
            });
}

TEST_CASE("a GGUF whose tensors do not hold together is refused") {
  check_all(
      tiny_gguf({.architecture = "llama"}),
      {
          {"name of 64 bytes", [](GgufWriter& w) { w.tensors[0].name = std::string(64, 'n'); }, "tensor name"},
          {"no name", [](GgufWriter& w) { w.tensors[0].name = ""; }, "a tensor without a name"},
          {"duplicate name", [](GgufWriter& w) { w.tensors.push_back(w.tensors[3]); }, "stands twice in the file"},
          {"no dimensions", [](GgufWriter& w) { w.tensors[0].ne = {}; }, "expected 1 to 4 dimensions, found 0"},
          {"5 dimensions",
           [](GgufWriter& w) {
             w.tensors[0].ne = {1, 1, 1, 1, 1};
           },
           "expected 1 to 4 dimensions, found 5"},
          {"a dimension of 0", [](GgufWriter& w) { w.tensors[0].ne[1] = 0; }, "dimension 1 is 0"},
          {"a dimension of 2^63", [](GgufWriter& w) { w.tensors[0].ne[1] = std::uint64_t{1} << 63; }, "dimension 1 is 9223372036854775808"},
          {"dimensions that overflow",
           [](GgufWriter& w) {
             w.tensors[0].ne = {1ull << 32, 1ull << 32, 1ull << 32};
           },
           "multiply to more than 2^60"},
          {"type 16", [](GgufWriter& w) { w.tensors[0].type = 16; }, "type 16 (iq2_xxs) is not supported"},
          {"type 4", [](GgufWriter& w) { w.tensors[0].type = 4; }, "type 4 (unknown) is not supported"},
          {"type 2^32-1", [](GgufWriter& w) { w.tensors[0].type = ~0u; }, "is not supported"},
          {"half blocks", [](GgufWriter& w) { w.tensors[0].type = 12; }, "rows of 64 elements cannot be stored as q4_k"},
          {"offset not aligned", [](GgufWriter& w) { w.tensors[1].offset = 8; }, "offset 8 is not a multiple of the alignment 32"},
          {"offset behind the end", [](GgufWriter& w) { w.tensors[1].offset = std::uint64_t{1} << 40; }, "truncated: offset 1099511627776"},
          {"offset 2^64-32", [](GgufWriter& w) { w.tensors[1].offset = ~std::uint64_t{31}; }, "truncated: offset 18446744073709551584"},
          {"overlapping tensors", [](GgufWriter& w) { w.tensors[2].offset = 32; }, "its data overlaps that of the tensor before it"},
          {"hole in the data",
           [](GgufWriter& w) {
             w.tensors.erase(w.tensors.begin() + 2);
             w.tensors[1].offset = 320 * 64 * 4 + 4096;
           },
           "bytes of data before it belong to no tensor"},
          {"bytes behind the last tensor", [](GgufWriter& w) { w.tensors.back().data += std::string(64, 'x'); },
           "64 bytes behind the last tensor belong to none"},
          {"last tensor cut off", [](GgufWriter& w) { w.tensors.back().data.resize(64); }, "tensor 'output.weight': truncated"},
          {"no embedding", [](GgufWriter& w) { w.find_tensor("token_embd.weight").name = "blk.0.ffn_gate_inp.weight"; },
           "tensor 'token_embd.weight': missing"},
          {"missing matrix", [](GgufWriter& w) { std::erase_if(w.tensors, [](auto& t) { return t.name == "blk.1.ffn_up.weight"; }); },
           "tensor 'blk.1.ffn_up.weight': missing; expected shape (96, 64)"},
          {"transposed matrix",
           [](GgufWriter& w) { std::swap(w.find_tensor("blk.1.ffn_up.weight").ne[0], w.find_tensor("blk.1.ffn_up.weight").ne[1]); },
           "expected shape (96, 64), found (64, 96)"},
          {"flat matrix", [](GgufWriter& w) { w.find_tensor("blk.1.ffn_up.weight").ne = {96 * 64}; },
           "expected shape (96, 64), found (6144)"},
          {"norm of another width",
           [](GgufWriter& w) {
             auto& t = w.find_tensor("blk.0.attn_norm.weight");
             t.ne = {32}, t.data.resize(128);
           },
           "expected shape (64), found (32)"},
          {"quantised norm",
           [](GgufWriter& w) {
             auto& t = w.find_tensor("blk.0.attn_norm.weight");
             t.type = 8, t.data.resize(68);
           },
           "expected f32, f16 or bf16 for a vector, found q8_0"},
          {"unknown tensor", [](GgufWriter& w) { w.tensors[5].name = "mm.0.weight"; }, "this build's decoder has no place for it"},
          {"unknown tensor of a layer", [](GgufWriter& w) { w.tensors[5].name = "blk.0.ssm_in.weight"; },
           "this build's decoder has no place for it"},
          {"layer 00", [](GgufWriter& w) { w.find_tensor("blk.0.attn_q.weight").name = "blk.00.attn_q.weight"; },
           "'blk.00.attn_q.weight': this build's decoder has no place"},
          {"layer 99999999", [](GgufWriter& w) { w.find_tensor("blk.0.attn_q.weight").name = "blk.99999999.attn_q.weight"; },
           "no place for it"},
          {"layer 7 of 2", [](GgufWriter& w) { w.find_tensor("blk.0.attn_q.weight").name = "blk.7.attn_q.weight"; }, "promises 2 layers"},
          {"bias where there is none", [](GgufWriter& w) { w.random_tensor("blk.0.attn_q.bias", DType::kF32, {64}); },
           "'blk.0.attn_q.bias': this build's decoder has no place"},
          {"output bias", [](GgufWriter& w) { w.random_tensor("blk.0.attn_output.bias", DType::kF32, {64}); }, "no place for it"},
          {"split and fused projections",
           [](GgufWriter& w) {
             w.random_tensor("blk.0.attn_qkv.weight", DType::kF32, {128, 64});
           },
           "tensor 'blk.0.attn_q.weight' stands twice"},
          {"llama3 RoPE factors", [](GgufWriter& w) { w.random_tensor("rope_freqs.weight", DType::kF32, {8}); },
           "llama3 RoPE scaling is not supported"},
          {"longrope factors", [](GgufWriter& w) { w.random_tensor("rope_factors_long.weight", DType::kF32, {8}); },
           "longrope scaling is not supported"},
      });
}

TEST_CASE("a GGUF whose experts do not hold together is refused") {
  check_all(
      tiny_gguf(kExperts),
      {
          {"more experts used than there are", [](GgufWriter& w) { w.u32("qwen3moe.expert_used_count", 5); },
           "experts_used: expected 1..4, found 5"},
          {"no experts used", [](GgufWriter& w) { w.u32("qwen3moe.expert_used_count", 0); }, "'qwen3moe.expert_used_count'"},
          {"no expert count", [](GgufWriter& w) { w.remove("qwen3moe.expert_count"); }, "'qwen3moe.expert_count'"},
          {"4 billion experts", [](GgufWriter& w) { w.u32("qwen3moe.expert_count", ~0u); },
           "'qwen3moe.expert_count': "},
          {"one expert too many", [](GgufWriter& w) { w.u32("qwen3moe.expert_count", 5); },
           "expected shape (5, 32, 64), found (4, 32, 64)"},
          {"expert width", [](GgufWriter& w) { w.u32("qwen3moe.expert_feed_forward_length", 16); },
           "expected shape (4, 16, 64), found (4, 32, 64)"},
          {"missing stack", [](GgufWriter& w) { std::erase_if(w.tensors, [](auto& t) { return t.name == "blk.1.ffn_up_exps.weight"; }); },
           "tensor 'blk.1.ffn_up_exps.weight': missing"},
          {"missing router", [](GgufWriter& w) { std::erase_if(w.tensors, [](auto& t) { return t.name == "blk.1.ffn_gate_inp.weight"; }); },
           "tensor 'blk.1.ffn_gate.weight': missing"},
          {"router of another width",
           [](GgufWriter& w) {
             w.find_tensor("blk.1.ffn_gate_inp.weight").ne = {32, 8};
           },
           "expected shape (4, 64), found (8, 32)"},
      });
}

TEST_CASE("bytes that are no GGUF at all are refused") {
  expect_error([] { open_bytes(""); }, "not a GGUF file");
  expect_error([] { open_bytes("GGU"); }, "not a GGUF file");
  expect_error([] { open_bytes("ggml" + std::string(100, '\0')); }, "expected it to start with 'GGUF', found 'ggml'");
  expect_error([] { open_bytes("version https://git-lfs.github.com/spec/v1\noid sha256:0"); }, "Git LFS pointer");
  expect_error([] { open_bytes("GGUF"); }, "truncated: need 4 bytes at offset 4");
}

TEST_CASE("a GGUF cut off anywhere is refused") {
  const std::string bytes = tiny_gguf({.layers = 1, .vocab = 257}).bytes();
  for (std::size_t size = 0; size < bytes.size(); size += size < 20000 ? 7 : 1001) {
    CAPTURE(size);
    CHECK_THROWS_AS(open_bytes(bytes.substr(0, size)), Error);
  }
}

TEST_CASE("a GGUF with random bytes changed opens or is refused, and nothing else") {
  const std::string good = tiny_gguf({.layers = 1, .vocab = 257, .vocabulary = false}).bytes();
  Random random(20261121);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = good;
    for (int k = 0; k < 3; ++k) bytes[random.next_below(2200)] = static_cast<char>(random.next_u64());
    try {
      open_bytes(bytes);
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);
}

TEST_CASE("parts of a split GGUF that do not belong together are refused") {
  const GgufWriter good = tiny_gguf({});
  const TempDir dir;
  const auto paths = good.write_split(dir.path(), "m", 3);
  const auto copy = [](const auto& from, const auto& to) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  };
  const auto restore = [&] { good.write_split(dir.path(), "m", 3); };

  std::filesystem::remove(paths[1]);
  expect_error([&] { open_model_file(paths[0]); }, "part 2 of 3 of a split GGUF is missing");
  copy(paths[2], paths[1]);
  expect_error([&] { open_model_file(paths[0]); }, "expected part 2 of 3 from the file name, found part 3 of 3");
  restore();
  copy(paths[1], dir.path() / "renamed.gguf");
  expect_error([&] { open_model_file(dir.path() / "renamed.gguf"); }, "part 2 of 3 must be called <name>-00002-of-00003.gguf");
  copy(paths[0], dir.path() / "m-00001-of-00004.gguf");
  expect_error([&] { open_model_file(dir.path() / "m-00001-of-00004.gguf"); }, "must be called <name>-00001-of-00003.gguf");

  GgufWriter part;
  part.u16("split.no", 1).u16("split.count", 3);
  part.tensors = {good.tensors[0]};
  part.write(paths[1]);
  expect_error([&] { open_model_file(paths[0]); }, "'split.tensors.count': expected");
  part.remove("split.no");
  part.write(paths[1]);
  expect_error([&] { open_model_file(paths[0]); }, "'split.no': expected a whole number, found no such key");

  GgufWriter first = good;
  first.u16("split.no", 0).u16("split.count", 65535).write(dir.path() / "big-00001-of-65535.gguf");
  expect_error([&] { open_model_file(dir.path() / "big-00001-of-65535.gguf"); }, "part 2 of 65535 of a split GGUF is missing");
  first.u16("split.no", 2).u16("split.count", 2).write(dir.path() / "odd-00003-of-00002.gguf");
  expect_error([&] { open_model_file(dir.path() / "odd-00003-of-00002.gguf"); }, "'split.no': expected 0..1, found 2");
}

TEST_CASE("the same tensor in two parts of a split GGUF is refused") {
  const TempDir dir;
  const GgufWriter good = tiny_gguf({});
  GgufWriter first = good, second;
  first.u16("split.no", 0).u16("split.count", 2);
  second.u16("split.no", 1).u16("split.count", 2);
  second.tensors = {good.tensors[3]};
  first.write(dir.path() / "m-00001-of-00002.gguf");
  second.write(dir.path() / "m-00002-of-00002.gguf");
  expect_error([&] { open_model_file(dir.path() / "m-00001-of-00002.gguf"); }, "stands twice in the model");
}

TEST_CASE("paths that hold no model say what was expected") {
  const TempDir dir;
  expect_error([&] { open_model_file(dir.path() / "nothing.gguf"); }, "no such file or folder");
  expect_error([&] { open_model_file(dir.path()); }, "expected config.json and safetensors files in this folder");
  tiny_gguf({}).write(dir.path() / "here.gguf");
  expect_error([&] { open_model_file(dir.path()); }, "the folder holds a GGUF: name the file");
  test::write_file(dir.path() / "model.pt", "x");
  expect_error([&] { open_model_file(dir.path() / "model.pt"); }, "expected a .gguf, a .safetensors, or a folder");
  std::filesystem::create_directory(dir.path() / "folder.gguf");
  expect_error([&] { open_model_file(dir.path() / "folder.gguf"); }, "expected config.json");
}

}  // namespace qbench::formats
