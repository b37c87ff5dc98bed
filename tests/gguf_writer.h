#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace qbench::test {

/// Puts a GGUF together in memory, right or deliberately wrong: the parts are public, so that a test can bend any of them.
class GgufWriter {
 public:
  struct Key {
    std::string name;
    std::uint32_t type;   ///< GGUF value type
    std::string payload;  ///< the value's bytes as they stand in the file
  };
  struct Tensor {
    std::string name;
    std::uint32_t type;             ///< ggml type id
    std::vector<std::uint64_t> ne;  ///< innermost first, as in the file
    std::string data;
    std::optional<std::uint64_t> offset;  ///< absent: behind the tensor before it
  };

  // Replaces a key that is there already.
  GgufWriter& u16(std::string_view key, std::uint16_t value);
  GgufWriter& u32(std::string_view key, std::uint32_t value);
  GgufWriter& i32(std::string_view key, std::int32_t value);
  GgufWriter& u64(std::string_view key, std::uint64_t value);
  GgufWriter& f32(std::string_view key, float value);
  GgufWriter& boolean(std::string_view key, bool value);
  GgufWriter& string(std::string_view key, std::string_view value);
  GgufWriter& strings(std::string_view key, const std::vector<std::string>& values);
  GgufWriter& floats(std::string_view key, const std::vector<float>& values);
  GgufWriter& integers(std::string_view key, const std::vector<std::int32_t>& values);
  GgufWriter& raw(std::string_view key, std::uint32_t type, std::string payload);
  GgufWriter& remove(std::string_view key);

  /// shape: outermost first, as everywhere in this project; data: row_bytes x rows.
  GgufWriter& tensor(std::string_view name, tensor::DType dtype, const std::vector<std::int64_t>& shape, std::string data);
  /// Weights drawn as synthetic ones are, with deviation 1/sqrt(in); a vector gets numbers around 1.
  GgufWriter& random_tensor(std::string_view name, tensor::DType dtype, const std::vector<std::int64_t>& shape, std::uint64_t seed = 1);
  Tensor& find_tensor(std::string_view name);

  std::string bytes() const;
  void write(const std::filesystem::path& path) const;
  /// <folder>/<prefix>-0000i-of-0000n.gguf, the keys in the first part; returns the paths.
  std::vector<std::filesystem::path> write_split(const std::filesystem::path& folder, const std::string& prefix, std::size_t parts) const;

  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  ///< of the data; name it as a key too when it is not 32
  std::optional<std::uint64_t> claimed_keys, claimed_tensors;
  std::vector<Key> keys;
  std::vector<Tensor> tensors;
};

/// A decoder of a few thousand weights.
struct TinyModel {
  std::string architecture = "qwen2";  ///< as in GGUF: llama, qwen2, qwen3, qwen3moe, phi3
  std::int64_t hidden = 64, layers = 2, heads = 4, kv_heads = 2, head_dim = 16, ffn = 96, vocab = 320, context = 256;
  std::int64_t experts = 0, experts_used = 0, expert_ffn = 0;
  bool tied = false;
  bool vocabulary = true;                     ///< byte-level tokens 0..255, two spaces merged as 256, `vocab` (at least 258) in all, EOS the last
  tensor::DType dtype = tensor::DType::kF32;  ///< of the matrices; rows must be whole blocks
  std::uint64_t seed = 1;
  bool thinks = false;                        ///< tokens 257 and 258 are <think> and </think>
};

/// Metadata and weights of such a model, ready to be written or bent.
GgufWriter tiny_gguf(const TinyModel& model);

}  // namespace qbench::test
