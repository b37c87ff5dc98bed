#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "backend/backend.h"
#include "formats/model_file.h"
#include "npy.h"

namespace qbench::test {

// GGUFs that llama.cpp's converter and quantiser made from random weights, with transformers' float32 logits on the dequantised weights and
// llama.cpp's own mean KL from them (scripts/check_quantised.py --fixtures).

constexpr double kExactTolerance = 1e-3;  // of the logits' standard deviation
constexpr double kKlRatio = 1.5;          // of llama.cpp's own error on the same file
constexpr double kKlFloor = 2e-6;         // below this llama.cpp's figure is the rounding of its 16-bit log-probabilities

struct QuantisedCase {
  std::filesystem::path gguf;
  std::vector<std::vector<std::int32_t>> chunks;
  double logit_std = 0.0, llama_kl = 0.0;
  NpyMatrix logits;  // (scored tokens of all chunks, vocab)
};

/// All of tests/fixtures/quantised, in name order.
std::vector<QuantisedCase> quantised_cases();

/// With weights and cache in float32: the largest |difference| of a logit over the logits' standard deviation.
double worst_difference(const QuantisedCase& c, const formats::ModelFile& file, backend::Backend& device);

/// On the fast path: mean KL of the model's distribution from the expected one, without the largest tenth of positions (flipped experts).
/// step_tokens: how many tokens go through the model at once.
double trimmed_kl(const QuantisedCase& c, const formats::ModelFile& file, backend::Backend& device, std::int64_t step_tokens = 512);

}  // namespace qbench::test
