#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "formats/gguf_file.h"
#include "formats/model_file.h"
#include "formats/tensor_table.h"

namespace qbench::formats {

/// Config and neutral tensors of one model whose containers are `parts`, the first of which holds the metadata. Everything is checked.
struct GgufModelData {
  ModelConfig config;
  TensorTable tensors;
};
GgufModelData assemble_gguf_model(const std::vector<GgufFile>& parts, const std::string& where);

/// Paths of all parts of the model that `path` is a part of, in order; just `path` when it is not split. Throws Error{kFormat} when the
/// file name and the keys split.no and split.count disagree.
std::vector<std::filesystem::path> gguf_part_paths(const std::filesystem::path& path, const GgufMetadata& metadata);

std::unique_ptr<ModelFile> open_gguf(const std::filesystem::path& path, const MapOptions& options);

/// The keys tokenizer.*; kind is kNone when there is no tokenizer.ggml.model.
TokenizerSource read_gguf_tokenizer(const GgufMetadata& metadata);

}  // namespace qbench::formats
