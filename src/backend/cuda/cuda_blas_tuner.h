#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernels/cuda/blas.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

namespace kernels = qbench::kernels::QB_CUDA_NAMESPACE;

/// Which of the library's ways to use for a shape: each is timed once, the fastest is kept in memory and in a file, by device and version
/// of the library. Shapes that differ only in their number of tokens share a way from one power of two to the next.
///
/// The file is text: a head line, then a line for each shape,
///   device <tab> library <tab> bf16 rows tokens cols w_stride h_stride y_stride accumulate bias <tab> workspace <tab> eight hex words
///   <tab> ms
/// Lines of other devices and versions are kept; those that cannot be read are left out with a line of the debug log. A file that cannot be
/// written costs the next run its timings and nothing else.
class BlasTuner {
 public:
  /// Milliseconds that one product takes; nothing where the library refuses it.
  using TimeProduct = std::function<std::optional<double>(const kernels::BlasShape&, const kernels::BlasAlgorithm&)>;

  /// `file` empty: nothing is kept on disk. `blas` outlives the tuner.
  BlasTuner(kernels::Blas& blas, std::string device, std::filesystem::path file, std::uint64_t workspace_bytes);

  /// The way to do this shape; nothing where the library has none: the product is then somebody else's.
  std::optional<kernels::BlasAlgorithm> algorithm_for(const kernels::BlasShape& shape, const TimeProduct& time);

 private:
  struct Entry {
    kernels::BlasAlgorithm algorithm;
    double ms = 0.0;
  };
  std::string key_of(const kernels::BlasShape& shape) const;
  std::map<std::string, Entry> read_file() const;
  void save() const;

  kernels::Blas& blas_;
  std::string device_, library_;
  std::filesystem::path file_;
  std::uint64_t workspace_bytes_;
  std::map<std::string, Entry> known_;                                   ///< from the file or timed, by key
  std::map<std::string, std::optional<kernels::BlasAlgorithm>> chosen_;  ///< checked in this process
};

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
