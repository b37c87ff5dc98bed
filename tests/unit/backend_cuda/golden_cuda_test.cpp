#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "backend/cuda/cuda_backend.h"
#include "engine/golden.h"
#include "engine/kv_policy_cases.h"
#include "engine/session.h"
#include "cuda_test_device.h"
#include "test_support.h"

namespace qbench::test {
namespace {

constexpr double kTolerance = 1e-3;  // of the logits' standard deviation, as on the CPU

void check_folder(const std::filesystem::path& folder) {
  CAPTURE(folder.string());
  const Golden golden = read_golden(folder);
  const auto file = formats::open_model_file(folder);
  const auto device = make_cuda_device();
  const GoldenError error = compare_with_golden(golden, *file, *device);
  CHECK(error.worst < kTolerance);
  CHECK(error.same_greedy);
}

/// What 16-bit weights and a 16-bit cache may do to a token's logits: rms of the differences over the logits' deviation, and which tokens
/// whose two best logits are `gap` apart came out with another best one.
struct Bf16Error {
  std::vector<double> rms;  ///< of each token, sorted
  int flipped = 0;
};

Bf16Error compare_bf16(const Golden& golden, const formats::ModelFile& file, double gap) {
  const auto device = make_cuda_device();
  model::ModelOptions options;
  options.precision = model::WeightPrecision::kBF16;
  options.max_step_tokens = 48;
  const auto decoder = model::load_model(file, *device, options);
  engine::SessionOptions session_options;
  session_options.context = 256;
  session_options.kv_dtype = tensor::DType::kBF16;
  session_options.sampling_vocab = golden.tokenizer_size;
  engine::Session session(*decoder, session_options);
  Bf16Error error;
  session.score(golden.token_ids, 0, [&](std::int64_t row, std::span<const float> logits) {
    const std::span expected(golden.logits.row(row), logits.size());
    double squares = 0.0;
    for (std::size_t i = 0; i < logits.size(); ++i)
      squares += std::pow(static_cast<double>(logits[i]) - static_cast<double>(expected[i]), 2.0);
    error.rms.push_back(std::sqrt(squares / static_cast<double>(logits.size())) / golden.logit_std);
    const auto best = std::max_element(expected.begin(), expected.end());
    float second = -INFINITY;
    for (auto at = expected.begin(); at != expected.end(); ++at) second = at == best ? second : std::max(second, *at);
    const auto own = std::max_element(logits.begin(), logits.end()) - logits.begin();
    if (static_cast<double>(*best - second) > gap && own != best - expected.begin()) ++error.flipped;
  });
  std::sort(error.rms.begin(), error.rms.end());
  return error;
}

}  // namespace

TEST_CASE("a cache on the CUDA device that keeps a window and sinks gives transformers' logits under that mask") {
  check_kv_policies([] { return make_cuda_device(); });
}

TEST_CASE("bfloat16 logits of the CUDA device stay within the rounding that the type explains") {
  for (const auto& folder : golden_folders(fixtures_dir() / "engine")) {
    CAPTURE(folder.string());
    const Golden golden = read_golden(folder);
    const auto file = formats::open_model_file(folder);
    const bool experts = file->config().experts > 0;  // one flipped expert moves a whole token: the median is held instead
    const Bf16Error error = compare_bf16(golden, *file, experts ? 1.5 : 0.5);
    REQUIRE(error.rms.size() == golden.token_ids.size());
    double squares = 0.0;
    for (const double rms : error.rms) squares += rms * rms / static_cast<double>(error.rms.size());
    CHECK((experts ? error.rms[error.rms.size() / 2] : std::sqrt(squares)) <= 0.05);
    CHECK(error.flipped == 0);
  }
}

#ifdef QB_CUDA_EMULATED
TEST_CASE("a device that gives a block 99 KB of shared memory, as sm_86 and sm_89 do, computes the same") {
  const auto before = kernels::cuda_emulated::emulation_settings();
  auto small = before;
  small.shared_bytes_per_block = 99 * 1024;
  kernels::cuda_emulated::set_emulation(small);
  for (const auto& folder : golden_folders(fixtures_dir() / "engine")) {
    CAPTURE(folder.string());
    const Golden golden = read_golden(folder);
    const auto file = formats::open_model_file(folder);
    const bool experts = file->config().experts > 0;
    const Bf16Error error = compare_bf16(golden, *file, experts ? 1.5 : 0.5);
    CHECK(error.rms[error.rms.size() / 2] <= 0.05);
    CHECK(error.flipped == 0);
  }
  kernels::cuda_emulated::set_emulation(before);
}
#endif

TEST_CASE("float32 logits and greedy tokens of the CUDA device equal transformers' on every committed model") {
  const auto folders = golden_folders(fixtures_dir() / "engine");
  REQUIRE(folders.size() >= 10);
  for (const auto& folder : folders) check_folder(folder);
}

TEST_CASE("float32 logits and greedy tokens of the CUDA device equal transformers' on every shared golden model") {
  const auto shared = shared_data_dir();
  if (!shared) return report_skip("golden models on the CUDA device", "no shared test data");
  const auto folders = golden_folders(*shared / "golden");
  REQUIRE(folders.size() >= 8);
  for (const auto& folder : folders) check_folder(folder);
}

}  // namespace qbench::test
