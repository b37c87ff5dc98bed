#include <doctest/doctest.h>

#include "backend/cpu/cpu_backend.h"
#include "golden.h"
#include "kv_policy_cases.h"
#include "tampered.h"
#include "test_support.h"

namespace qbench::test {
namespace {

constexpr double kTolerance = 1e-3;  // of the logits' standard deviation: the limit; transformers' own float32 drifts by up to 5e-5

std::unique_ptr<backend::Backend> cpu(int threads = 2) {
  backend::CpuOptions options;
  options.threads = threads;
  return backend::make_cpu_backend(options);
}

void check_folder(const std::filesystem::path& folder) {
  CAPTURE(folder.string());
  const Golden golden = read_golden(folder);
  const auto file = formats::open_model_file(folder);
  const auto device = cpu();
  const GoldenError error = compare_with_golden(golden, *file, *device);
  CHECK(error.worst < kTolerance);
  CHECK(error.same_greedy);
}

}  // namespace

TEST_CASE("float32 logits and greedy tokens equal transformers' on every committed model") {
  const auto folders = golden_folders(fixtures_dir() / "engine");
  REQUIRE(folders.size() >= 10);
  for (const auto& folder : folders) check_folder(folder);
}

TEST_CASE("float32 logits and greedy tokens equal transformers' on every shared golden model") {
  const auto shared = shared_data_dir();
  if (!shared) return report_skip("golden models", "no shared test data");
  const auto folders = golden_folders(*shared / "golden");
  REQUIRE(folders.size() >= 8);
  for (const auto& folder : folders) check_folder(folder);
}

TEST_CASE("a cache that keeps a window and sinks gives transformers' logits under that mask, in memory for the window alone") {
  check_kv_policies([] { return cpu(); });
}

TEST_CASE("every instruction set of this machine gives transformers' logits") {
  const auto folder = fixtures_dir() / "engine" / "qwen3moe";
  const Golden golden = read_golden(folder);
  const auto file = formats::open_model_file(folder);
  const auto best = kernels::cpu::best_isa(kernels::cpu::detect_features());
  for (const auto isa : {kernels::cpu::Isa::kScalar, kernels::cpu::Isa::kAvx2, kernels::cpu::Isa::kAvx512}) {
    if (isa > best) {
      report_skip("golden logits with " + std::string(kernels::cpu::name_of(isa)), "this processor lacks it");
      continue;
    }
    backend::CpuOptions options;
    options.threads = 1;
    options.isa = isa;
    const auto device = backend::make_cpu_backend(options);
    CHECK(compare_with_golden(golden, *file, *device).worst < kTolerance);
  }
}

TEST_CASE("a weight matrix whose scale is wrong by under one percent fails the comparison") {
  const auto folder = fixtures_dir() / "engine" / "qwen3";
  const auto file = formats::open_model_file(folder);
  TamperedFile tampered(*file);
  tampered.nudge_bf16("blk.1.ffn_down.weight");
  CHECK(compare_with_golden(read_golden(folder), tampered, *cpu()).worst > kTolerance);
}

TEST_CASE("two swapped experts fail the comparison") {
  const auto folder = fixtures_dir() / "engine" / "qwen3moe";
  const auto file = formats::open_model_file(folder);
  TamperedFile tampered(*file);
  std::swap(tampered.entry("blk.0.expert.2.ffn_up.weight").data, tampered.entry("blk.0.expert.5.ffn_up.weight").data);
  CHECK(compare_with_golden(read_golden(folder), tampered, *cpu()).worst > kTolerance);
}

TEST_CASE("rotation frequencies that are off by one fail the comparison") {
  for (const char* name : {"qwen2-tied", "llama-untied"}) {
    const auto folder = fixtures_dir() / "engine" / name;
    const auto file = formats::open_model_file(folder);
    const auto device = cpu();
    OffByOneRope off(*device);
    CHECK(compare_with_golden(read_golden(folder), *file, off).worst > kTolerance);
  }
}

}  // namespace qbench::test
