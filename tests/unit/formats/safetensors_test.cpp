#include <doctest/doctest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/hf_names.h"
#include "formats/model_file.h"
#include "formats/safetensors_file.h"
#include "hf_writer.h"
#include "test_support.h"

namespace qbench::formats {
namespace {

using nlohmann::json;
using test::HfModel;
using test::SafetensorsWriter;
using test::TempDir;
using test::tiny_hf;

std::string_view stored(const TensorEntry& entry) {
  return {reinterpret_cast<const char*>(entry.data), static_cast<std::size_t>(entry.bytes)};
}

const std::string& written(const HfModel& model, std::string_view name) {
  for (const SafetensorsWriter::Tensor& tensor : model.weights.tensors) {
    if (tensor.name == name) return tensor.data;
  }
  FAIL("no such tensor");
  return model.weights.tensors.front().data;
}

}  // namespace

TEST_CASE("a checkpoint of every architecture opens with neutral names and the very bytes") {
  for (const std::string architecture : {"llama", "qwen2", "qwen3", "qwen3_moe", "phi3"}) {
    CAPTURE(architecture);
    const TempDir dir;
    const HfModel hf = tiny_hf(architecture);
    test::write_model(dir.path(), hf);
    for (const bool mapped : {true, false}) {
      const auto model = open_model_file(dir.path(), {.mmap = mapped});
      CHECK(name_of(model->config().architecture) == architecture);
      CHECK(model->config().name == dir.path().filename().string());
      CHECK(model->format_name() == "safetensors");
      CHECK(model->precision_name() == "bf16");
      CHECK(model->file_bytes() == std::filesystem::file_size(dir.path() / "model.safetensors"));
      CHECK(model->tensors().size() == hf.weights.tensors.size());
      for (const SafetensorsWriter::Tensor& tensor : hf.weights.tensors) {
        const auto neutral = neutral_from_hf(tensor.name);
        REQUIRE(neutral.has_value());
        CHECK(hf_from_neutral(*neutral) == tensor.name);
        REQUIRE(model->find(*neutral) != nullptr);
        CHECK(model->find(*neutral)->shape == tensor.shape);
        CHECK(stored(*model->find(*neutral)) == tensor.data);
      }
    }
  }
}

TEST_CASE("a sharded checkpoint is the same model, by folder or by any shard") {
  const TempDir whole, sharded;
  const HfModel hf = tiny_hf("qwen3_moe");
  test::write_model(whole.path(), hf);
  test::write_sharded(sharded.path(), hf, 4);
  const auto one = open_model_file(whole.path());
  for (const auto& path : {sharded.path(), sharded.path() / "model-00003-of-00004.safetensors"}) {
    const auto many = open_model_file(path);
    REQUIRE(many->tensors().size() == one->tensors().size());
    for (const TensorEntry& entry : one->tensors()) CHECK(stored(*many->find(entry.name)) == stored(entry));
  }
}

TEST_CASE("a safetensors file can be named itself, whatever it is called") {
  const TempDir dir;
  test::write_model(dir.path(), tiny_hf("llama"));
  CHECK(open_model_file(dir.path() / "model.safetensors")->tensors().size() == 21);
  std::filesystem::rename(dir.path() / "model.safetensors", dir.path() / "weights.safetensors");
  CHECK(open_model_file(dir.path() / "weights.safetensors")->tensors().size() == 21);
  CHECK(open_model_file(dir.path())->tensors().size() == 21);
}

TEST_CASE("all three floating types are read, and scalars and the metadata are allowed") {
  SafetensorsWriter writer;
  writer.add("a", {4, 8}, "F32");
  writer.add("b", {16}, "F16");
  writer.add("c", {}, "BF16");
  const std::string bytes = writer.bytes();
  const SafetensorsFile file = parse_safetensors(std::as_bytes(std::span(bytes)), "test");
  REQUIRE(file.tensors.size() == 3);
  CHECK(file.tensors[0].dtype == tensor::DType::kF32);
  CHECK(file.tensors[1].dtype == tensor::DType::kF16);
  CHECK(file.tensors[2].dtype == tensor::DType::kBF16);
  CHECK(file.tensors[2].shape.empty());
  CHECK(file.tensors[2].bytes == 2);
  CHECK(stored(file.tensors[1]) == writer.tensors[1].data);
}

TEST_CASE("transformers 5's stacked experts are the same model") {
  const TempDir dir, stacked_dir;
  const HfModel separate = tiny_hf("qwen3_moe");
  test::write_model(dir.path(), separate);
  HfModel stacked{separate.config, {}};
  for (const SafetensorsWriter::Tensor& tensor : separate.weights.tensors) {
    if (tensor.name.find(".experts.") == std::string::npos) stacked.weights.tensors.push_back(tensor);
  }
  for (int layer = 0; layer < 2; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".mlp.experts.";
    std::string gate_up, down;
    for (int e = 0; e < 4; ++e) {
      const std::string expert = prefix + std::to_string(e) + ".";
      gate_up += written(separate, expert + "gate_proj.weight") + written(separate, expert + "up_proj.weight");
      down += written(separate, expert + "down_proj.weight");
    }
    stacked.weights.tensors.push_back({prefix + "gate_up_proj", "BF16", {4, 64, 64}, gate_up});
    stacked.weights.tensors.push_back({prefix + "down_proj", "BF16", {4, 64, 32}, down});
  }
  test::write_model(stacked_dir.path(), stacked);
  const auto one = open_model_file(dir.path()), other = open_model_file(stacked_dir.path());
  REQUIRE(one->tensors().size() == other->tensors().size());
  for (const TensorEntry& entry : one->tensors()) {
    CHECK(stored(*other->find(entry.name)) == stored(entry));
    CHECK(other->find(entry.name)->shape == entry.shape);
  }
}

TEST_CASE("tied heads are settled as transformers 5 does") {
  const TempDir dir;
  HfModel model = tiny_hf("qwen3");
  model.config["tie_word_embeddings"] = true;
  test::write_model(dir.path(), model);
  auto opened = open_model_file(dir.path());
  CHECK_FALSE(opened->config().tied_head);  // stored and different: its own
  CHECK(opened->find("output.weight") != nullptr);

  for (SafetensorsWriter::Tensor& tensor : model.weights.tensors) {
    if (tensor.name == "lm_head.weight") tensor.data = model.weights.tensors.front().data;
  }
  test::write_model(dir.path(), model);
  opened = open_model_file(dir.path());
  CHECK(opened->config().tied_head);  // stored, but the same numbers
  CHECK(opened->find("output.weight") == nullptr);

  std::erase_if(model.weights.tensors, [](const auto& t) { return t.name == "model.embed_tokens.weight"; });
  test::write_model(dir.path(), model);
  opened = open_model_file(dir.path());
  CHECK(opened->config().tied_head);  // only the head is stored
  CHECK(opened->find("token_embd.weight") != nullptr);

  model = tiny_hf("qwen3");
  model.config.erase("tie_word_embeddings");
  test::write_model(dir.path(), model);
  CHECK_FALSE(open_model_file(dir.path())->config().tied_head);  // not stated: what is stored
  std::erase_if(model.weights.tensors, [](const auto& t) { return t.name == "lm_head.weight"; });
  test::write_model(dir.path(), model);
  CHECK(open_model_file(dir.path())->config().tied_head);
}

TEST_CASE("names without model. and stored inverse frequencies are accepted") {
  const TempDir dir;
  HfModel model = tiny_hf("llama");
  for (SafetensorsWriter::Tensor& tensor : model.weights.tensors) {
    if (tensor.name.starts_with("model.")) tensor.name = tensor.name.substr(6);
  }
  model.weights.add("model.layers.0.self_attn.rotary_emb.inv_freq", {8}, "F32");
  test::write_model(dir.path(), model);
  CHECK(open_model_file(dir.path())->tensors().size() == 21);
}

TEST_CASE("a snapshot in the hub cache is called after its repository") {
  const TempDir dir;
  const auto folder = dir.path() / "models--Qwen--Qwen2.5-Coder-7B-Instruct" / "snapshots" / "c03e6d358207e414f1eca0bb1891e29f1db0e242";
  std::filesystem::create_directories(folder);
  test::write_model(folder, tiny_hf("qwen2"));
  CHECK(open_model_file(folder)->config().name == "Qwen2.5-Coder-7B-Instruct");
}

TEST_CASE("generation_config.json's settings and EOS ids are there") {
  const TempDir dir;
  test::write_model(dir.path(), tiny_hf("qwen2"));
  CHECK(open_model_file(dir.path())->generation_defaults().top_k == -1);
  test::write_file(dir.path() / "generation_config.json",
                   R"({"eos_token_id": [319, 317], "temperature": 0.6, "top_k": 20, "top_p": 0.95})");
  const auto model = open_model_file(dir.path());
  CHECK(model->config().eos_ids == std::vector<std::int32_t>{319, 317});
  CHECK(model->generation_defaults().temperature == 0.6);
  CHECK(model->generation_defaults().top_k == 20);
  CHECK(model->generation_defaults().top_p == 0.95);
  CHECK(model->generation_defaults().repetition_penalty < 0.0);
}

TEST_CASE("the fingerprint of a checkpoint sees weights and config") {
  const TempDir dir, copy;
  HfModel model = tiny_hf("qwen2");
  test::write_model(dir.path(), model);
  test::write_model(copy.path(), model);
  const std::string first = open_model_file(dir.path())->fingerprint();
  CHECK(first == open_model_file(copy.path())->fingerprint());
  model.config["rope_theta"] = 20000.0;
  test::write_model(copy.path(), model);
  CHECK(first != open_model_file(copy.path())->fingerprint());
  model = tiny_hf("qwen2");
  std::string& data = model.weights.tensors[5].data;
  data[data.size() / 2] = static_cast<char>(data[data.size() / 2] ^ 1);
  test::write_model(copy.path(), model);
  CHECK(first != open_model_file(copy.path())->fingerprint());
}

}  // namespace qbench::formats
