#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "formats/hf_quantization.h"
#include "formats/model_file.h"
#include "formats/safetensors_file.h"
#include "formats/tensor_table.h"

namespace qbench::formats {

/// Which shard of a sharded checkpoint holds which tensor.
struct ShardIndex {
  std::vector<std::string> shards;                           ///< plain file names, sorted, each once
  std::vector<std::pair<std::string, std::string>> entries;  ///< (tensor, shard)
};

/// Reads a parsed model.safetensors.index.json. Throws Error{kFormat} on anything but plain file names beside the index.
ShardIndex read_shard_index(const nlohmann::json& index, const std::string& where);

/// Neutral tensors of a checkpoint, with tied heads settled as transformers 5 does. `states_tie` is false where config.json leaves it open.
/// Matrices of quantised checkpoints are put together from their parts. Everything is checked; `config.tied_head` may change.
TensorTable assemble_hf_tensors(const std::vector<SafetensorsFile>& files, bool states_tie, ModelConfig& config, const std::string& where,
                                const HfQuantization& quantization = {});

/// `path`: a folder with config.json and safetensors, or one of its safetensors files.
std::unique_ptr<ModelFile> open_safetensors(const std::filesystem::path& path, const MapOptions& options);

}  // namespace qbench::formats
