#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/cuda/matvec.h"
#include "kernels/cuda/runtime.h"
#include "tensor/dtype.h"

/// Products of many tokens by a library: cuBLASLt, found at run time and never linked (blas_cuda.cu), and a plain twin of it for the
/// emulated device (emulation/blas_host.cpp), so that all code around it runs without a GPU.
namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// y (tokens, rows) = (or +=) h (tokens, cols) w (rows, cols)^T (+ bias), 16 bits in, summed and stored in float32.
struct BlasShape {
  tensor::DType dtype = tensor::DType::kBF16;             ///< of w and h: kBF16 or kF16
  std::int32_t rows = 0, tokens = 0, cols = 0;            ///< cols a multiple of 8
  std::int64_t w_stride = 0, h_stride = 0, y_stride = 0;  ///< numbers from one row to the next; multiples of 8, 8 and 4
  bool accumulate = false, bias = false;

  bool operator==(const BlasShape&) const = default;
};

/// One way of the library to do a shape, in the library's own form.
struct BlasAlgorithm {
  std::array<std::uint64_t, 8> words{};
  std::uint64_t workspace_bytes = 0;

  bool operator==(const BlasAlgorithm&) const = default;
};

class Blas;

/// One product. w, h and y start at multiples of 16 bytes.
struct BlasArguments {
  Blas* blas;
  BlasShape shape;
  const void* w;            // (rows, w_stride)
  const unsigned short* h;  // (tokens, h_stride)
  const float* bias;        // (rows) or nullptr
  float* y;                 // (tokens, y_stride)
  BlasAlgorithm algorithm;
  void* workspace;  // (algorithm.workspace_bytes)

  bool operator==(const BlasArguments&) const = default;
};
constexpr Cost blas_cost(const BlasArguments& a) {
  const auto rows = static_cast<std::uint64_t>(a.shape.rows);
  const auto cols = static_cast<std::uint64_t>(a.shape.cols);
  const auto tokens = static_cast<std::uint64_t>(a.shape.tokens);
  return {2 * cols * (rows + tokens) + 4 * rows * tokens * (a.shape.accumulate ? 2 : 1), 2 * rows * cols * tokens};
}

class Blas {
 public:
  virtual ~Blas() = default;
  /// "cuBLASLt 13.0.2": what an algorithm is worth anything with.
  virtual std::string version() const = 0;
  /// At most `most` ways to do the shape, the library's favourite first; none where it does not do it.
  virtual std::vector<BlasAlgorithm> candidates(const BlasShape& shape, std::uint64_t workspace_bytes, int most) = 0;
  /// Whether an algorithm that was kept somewhere does this shape in that work memory.
  virtual bool does(const BlasShape& shape, const BlasAlgorithm& algorithm, std::uint64_t workspace_bytes) = 0;
  /// Asynchronous in the stream. Error{kDevice} when the library refuses.
  virtual void multiply(const BlasArguments& a, Stream& stream) = 0;
};

/// The library for the calling thread's device; nullptr where there is none: the products are then matmul's.
std::unique_ptr<Blas> open_blas();

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
