#include <doctest/doctest.h>

#include "backend/cuda/cuda_backend.h"
#include "engine/golden.h"
#include "test_support.h"

namespace qbench::test {
namespace {

constexpr double kTolerance = 1e-3;  // of the logits' standard deviation, as on the CPU

void check_folder(const std::filesystem::path& folder) {
  CAPTURE(folder.string());
  const Golden golden = read_golden(folder);
  const auto file = formats::open_model_file(folder);
  const auto device = backend::cuda_emulated::make_cuda_backend();
  const GoldenError error = compare_with_golden(golden, *file, *device);
  CHECK(error.worst < kTolerance);
  CHECK(error.same_greedy);
}

}  // namespace

TEST_CASE("float32 logits and greedy tokens of the emulated CUDA device equal transformers' on every committed model") {
  const auto folders = golden_folders(fixtures_dir() / "engine");
  REQUIRE(folders.size() >= 10);
  for (const auto& folder : folders) check_folder(folder);
}

TEST_CASE("float32 logits and greedy tokens of the emulated CUDA device equal transformers' on every shared golden model") {
  const auto shared = shared_data_dir();
  if (!shared) return report_skip("golden models on cuda-emulated", "no shared test data");
  const auto folders = golden_folders(*shared / "golden");
  REQUIRE(folders.size() >= 8);
  for (const auto& folder : folders) check_folder(folder);
}

}  // namespace qbench::test
