#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "backend/cpu/cpu_backend.h"
#include "engine/session.h"
#include "golden.h"
#include "test_support.h"

namespace qbench::test {
namespace {

constexpr double kTolerance = 1e-4;  // of the logits' standard deviation
constexpr std::size_t kCheckpoints = 7;

std::unique_ptr<backend::Backend> cpu() { return backend::make_cpu_backend({2, {}}); }

}  // namespace

TEST_CASE("AWQ, GPTQ and FP8 checkpoints give transformers' logits and greedy tokens on the dequantised weights") {
  const auto folders = golden_folders(fixtures_dir() / "checkpoints");
  REQUIRE(folders.size() == kCheckpoints);
  for (const auto& folder : folders) {
    CAPTURE(folder.string());
    const auto file = formats::open_model_file(folder);
    const bool fp8 = folder.filename().string().ends_with("fp8");
    CHECK(file->precision_name() == (fp8 ? "fp8_block" : "int4"));
    const GoldenError error = compare_with_golden(read_golden(folder), *file, *cpu());
    CHECK(error.worst < kTolerance);
    CHECK(error.same_greedy);
  }
}

TEST_CASE("the CPU computes with a checkpoint's own INT4 and FP8 weights what it computes with their float32 values, up to embedding and head") {
  for (const auto& folder : golden_folders(fixtures_dir() / "checkpoints")) {
    CAPTURE(folder.string());
    const Golden golden = read_golden(folder);
    const auto file = formats::open_model_file(folder);
    const auto device = cpu();
    const auto decoder = model::load_model(*file, *device, {});
    CHECK(decoder->load_report().precision == file->precision_name());
    CHECK(decoder->load_report().conversion == "none");
    engine::SessionOptions options;
    options.context = 256;
    options.kv_dtype = tensor::DType::kF32;
    options.sampling_vocab = golden.tokenizer_size;
    engine::Session session(*decoder, options);
    double worst = 0.0;
    session.score(golden.token_ids, 0, [&](std::int64_t row, std::span<const float> logits) {
      for (std::size_t i = 0; i < logits.size(); ++i) {
        const double off = std::fabs(static_cast<double>(logits[i]) - static_cast<double>(golden.logits.row(row)[i])) / golden.logit_std;
        worst = std::isnan(off) ? INFINITY : std::max(worst, off);
      }
    });
    // F16 heads multiply float32 inputs; BF16 ones may round the input of the head to bfloat16: at most 2^-8 of a logit of a few deviations.
    CHECK(worst < (folder.filename().string().ends_with("fp8") ? 0.03 : kTolerance));
  }
}

}  // namespace qbench::test
