#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "expect_error.h"
#include "formats/model_file.h"
#include "formats/safetensors_file.h"
#include "hf_writer.h"
#include "test_support.h"

namespace qbench::formats {
namespace {

using nlohmann::json;
using test::expect_error;
using test::HfModel;
using test::SafetensorsWriter;
using test::TempDir;
using test::tiny_hf;
using test::write_file;

struct JsonCorruption {
  std::string name;
  std::function<void(json&)> mutate;
  const char* expected;
};

void parse_bytes(const std::string& bytes) {
  const std::vector<char> exact(bytes.begin(), bytes.end());  // on the heap, so that AddressSanitizer sees reads past the end
  parse_safetensors(std::as_bytes(std::span(exact)), "test.safetensors");
}

SafetensorsWriter three_tensors() {
  SafetensorsWriter writer;
  writer.add("a", {4, 8}, "F32");
  writer.add("b", {16}, "BF16");
  writer.add("c", {2, 3}, "F16");
  return writer;
}

}  // namespace

TEST_CASE("a safetensors file whose header lies is refused") {
  const SafetensorsWriter good = three_tensors();
  REQUIRE_NOTHROW(parse_bytes(good.bytes()));
  const std::vector<JsonCorruption> table{
      {"unknown dtype", [](json& h) { h["a"]["dtype"] = "F8_E5M2"; }, "tensor 'a': dtype 'F8_E5M2' is not supported"},
      {"no dtype", [](json& h) { h["a"].erase("dtype"); }, "tensor 'a': dtype '' is not supported"},
      {"dtype is a number", [](json& h) { h["a"]["dtype"] = 3; }, "tensor 'a'.dtype: expected a string, found '3'"},
      {"no shape", [](json& h) { h["a"].erase("shape"); }, "tensor 'a': shape: expected a list"},
      {"shape is a number", [](json& h) { h["a"]["shape"] = 32; }, "tensor 'a': shape: expected a list"},
      {"negative size",
       [](json& h) {
         h["a"]["shape"] = {-4, -8};
       },
       "tensor 'a'.shape: expected a whole number from 1"},
      {"size of 0",
       [](json& h) {
         h["a"]["shape"] = {0, 8};
       },
       "tensor 'a'.shape: expected a whole number from 1"},
      {"fractional size",
       [](json& h) {
         h["a"]["shape"] = {4.5, 8};
       },
       "tensor 'a'.shape: expected a whole number"},
      {"size is a string",
       [](json& h) {
         h["a"]["shape"] = {"4", 8};
       },
       "tensor 'a'.shape: expected a whole number"},
      {"sizes that overflow",
       [](json& h) {
         h["a"]["shape"] = {1LL << 40, 1LL << 40};
       },
       "multiply to more than 2^60"},
      {"9 dimensions", [](json& h) { h["a"]["shape"] = {1, 1, 1, 1, 1, 1, 1, 4, 8}; }, "a list of at most 8"},
      {"shape larger than its bytes",
       [](json& h) {
         h["a"]["shape"] = {5, 8};
       },
       "shape (5, 8) takes 160 bytes, data_offsets cover 128"},
      {"no offsets", [](json& h) { h["a"].erase("data_offsets"); }, "data_offsets: expected two numbers"},
      {"three offsets",
       [](json& h) {
         h["a"]["data_offsets"] = {0, 1, 2};
       },
       "data_offsets: expected two numbers"},
      {"offsets reversed",
       [](json& h) {
         h["a"]["data_offsets"] = {128, 0};
       },
       "data_offsets [128, 0] pass the end"},
      {"offsets behind the end",
       [](json& h) {
         h["c"]["data_offsets"] = {1000000, 1000012};
       },
       "data_offsets [1000000, 1000012] pass the end"},
      {"offset of 2^63",
       [](json& h) {
         h["a"]["data_offsets"] = {0, 1ull << 63};
       },
       "data_offsets: expected a whole number"},
      {"negative offset",
       [](json& h) {
         h["a"]["data_offsets"] = {-128, 0};
       },
       "data_offsets: expected a whole number"},
      {"overlap",
       [](json& h) {
         h["b"]["data_offsets"] = {96, 128};
       },
       "its data overlaps another tensor's"},
      {"same bytes twice", [](json& h) { h["d"] = h["b"]; }, "its data overlaps another tensor's"},
      {"hole", [](json& h) { h.erase("b"); }, "there is a hole in the data before it"},
      {"bytes behind the last", [](json& h) { h.erase("c"); }, "12 bytes of data behind the last tensor"},
      {"tensor is a list", [](json& h) { h["a"] = json::array(); }, "expected an object"},
      {"header is a list", [](json& h) { h = json::array(); }, "the file: expected an object"},
      {"deep nesting",
       [](json& h) {
         for (int i = 0; i < 100; ++i) h["__metadata__"] = {{"x", h["__metadata__"]}};
       },
       "nested deeper than 4 levels"},
  };
  for (const JsonCorruption& corruption : table) {
    CAPTURE(corruption.name);
    json header = good.header();
    corruption.mutate(header);
    expect_error([&] { parse_bytes(good.bytes_with(header.dump())); }, corruption.expected);
  }
}

TEST_CASE("a safetensors file that is no such thing is refused") {
  const SafetensorsWriter good = three_tensors();
  expect_error([] { parse_bytes(""); }, "truncated: need 8 bytes");
  expect_error([] { parse_bytes(std::string(8, '\xff')); }, "claims a header of 18446744073709551615 bytes");
  expect_error([] { parse_bytes(std::string("\x00\xe1\xf5\x05\x00\x00\x00\x00{}", 10)); },
               "claims a header of 100000000 bytes; expected at most 2");
  expect_error([&] { parse_bytes(good.bytes_with("{\"a\":")); }, "not valid JSON");
  expect_error([&] { parse_bytes(good.bytes_with("")); }, "not valid JSON");
  expect_error([&] { parse_bytes(good.bytes_with("{\"a\":{},\"a\":{}}")); }, "key 'a' stands twice");
  expect_error([&] { parse_bytes(good.bytes_with(std::string(100000, '['))); }, "nested deeper than 4 levels");
  expect_error([] { parse_bytes("version https://git-lfs.github.com/spec/v1\noid"); }, "Git LFS pointer");
  const std::string bytes = good.bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_THROWS_AS(parse_bytes(bytes.substr(0, size)), Error);
}

TEST_CASE("a safetensors file with random bytes changed opens or is refused, and nothing else") {
  const std::string good = three_tensors().bytes();
  Random random(5);
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = good;
    for (int k = 0; k < 2; ++k) bytes[random.next_below(260)] = static_cast<char>(random.next_u64());
    try {
      parse_bytes(bytes);
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 2000);
}

TEST_CASE("a shard index that lies is refused") {
  const std::string first = "model-00001-of-00003.safetensors", second = "model-00002-of-00003.safetensors";
  const std::vector<JsonCorruption> table{
      {"no weight_map", [](json& i) { i.erase("weight_map"); }, "weight_map: expected an object"},
      {"empty weight_map", [](json& i) { i["weight_map"] = json::object(); }, "weight_map: expected an object with at least one tensor"},
      {"weight_map is a list", [](json& i) { i["weight_map"] = json::array(); }, "weight_map: expected an object"},
      {"shard is a number", [](json& i) { i["weight_map"]["lm_head.weight"] = 3; },
       "expected the plain name of a safetensors file beside the index, found '3'"},
      {"path upwards", [](json& i) { i["weight_map"]["lm_head.weight"] = "../model.safetensors"; }, "plain name of a safetensors file"},
      {"absolute path", [](json& i) { i["weight_map"]["lm_head.weight"] = "/etc/x.safetensors"; }, "plain name of a safetensors file"},
      {"folder", [](json& i) { i["weight_map"]["lm_head.weight"] = "sub/x.safetensors"; }, "plain name of a safetensors file"},
      {"zero byte", [](json& i) { i["weight_map"]["lm_head.weight"] = std::string("x\0.safetensors", 14); },
       "plain name of a safetensors file"},
      {"another file type", [](json& i) { i["weight_map"]["lm_head.weight"] = "config.json"; }, "plain name of a safetensors file"},
      {"missing shard", [](json& i) { i["weight_map"]["x"] = "model-00009-of-00009.safetensors"; },
       "names this shard (of 4), but it is not there"},
      {"tensor in another shard", [&](json& i) { i["weight_map"]["model.embed_tokens.weight"] = second; },
       "puts it into 'model-00002-of-00003.safetensors'"},
      {"tensor not in the index", [](json& i) { i["weight_map"].erase("model.embed_tokens.weight"); }, "stands in this shard, but not in"},
      {"tensor that is nowhere", [&](json& i) { i["weight_map"]["model.layers.9.x"] = first; }, "puts it into this shard, where it is not"},
  };
  const TempDir dir;
  const json good = test::write_sharded(dir.path(), tiny_hf("qwen2"), 3);
  REQUIRE_NOTHROW(open_model_file(dir.path()));
  for (const JsonCorruption& corruption : table) {
    CAPTURE(corruption.name);
    json index = good;
    corruption.mutate(index);
    write_file(dir.path() / "model.safetensors.index.json", index.dump());
    expect_error([&] { open_model_file(dir.path()); }, corruption.expected);
  }
  std::string twice = good.dump();
  twice.insert(twice.find("\"lm_head.weight\""), "\"lm_head.weight\":\"" + first + "\",");
  write_file(dir.path() / "model.safetensors.index.json", twice);
  expect_error([&] { open_model_file(dir.path()); }, "key 'lm_head.weight' stands twice");
  write_file(dir.path() / "model.safetensors.index.json", good.dump());
  std::filesystem::copy_file(dir.path() / first, dir.path() / second, std::filesystem::copy_options::overwrite_existing);
  expect_error([&] { open_model_file(dir.path()); }, "stands in this shard, but");
}

TEST_CASE("a checkpoint with tensors missing, misshapen or foreign is refused under the names it uses") {
  const struct {
    std::string name;
    std::function<void(SafetensorsWriter&)> mutate;
    const char* expected;
  } table[] = {
      {"missing",
       [](SafetensorsWriter& w) { std::erase_if(w.tensors, [](auto& t) { return t.name == "model.layers.1.self_attn.k_proj.bias"; }); },
       "tensor 'model.layers.1.self_attn.k_proj.bias': missing; expected shape (32)"},
      {"flat", [](SafetensorsWriter& w) { w.tensors[0].shape = {320 * 64}; },
       "'model.embed_tokens.weight': expected shape (320, 64), found (20480)"},
      {"output bias", [](SafetensorsWriter& w) { w.add("model.layers.0.self_attn.o_proj.bias", {64}); },
       "'model.layers.0.self_attn.o_proj.bias': this build's qwen2 decoder has no place"},
      {"layer 2 of 2",
       [](SafetensorsWriter& w) {
         w.add("model.layers.2.mlp.up_proj.weight", {96, 64});
       },
       "'model.layers.2.mlp.up_proj.weight': this build's decoder has no place"},
      {"QK norm", [](SafetensorsWriter& w) { w.add("model.layers.0.self_attn.q_norm.weight", {16}); }, "no place for it"},
      {"vision tower", [](SafetensorsWriter& w) { w.add("visual.blocks.0.weight", {16}); }, "no place for it"},
      {"twice under two names",
       [](SafetensorsWriter& w) {
         w.add("embed_tokens.weight", {320, 64});
       },
       "tensor 'token_embd.weight' stands twice"},
      {"no head", [](SafetensorsWriter& w) { std::erase_if(w.tensors, [](auto& t) { return t.name == "lm_head.weight"; }); },
       "tensor 'lm_head.weight': missing"},
  };
  const TempDir dir;
  for (const auto& [name, mutate, expected] : table) {
    CAPTURE(name);
    HfModel model = tiny_hf("qwen2");
    mutate(model.weights);
    test::write_model(dir.path(), model);
    expect_error([&] { open_model_file(dir.path()); }, expected);
  }
}

TEST_CASE("a folder without weights or config says what is missing") {
  const TempDir dir;
  test::write_model(dir.path(), tiny_hf("llama"));
  std::filesystem::remove(dir.path() / "model.safetensors");
  expect_error([&] { open_model_file(dir.path()); }, "expected model.safetensors or model.safetensors.index.json here");
  write_file(dir.path() / "a.safetensors", "x");
  write_file(dir.path() / "b.safetensors", "x");
  expect_error([&] { open_model_file(dir.path()); }, "found 2 other safetensors files");
  std::filesystem::remove(dir.path() / "config.json");
  expect_error([&] { open_model_file(dir.path() / "a.safetensors"); }, "there is no config.json");
  write_file(dir.path() / "pytorch_model.bin", "x");
  std::filesystem::remove(dir.path() / "a.safetensors");
  std::filesystem::remove(dir.path() / "b.safetensors");
  expect_error([&] { open_model_file(dir.path()); }, "convert it to safetensors");
}

}  // namespace qbench::formats
