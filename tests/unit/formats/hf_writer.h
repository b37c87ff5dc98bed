#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace qbench::test {

/// Puts a safetensors file together, right or deliberately wrong.
struct SafetensorsWriter {
  struct Tensor {
    std::string name, dtype;
    std::vector<std::int64_t> shape;
    std::string data;
  };
  std::vector<Tensor> tensors;

  /// Numbers that depend on the name; dtype "F32", "F16" or "BF16".
  void add(std::string_view name, const std::vector<std::int64_t>& shape, const std::string& dtype = "BF16");
  nlohmann::json header() const;
  std::string bytes() const { return bytes_with(header().dump()); }
  std::string bytes_with(const std::string& header_text) const;
};

/// A tiny checkpoint in Hugging Face layout: config and tensors under their names there.
struct HfModel {
  nlohmann::json config;
  SafetensorsWriter weights;
};

/// architecture: llama, qwen2, qwen3, qwen3_moe or phi3 (config.json's model_type).
HfModel tiny_hf(const std::string& architecture);

void write_file(const std::filesystem::path& path, std::string_view content);

/// config.json and model.safetensors.
void write_model(const std::filesystem::path& folder, const HfModel& model);

/// config.json, `parts` shards and model.safetensors.index.json; returns the index.
nlohmann::json write_sharded(const std::filesystem::path& folder, const HfModel& model, std::size_t parts);

}  // namespace qbench::test
