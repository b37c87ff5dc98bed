#include <doctest/doctest.h>

#include "cuda_test_device.h"
#include "engine/golden.h"
#include "formats/model_file.h"
#include "test_support.h"

namespace qbench::test {

TEST_CASE("every path that CUDA can leave out gives transformers' logits and greedy tokens") {
  for (const std::string_view off : backend::path_names(backend::DeviceKind::kCuda)) {
    const backend::Paths paths = backend::paths_without(off, backend::DeviceKind::kCuda, "test");
    for (const char* name : {"qwen2-tied", "qwen2-window", "qwen3", "qwen3moe", "phi3"}) {
      CAPTURE(off);
      CAPTURE(name);
      const auto folder = fixtures_dir() / "engine" / name;
      const auto file = formats::open_model_file(folder);
      const auto device = make_cuda_device(1, {.paths = paths});
      CHECK(device->device().paths == backend::describe_paths(paths, backend::DeviceKind::kCuda));
      const GoldenError error = compare_with_golden(read_golden(folder), *file, *device);
      CHECK(error.worst < 1e-3);
      CHECK(error.same_greedy);
    }
  }
}

}  // namespace qbench::test
