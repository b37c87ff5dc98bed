#include "kernels/cuda/blas.h"

#include <cstring>

#include "base/error.h"
#include "kernels/cuda/emulation/launch.h"
#include "kernels/cuda/emulation/machine.h"
#include "tensor/float_formats.h"

/// The twin of cuBLASLt: the same interface, plain loops.
namespace qbench::kernels::cuda_emulated {
namespace {

using emulation::machine;

float to_float(tensor::DType dtype, std::uint16_t bits) {
  return dtype == tensor::DType::kF16 ? tensor::f32_from_f16(bits) : tensor::f32_from_bf16(bits);
}

void require_device(const void* data, std::int64_t bytes, const char* what) {
  if (reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && machine().heap.contains(data, static_cast<std::size_t>(bytes))) return;
  throw Error(ErrorCode::kDevice,
              std::string("matrix product: ") + what + " of " + std::to_string(bytes) +
                  " bytes does not lie in device memory at a multiple of 16 bytes",
              "cuda-emulated");
}

void check(const BlasArguments& a) {
  const BlasShape& s = a.shape;
  const bool whole = s.rows > 0 && s.tokens > 0 && s.cols > 0 && s.cols % 8 == 0 && s.w_stride % 8 == 0 && s.h_stride % 8 == 0 &&
                     s.y_stride % 4 == 0 && s.w_stride >= s.cols && s.h_stride >= s.cols && s.y_stride >= s.rows &&
                     s.bias == (a.bias != nullptr);
  if (!whole) throw Error(ErrorCode::kDevice, "matrix product: sizes or strides that the library does not take", "cuda-emulated");
  require_device(a.w, 2 * ((s.rows - 1) * s.w_stride + s.cols), "w");
  require_device(a.h, 2 * ((s.tokens - 1) * s.h_stride + s.cols), "h");
  require_device(a.y, 4 * ((s.tokens - 1) * s.y_stride + s.rows), "y");
  if (a.algorithm.workspace_bytes > 0) require_device(a.workspace, static_cast<std::int64_t>(a.algorithm.workspace_bytes), "workspace");
}

void multiply_plainly(const BlasArguments& a) {
  const BlasShape& s = a.shape;
  std::vector<float> w(static_cast<std::size_t>(s.cols)), h(static_cast<std::size_t>(s.cols) * static_cast<std::size_t>(s.tokens));
  for (std::int64_t t = 0; t < s.tokens; ++t) {
    for (std::int64_t c = 0; c < s.cols; ++c) h[static_cast<std::size_t>(t * s.cols + c)] = to_float(s.dtype, a.h[t * s.h_stride + c]);
  }
  for (std::int64_t r = 0; r < s.rows; ++r) {
    const auto* row = static_cast<const std::uint16_t*>(a.w) + r * s.w_stride;
    for (std::int64_t c = 0; c < s.cols; ++c) w[static_cast<std::size_t>(c)] = to_float(s.dtype, row[c]);
    for (std::int64_t t = 0; t < s.tokens; ++t) {
      const float* x = h.data() + t * s.cols;
      float sums[8] = {};
      for (std::int64_t c = 0; c < s.cols; c += 8) {
        for (std::size_t i = 0; i < 8; ++i) sums[i] += w[static_cast<std::size_t>(c) + i] * x[static_cast<std::size_t>(c) + i];
      }
      float sum = s.bias ? a.bias[r] : 0.0F;
      for (const float part : sums) sum += part;
      float& y = a.y[t * s.y_stride + r];
      y = s.accumulate ? y + sum : sum;
    }
  }
}

class HostBlas final : public Blas {
 public:
  std::string version() const override { return "host twin of cuBLASLt"; }
  /// Two that do the same, so that there is something to time.
  std::vector<BlasAlgorithm> candidates(const BlasShape&, std::uint64_t, int) override { return {BlasAlgorithm{}, BlasAlgorithm{{1}, 64}}; }
  bool does(const BlasShape&, const BlasAlgorithm& algorithm, std::uint64_t workspace_bytes) override {
    return algorithm.words[0] <= 1 && algorithm.workspace_bytes <= workspace_bytes;
  }
  void multiply(const BlasArguments& a, Stream& stream) override {
    check(a);
    emulation::submit_host(stream, [a] { multiply_plainly(a); });
  }
};

}  // namespace

std::unique_ptr<Blas> open_blas() { return std::make_unique<HostBlas>(); }

}  // namespace qbench::kernels::cuda_emulated
