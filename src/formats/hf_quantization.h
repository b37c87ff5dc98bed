#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "formats/safetensors_file.h"

namespace qbench::formats {

/// What config.json's `quantization_config` says about how matrices are stored.
struct HfQuantization {
  enum class Method { kNone, kAwq, kGptq, kFP8 };
  Method method = Method::kNone;
  std::int64_t group_size = 0;    ///< AWQ, GPTQ: a multiple of 128, or 0: one group a row
  bool activation_order = false;  ///< GPTQ's desc_act
  bool zeros_less_one = false;    ///< GPTQ: stored zeros are one less, modulo 16
};
std::string_view name_of(HfQuantization::Method method) noexcept;  ///< "awq", "gptq", "fp8", ""

/// Reads a parsed config.json; kNone where there is no quantization_config. Error{kFormat} on mistyped fields, {kUnsupported} on what this
/// build does not read: other methods, bits, group sizes or packings, FP8 without 128 x 128 blocks.
/// Sources: transformers 5, utils/quantization_config.py; AutoAWQ, awq/modules/linear/gemm.py; GPTQModel, nn_modules/qlinear.
HfQuantization read_hf_quantization(const nlohmann::json& config, const std::string& where);

/// Finds a stored tensor by its name; nullptr when absent.
class StoredLookup {
 public:
  virtual ~StoredLookup() = default;
  virtual const StoredTensor* find(const std::string& name) const = 0;
};

/// Whether the tensor is a matrix's part that stands beside its codes (scales, zeros, group index): it belongs to the tensor that
/// assemble_quantised makes. Error{kFormat} when the codes are not there.
bool is_quantised_part(const StoredTensor& tensor, const HfQuantization& quantization, const StoredLookup& all, const std::string& where);

/// A matrix (out, in) from its codes, under the name that it would have unquantised (`....weight`); nothing where the tensor is none. The
/// result's rows borrow the stored data. Error{kFormat} on missing parts, wrong types and shapes that do not fit together, {kUnsupported} on
/// a column order or width that the decoder does not have.
///   AWQ    qweight (in, out / 8) int32, nibble k of a word: column 8 w + {0, 2, 4, 6, 1, 3, 5, 7}[k]; qzeros (groups, out / 8) alike
///   GPTQ   qweight (in / 8, out) int32, nibble k of word w: row 8 w + k; qzeros (groups, out / 8), nibble k: column 8 w + k;
///          g_idx (in): the group of each row
///   both   scales (groups, out) F16 or BF16: x = scale * (code - zero)
///   FP8    weight (out, in) F8_E4M3, weight_scale_inv (out / 128, in / 128) rounded up, BF16, F16 or F32: x = scale * code
std::optional<TensorEntry> assemble_quantised(const StoredTensor& tensor, const HfQuantization& quantization, const StoredLookup& all,
                                              const std::string& where);

}  // namespace qbench::formats
