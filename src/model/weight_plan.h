#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/model_config.h"
#include "tensor/dtype.h"

namespace qbench::model {

/// What --precision takes.
enum class WeightPrecision { kAuto, kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_K_S, kQ4_K_M, kQ5_K_M, kQ6_K, kInt8, kFP8, kInt4 };
std::string_view name_of(WeightPrecision precision) noexcept;  ///< "auto", "f32", ...
std::optional<WeightPrecision> precision_from_name(std::string_view name) noexcept;

/// One matrix that the decoder needs: neutral name, shape, and the type it has on the device.
struct PlannedTensor {
  std::string name;
  std::int64_t rows, cols;
  tensor::DType dtype;
  bool read_each_token;    ///< false for the embedding table (unless it is also the head)
  double active_share;     ///< share of it that one token reads: experts_used / experts for expert matrices, else 1
};

/// All matrices of a shape at a precision, with llama.cpp's per-tensor mix for the K types (llama-quant.cpp) and its fallbacks where a row
/// is not a multiple of 256. int8 and fp8 stand for every matrix but the router; int4 for the projections of the layers in groups of 128,
/// while embedding and head stay F16, as in AWQ and GPTQ checkpoints. kAuto means BF16 here. Used by the memory plan and by synthetic weights.
std::vector<PlannedTensor> plan_weights(const formats::ModelConfig& config, WeightPrecision precision);

struct WeightTotals {
  std::uint64_t bytes = 0;              ///< all weights, norms and biases included, in file layout
  std::uint64_t read_per_token = 0;     ///< bytes that one decode step at batch 1 reads
  std::uint64_t parameters = 0;
};
WeightTotals total_weights(const formats::ModelConfig& config, WeightPrecision precision);

}  // namespace qbench::model
