#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "formats/model_file.h"
#include "npy.h"

namespace qbench::test {

/// What transformers computed for one model folder: expected.json and logits.npy.
struct Golden {
  std::filesystem::path folder;
  std::vector<std::int32_t> token_ids;
  std::vector<std::int32_t> greedy_prompt, greedy_output;
  double logit_std = 0.0, perplexity = 0.0;
  std::int64_t tokenizer_size = 0;
  NpyMatrix logits;
};

Golden read_golden(const std::filesystem::path& folder);

/// Every model folder below `root`, in name order.
std::vector<std::filesystem::path> golden_folders(const std::filesystem::path& root);

struct GoldenError {
  double worst = 0.0;       ///< largest |difference| of a logit over the logits' standard deviation
  bool same_greedy = false;
};

/// Runs the model in float32 on the device and compares.
GoldenError compare_with_golden(const Golden& golden, const formats::ModelFile& file, backend::Backend& device);

}  // namespace qbench::test
