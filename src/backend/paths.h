#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qbench::backend {

enum class DeviceKind { kCpu, kCuda, kCudaEmulated };

/// Ways to compute the same that a device can be told to leave, so that what each is worth can be measured. All are on unless asked otherwise.
struct Paths {
  bool flash = true;   ///< attention with an online softmax; off: all scores written to memory, softmax and values as steps of their own
  bool graph = true;   ///< CUDA: a repeated step replays as one graph; off: launched kernel by kernel
  bool fusion = true;  ///< steps fused as the interface has them; off: norm, projections, bias, rotation, append, SiLU each on its own
  bool pdl = true;     ///< CUDA: a kernel may start before its predecessor ends (programmatic dependent launch), where the device has it
  bool repack = true;  ///< CPU: weights laid out for the vector units at load; off: rows as the file has them
  bool simd = true;    ///< CPU: the best instruction set; off: the scalar kernels
  bool operator==(const Paths&) const = default;
};

/// What --ablate and the records call the paths that a kind of device has, in the order in which they are listed.
std::vector<std::string_view> path_names(DeviceKind kind);

/// All paths on but this one. Error{kUsage} where the device has no such path, listing those it has; `where` names the option.
Paths paths_without(std::string_view name, DeviceKind kind, std::string_view where);

/// The flag behind a name of path_names().
bool path_is_on(const Paths& paths, std::string_view name);

/// Whether the two differ in what is decided when weights are loaded: they then need two copies of the weights.
bool same_weights(const Paths& a, const Paths& b);

/// What ran, one word for each path of the device: "flash, graph, fused, pdl"; "materialised, graph, fused, pdl" with flash off.
std::string describe_paths(const Paths& paths, DeviceKind kind);

}  // namespace qbench::backend
