#include "backend/paths.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"

namespace qbench::backend {
namespace {

struct Path {
  std::string_view name;
  bool Paths::*flag;
  std::string_view on, off;  // what a record says
  bool on_cpu, on_cuda;
};

constexpr Path kPaths[] = {
    {"flash", &Paths::flash, "flash", "materialised", true, true},    {"graph", &Paths::graph, "graph", "launches", false, true},
    {"fusion", &Paths::fusion, "fused", "unfused", true, true},       {"pdl", &Paths::pdl, "pdl", "serial", false, true},
    {"repack", &Paths::repack, "repacked", "file layout", true, false}, {"simd", &Paths::simd, "simd", "scalar", true, false},
};

bool has(const Path& path, DeviceKind kind) { return kind == DeviceKind::kCpu ? path.on_cpu : path.on_cuda; }

const Path& find(std::string_view name) {
  const auto* found = std::find_if(std::begin(kPaths), std::end(kPaths), [&](const Path& path) { return path.name == name; });
  QB_CHECK(found != std::end(kPaths));
  return *found;
}

}  // namespace

std::vector<std::string_view> path_names(DeviceKind kind) {
  std::vector<std::string_view> names;
  for (const Path& path : kPaths) {
    if (has(path, kind)) names.push_back(path.name);
  }
  return names;
}

Paths paths_without(std::string_view name, DeviceKind kind, std::string_view where) {
  const std::vector<std::string_view> names = path_names(kind);
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    const std::string_view tf32 = name == "tf32" ? " (float32 weights never meet tensor cores here, so there is no tf32 to switch off)" : "";
    throw Error(ErrorCode::kUsage,
                fmt::format("'{}' is nothing that {} can switch off{}; it has {}", name, kind == DeviceKind::kCpu ? "the CPU" : "CUDA", tf32,
                            fmt::join(names, ", ")),
                std::string(where));
  }
  Paths paths;
  paths.*find(name).flag = false;
  return paths;
}

bool path_is_on(const Paths& paths, std::string_view name) { return paths.*find(name).flag; }

bool same_weights(const Paths& a, const Paths& b) { return a.repack == b.repack && a.simd == b.simd; }

std::string describe_paths(const Paths& paths, DeviceKind kind) {
  std::string text;
  for (const Path& path : kPaths) {
    if (!has(path, kind)) continue;
    if (!text.empty()) text += ", ";
    text += paths.*path.flag ? path.on : path.off;
  }
  return text;
}

}  // namespace qbench::backend
