#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "cuda_test_device.h"
#include "engine/golden.h"
#include "engine/session.h"
#include "test_support.h"

namespace qbench::test {
namespace {

constexpr double kTolerance = 1e-3;  // of the logits' standard deviation

/// Rms of a token's differences over the logits' deviation, the median of the tokens, with the checkpoint's own types.
double median_error(const Golden& golden, const formats::ModelFile& file, model::WeightPrecision precision, std::int64_t step_tokens) {
  const auto device = make_cuda_device();
  model::ModelOptions options;
  options.precision = precision;
  options.max_step_tokens = step_tokens;
  const auto decoder = model::load_model(file, *device, options);
  engine::SessionOptions session_options;
  session_options.context = 256;
  session_options.kv_dtype = tensor::DType::kF32;
  session_options.sampling_vocab = golden.tokenizer_size;
  engine::Session session(*decoder, session_options);
  std::vector<double> errors;
  session.score(golden.token_ids, 0, [&](std::int64_t row, std::span<const float> logits) {
    double squares = 0.0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      squares += std::pow(static_cast<double>(logits[i]) - static_cast<double>(golden.logits.row(row)[i]), 2.0);
    errors.push_back(std::sqrt(squares / static_cast<double>(logits.size())) / golden.logit_std);
  });
  REQUIRE(errors.size() == golden.token_ids.size());
  for (const double error : errors) REQUIRE_FALSE(std::isnan(error));
  std::sort(errors.begin(), errors.end());
  return errors[errors.size() / 2];
}

}  // namespace

TEST_CASE("AWQ, GPTQ and FP8 checkpoints converted to float32 give transformers' logits on the CUDA device") {
  const auto folders = golden_folders(fixtures_dir() / "checkpoints");
  REQUIRE(folders.size() == 7);
  for (const auto& folder : folders) {
    CAPTURE(folder.string());
    const GoldenError error = compare_with_golden(read_golden(folder), *formats::open_model_file(folder), *make_cuda_device());
    CHECK(error.worst < kTolerance);
    CHECK(error.same_greedy);
  }
}

TEST_CASE("with a checkpoint's own INT4 and FP8 weights the CUDA device stays within what 8-bit and 16-bit activations explain") {
  for (const auto& folder : golden_folders(fixtures_dir() / "checkpoints")) {
    CAPTURE(folder.string());
    const auto file = formats::open_model_file(folder);
    // Products of one token, of some side by side, in narrow and in wide tiles.
    for (const std::int64_t step_tokens : {1, 4, 20, 512}) {
      CAPTURE(step_tokens);
      CHECK(median_error(read_golden(folder), *file, model::WeightPrecision::kAuto, step_tokens) <= 0.05);
    }
  }
}

}  // namespace qbench::test
