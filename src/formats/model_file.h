#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "formats/model_config.h"
#include "formats/tokenizer_source.h"
#include "tensor/dtype.h"
#include "tensor/row_source.h"

namespace qbench::formats {

/// One tensor of a model file, with every count and offset already checked against the file.
struct TensorEntry {
  std::string name;                  ///< neutral name, see below
  tensor::DType dtype = tensor::DType::kF32;
  std::vector<std::int64_t> shape;   ///< outermost first: (rows, cols) for a matrix, (n) for a vector
  const std::byte* data = nullptr;   ///< row-major, in the mapped file; at any address, so copy before reading wider types
  std::uint64_t bytes = 0;
  /// Set, and `data` null, where a matrix is put together from several stored tensors (codes, scales, zeros). Borrows the mapped file.
  std::shared_ptr<const tensor::RowSource> rows = nullptr;
};

/// Sampling settings that a checkpoint recommends (generation_config.json): shown to people, never applied. Absent numbers are negative.
struct GenerationDefaults {
  double temperature = -1.0, top_p = -1.0, repetition_penalty = -1.0;
  int top_k = -1;
};

/// A model on disk in neutral form, whatever its format. Neutral names (N: layer, E: expert), all matrices (out, in) row-major:
///   token_embd.weight  output_norm.weight  output.weight (absent when tied)
///   blk.N.attn_norm.weight  blk.N.attn_{q,k,v}.weight  blk.N.attn_{q,k,v}.bias  blk.N.attn_qkv.weight (fused checkpoints)
///   blk.N.attn_{q,k}_norm.weight  blk.N.attn_output.weight  blk.N.ffn_norm.weight
///   blk.N.ffn_{gate,up,down}.weight  blk.N.ffn_gate_up.weight (fused: gate rows, then up rows)
///   blk.N.ffn_gate_inp.weight (router: experts, hidden)  blk.N.expert.E.ffn_{gate,up,down}.weight
class ModelFile {
 public:
  virtual ~ModelFile() = default;
  virtual const ModelConfig& config() const = 0;
  virtual const std::vector<TensorEntry>& tensors() const = 0;
  virtual const TensorEntry* find(std::string_view name) const = 0;   ///< nullptr when absent
  virtual const TokenizerSource& tokenizer() const = 0;
  virtual const GenerationDefaults& generation_defaults() const = 0;
  virtual std::string format_name() const = 0;       ///< "gguf v3", "safetensors"
  virtual std::string precision_name() const = 0;    ///< what most weight bytes are: "bf16", "q4_1", "q4_k_m", ...
  virtual std::uint64_t file_bytes() const = 0;      ///< of all weight files
  /// SHA-256 over the headers (names, shapes, types, metadata), the file sizes and 4 KiB samples of every tensor: cheap, and different for other weights.
  virtual std::string fingerprint() const = 0;
};

/// Opens a .gguf (any part of a split one), a .safetensors, or a folder with config.json and safetensors. All tensors that the config
/// promises are present with the promised shapes when this returns. Errors: kNotFound, kIo, kFormat, kUnsupported; the message names the
/// file, the field or tensor, what was expected and what was found.
std::unique_ptr<ModelFile> open_model_file(const std::filesystem::path& path, const MapOptions& options = {});

}  // namespace qbench::formats
