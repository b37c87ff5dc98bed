#include "backend/paths.h"

#include <doctest/doctest.h>

#include "base/error.h"

namespace qbench::backend {

TEST_CASE("each kind of device lists the paths that it has, and one is switched off by its name") {
  CHECK(path_names(DeviceKind::kCpu) == std::vector<std::string_view>{"flash", "fusion", "repack", "simd"});
  CHECK(path_names(DeviceKind::kCuda) == std::vector<std::string_view>{"flash", "graph", "fusion", "pdl"});
  for (const DeviceKind kind : {DeviceKind::kCpu, DeviceKind::kCuda, DeviceKind::kCudaEmulated}) {
    for (const std::string_view name : path_names(kind)) {
      const Paths paths = paths_without(name, kind, "--ablate");
      CHECK(!path_is_on(paths, name));
      for (const std::string_view other : path_names(kind)) CHECK(path_is_on(paths, other) == (other != name));
      CHECK(same_weights(paths, Paths{}) == (name != "repack" && name != "simd"));
      CHECK(describe_paths(paths, kind) != describe_paths(Paths{}, kind));
    }
  }
  CHECK(describe_paths({}, DeviceKind::kCpu) == "flash, fused, repacked, simd");
  CHECK(describe_paths({.flash = false, .pdl = false}, DeviceKind::kCudaEmulated) == "materialised, graph, fused, serial");
}

TEST_CASE("a path that a device lacks is refused with the list of those it has") {
  CHECK_THROWS_WITH_AS(paths_without("graph", DeviceKind::kCpu, "--ablate"),
                       "--ablate: 'graph' is nothing that the CPU can switch off; it has flash, fusion, repack, simd", Error);
  CHECK_THROWS_WITH_AS(paths_without("tf32", DeviceKind::kCuda, "--ablate"),
                       "--ablate: 'tf32' is nothing that CUDA can switch off (float32 weights never meet tensor cores here, so there is no "
                       "tf32 to switch off); it has flash, graph, fusion, pdl",
                       Error);
}

}  // namespace qbench::backend
