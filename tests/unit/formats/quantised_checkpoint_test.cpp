#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/json.h"
#include "base/text_file.h"
#include "expect_error.h"
#include "formats/model_file.h"
#include "formats/safetensors_file.h"
#include "hf_writer.h"
#include "test_support.h"

namespace qbench::formats {
namespace {

using nlohmann::json;
using test::HfModel;
using test::SafetensorsWriter;

/// A committed checkpoint, to be spoilt.
HfModel read_checkpoint(const std::string& name) {
  const auto folder = test::fixtures_dir() / "checkpoints" / name;
  HfModel model;
  model.config = read_json_file(folder / "config.json");
  const std::string text = read_text_file(folder / "model.safetensors");
  const SafetensorsFile file = parse_safetensors({reinterpret_cast<const std::byte*>(text.data()), text.size()}, name);
  for (const StoredTensor& t : file.tensors) {
    model.weights.tensors.push_back({t.name, std::string(stored_name(t)), t.shape, std::string(reinterpret_cast<const char*>(t.data), t.bytes)});
  }
  return model;
}

SafetensorsWriter::Tensor& tensor(HfModel& model, const std::string& name) {
  const auto at = std::find_if(model.weights.tensors.begin(), model.weights.tensors.end(), [&](const auto& t) { return t.name == name; });
  REQUIRE(at != model.weights.tensors.end());
  return *at;
}

void drop(HfModel& model, const std::string& name) {
  REQUIRE(std::erase_if(model.weights.tensors, [&](const auto& t) { return t.name == name; }) == 1);
}

void retype(HfModel& model, const std::string& name, const std::string& dtype, std::size_t bytes_of_number) {
  SafetensorsWriter::Tensor& t = tensor(model, name);
  t.dtype = dtype;
  std::size_t numbers = 1;
  for (const std::int64_t size : t.shape) numbers *= static_cast<std::size_t>(size);
  t.data.assign(numbers * bytes_of_number, '\0');
}

void reshape(HfModel& model, const std::string& name, const std::vector<std::int64_t>& shape, std::size_t bytes_of_number) {
  tensor(model, name).shape = shape;
  retype(model, name, tensor(model, name).dtype, bytes_of_number);
}

void set_int32(HfModel& model, const std::string& name, std::size_t index, std::int32_t value) {
  std::memcpy(tensor(model, name).data.data() + 4 * index, &value, sizeof(value));
}

struct Spoilt {
  const char* checkpoint;
  std::function<void(HfModel&)> spoil;
  const char* expected;
};

const std::string kQ = "model.layers.0.self_attn.q_proj.";

json& quantization(HfModel& m) { return m.config["quantization_config"]; }

}  // namespace

TEST_CASE("quantised checkpoints whose settings this build does not read are refused with one line that says which") {
  const Spoilt table[] = {
      {"qwen2-awq", [](HfModel& m) { quantization(m)["quant_method"] = "bitsandbytes"; },
       "quantization_config.quant_method: this build reads awq, gptq and fp8, not 'bitsandbytes'; use the unquantised checkpoint or a GGUF"},
      {"qwen2-awq", [](HfModel& m) { quantization(m).erase("quant_method"); }, "quantization_config.quant_method: this build reads awq, gptq and fp8, not ''"},
      {"qwen2-awq", [](HfModel& m) { m.config["quantization_config"] = 4; }, "expected an object"},
      {"qwen2-awq", [](HfModel& m) { quantization(m)["bits"] = 8; }, "quantization_config.bits: this build reads 4-bit awq checkpoints, not 8-bit ones"},
      {"qwen3-gptq", [](HfModel& m) { quantization(m)["bits"] = 3; }, "quantization_config.bits: this build reads 4-bit gptq checkpoints, not 3-bit ones"},
      {"qwen3-gptq", [](HfModel& m) { quantization(m).erase("bits"); }, "quantization_config.bits: expected"},
      {"qwen3-gptq", [](HfModel& m) { quantization(m)["bits"] = "4"; }, "quantization_config.bits: expected"},
      {"qwen3-gptq", [](HfModel& m) { quantization(m)["group_size"] = 64; }, "quantization_config.group_size: this build reads groups of 128, of multiples of it, and whole rows (-1), not of 64"},
      {"qwen3-gptq", [](HfModel& m) { quantization(m)["group_size"] = 0; }, "whole rows (-1), not of 0"},
      {"qwen3-gptq", [](HfModel& m) { quantization(m)["group_size"] = -2; }, "quantization_config.group_size: expected"},
      {"qwen3-gptq", [](HfModel& m) { quantization(m)["checkpoint_format"] = "marlin"; }, "quantization_config.checkpoint_format: this build reads 'gptq' and 'gptq_v2', not 'marlin'"},
      {"qwen2-awq", [](HfModel& m) { quantization(m)["version"] = "gemv"; }, "quantization_config.version: this build reads AWQ's packing 'gemm', not 'gemv'"},
      {"qwen2-awq", [](HfModel& m) { quantization(m)["zero_point"] = false; }, "quantization_config.zero_point: this build reads AWQ with zero points only"},
      {"qwen3-fp8", [](HfModel& m) { quantization(m)["weight_block_size"] = {64, 128}; }, "quantization_config.weight_block_size: this build reads FP8 with scales of 128 x 128 blocks, not (64, 128)"},
      {"qwen3-fp8", [](HfModel& m) { quantization(m).erase("weight_block_size"); }, "128 x 128 blocks, and there is no weight_block_size"},
      {"qwen3-fp8", [](HfModel& m) { quantization(m)["activation_scheme"] = "static"; }, "quantization_config.activation_scheme: this build reads 'dynamic', not 'static'"},
      {"qwen3-fp8", [](HfModel& m) { quantization(m)["fmt"] = "e5m2"; }, "quantization_config.fmt: this build reads 'e4m3', not 'e5m2'"},
      {"qwen3-fp8", [](HfModel& m) { drop(m, "model.layers.0.mlp.down_proj.weight_scale_inv"), m.config.erase("quantization_config"); }, "no place"},
      {"qwen2-awq", [](HfModel& m) { m.config.erase("quantization_config"); }, "no place"},
  };
  const test::TempDir dir;
  for (const auto& [checkpoint, spoil, expected] : table) {
    HfModel model = read_checkpoint(checkpoint);
    spoil(model);
    test::write_model(dir.path(), model);
    test::expect_error([&] { open_model_file(dir.path()); }, expected);
  }
}

TEST_CASE("quantised checkpoints whose tensors do not fit together are refused under their names") {
  const Spoilt table[] = {
      {"qwen2-awq", [](HfModel& m) { drop(m, kQ + "scales"); }, "tensor 'model.layers.0.self_attn.q_proj.scales': missing; 'model.layers.0.self_attn.q_proj.qweight' needs it"},
      {"qwen2-awq", [](HfModel& m) { drop(m, kQ + "qzeros"); }, "q_proj.qzeros': missing; 'model.layers.0.self_attn.q_proj.qweight' needs it"},
      {"qwen3-gptq", [](HfModel& m) { drop(m, kQ + "qweight"); }, "q_proj.qweight': missing; 'model.layers.0.self_attn.q_proj."},
      {"qwen2-awq", [](HfModel& m) { reshape(m, kQ + "scales", {2, 128}, 2); }, "q_proj.scales': expected shape (1, 128), found (2, 128)"},
      {"qwen2-awq", [](HfModel& m) { reshape(m, kQ + "qzeros", {1, 15}, 4); }, "q_proj.qzeros': expected shape (1, 16), found (1, 15)"},
      {"qwen2-awq", [](HfModel& m) { reshape(m, kQ + "qweight", {256, 16}, 4); }, "q_proj.qzeros': expected shape (2, 16), found (1, 16)"},
      {"qwen2-awq", [](HfModel& m) { reshape(m, kQ + "qweight", {130, 16}, 4); }, "q_proj.qweight': 130 inputs are no multiple of 128"},
      {"qwen2-awq", [](HfModel& m) { reshape(m, kQ + "qweight", {2048}, 4); }, "q_proj.qweight': expected a matrix, found shape (2048)"},
      {"qwen3-gptq", [](HfModel& m) { reshape(m, kQ + "qweight", {16, 127}, 4); }, "q_proj.qweight': 127 outputs are no multiple of the 8"},
      {"qwen2-awq", [](HfModel& m) { retype(m, kQ + "scales", "F32", 4); }, "q_proj.scales': expected dtype F16 or BF16, found F32"},
      {"qwen2-awq", [](HfModel& m) { retype(m, kQ + "scales", "I32", 4); }, "q_proj.scales': expected dtype F16 or BF16, found I32"},
      {"qwen2-awq", [](HfModel& m) { retype(m, kQ + "qzeros", "F32", 4); }, "q_proj.qzeros': expected dtype I32, found F32"},
      {"qwen2-awq", [](HfModel& m) { retype(m, "model.norm.weight", "I32", 4); }, "'model.norm.weight': dtype I32 has no place in this awq checkpoint"},
      {"qwen2-awq", [](HfModel& m) { m.weights.add(kQ + "weight", {128, 128}); }, "tensor 'blk.0.attn_q.weight' stands twice"},
      {"qwen3-gptq", [](HfModel& m) { set_int32(m, kQ + "g_idx", 5, 3); }, "q_proj.g_idx': input 5 is in group 3, not 0: groups are not runs of neighbours"},
      {"qwen3-gptq",
       [](HfModel& m) {
         quantization(m)["desc_act"] = true;
         set_int32(m, kQ + "g_idx", 127, 1);
       },
       "q_proj.g_idx': input 127 is in group 1, not 0: columns in activation order (desc_act) are not supported"},
      {"qwen3-gptq",
       [](HfModel& m) {
         quantization(m)["desc_act"] = true;
         drop(m, kQ + "g_idx");
       },
       "q_proj.g_idx': missing; 'model.layers.0.self_attn.q_proj.qweight' needs it"},
      {"qwen3-gptq", [](HfModel& m) { reshape(m, kQ + "g_idx", {127}, 4); }, "q_proj.g_idx': expected shape (128), found (127)"},
      {"qwen3-gptq", [](HfModel& m) { tensor(m, "model.layers.0.self_attn.o_proj.bias").data[1] = '\x3c'; },
       "'model.layers.0.self_attn.o_proj.bias': this build's qwen3 decoder has no place"},
      {"qwen3-fp8", [](HfModel& m) { drop(m, kQ + "weight_scale_inv"); },
       "q_proj.weight_scale_inv': missing; 'model.layers.0.self_attn.q_proj.weight' needs it"},
      {"qwen3-fp8", [](HfModel& m) { drop(m, kQ + "weight"); }, "q_proj.weight_scale_inv': scales 'model.layers.0.self_attn.q_proj.weight', which is missing"},
      {"qwen3-fp8", [](HfModel& m) { retype(m, kQ + "weight", "BF16", 2); }, "scales 'model.layers.0.self_attn.q_proj.weight', which is no F8_E4M3"},
      {"qwen3-fp8", [](HfModel& m) { reshape(m, kQ + "weight_scale_inv", {1, 1}, 2); }, "q_proj.weight_scale_inv': expected shape (2, 1), found (1, 1)"},
      {"qwen3-fp8", [](HfModel& m) { retype(m, kQ + "weight_scale_inv", "F8_E4M3", 1); }, "q_proj.weight_scale_inv': expected dtype BF16, F16 or F32, found F8_E4M3"},
      {"qwen3-fp8", [](HfModel& m) { retype(m, "model.norm.weight", "F8_E4M3", 1); }, "'model.norm.weight': F8_E4M3 is read in matrices only, found shape (128)"},
      {"qwen3-fp8", [](HfModel& m) { reshape(m, kQ + "weight", {256, 127}, 1); }, "q_proj.weight': 127 inputs are no multiple of 128"},
      {"qwen3moe-fp8", [](HfModel& m) { drop(m, "model.layers.0.mlp.experts.3.down_proj.weight_scale_inv"); }, "experts.3.down_proj.weight_scale_inv': missing"},
  };
  const test::TempDir dir;
  for (const auto& [checkpoint, spoil, expected] : table) {
    HfModel model = read_checkpoint(checkpoint);
    spoil(model);
    test::write_model(dir.path(), model);
    test::expect_error([&] { open_model_file(dir.path()); }, expected);
  }
}

TEST_CASE("a quantised checkpoint says what it is, and its rows read the same in any portions") {
  const struct {
    const char *name, *format, *precision;
  } table[] = {{"qwen2-awq", "safetensors (awq)", "int4"}, {"qwen3-gptq", "safetensors (gptq)", "int4"}, {"qwen3-fp8", "safetensors (fp8)", "fp8_block"}};
  for (const auto& [name, format, precision] : table) {
    CAPTURE(name);
    const auto model = open_model_file(test::fixtures_dir() / "checkpoints" / name);
    CHECK(model->format_name() == format);
    CHECK(model->precision_name() == precision);
    const TensorEntry* entry = model->find("blk.0.ffn_down.weight");
    REQUIRE(entry != nullptr);
    REQUIRE(entry->rows != nullptr);
    CHECK(tensor::name_of(entry->dtype) == precision);
    CHECK(entry->shape == std::vector<std::int64_t>{128, 256});
    const std::int64_t row = tensor::row_bytes(entry->dtype, 256);
    CHECK(entry->bytes == static_cast<std::uint64_t>(128 * row));
    std::vector<std::byte> whole(entry->bytes), parts(entry->bytes);
    entry->rows->read_rows(0, 128, whole.data());
    for (std::int64_t first = 0; first < 128; first += 13) {
      entry->rows->read_rows(first, std::min<std::int64_t>(13, 128 - first), parts.data() + first * row);
    }
    CHECK(whole == parts);
  }
}

}  // namespace qbench::formats
