#include <algorithm>
#include <cstdint>
#include <vector>

#include "backend/cuda/cuda_backend_impl.h"
#include "base/check.h"
#include "kernels/cuda/blas.h"
#include "kernels/cuda/dequantise.h"
#include "kernels/cuda/matmul_few.h"
#include "kernels/cuda/matvec_columns.h"

// Products of several tokens: which kernel does which, and what it needs.

namespace qbench::backend::QB_CUDA_NAMESPACE {
namespace {

/// Fewer tokens are bounded by the weights' bytes, which matmul_few streams as well, and in a captured graph.
constexpr std::int32_t kFewestBlasTokens = kernels::kMatmulFewTokens + 1;
/// Dequantising costs 4.5 bytes for each weight (0.5 read, 2 written, 2 read again): 1.05 ps at 4.3 TB/s. Against the library's product at
/// an assumed 630 TFLOP/s, mma.sync tiles at half of that lose 3.2 ps for 1,000 tokens: even at 330 tokens. Calculated, not measured.
constexpr std::int32_t kFewestDequantisedTokens = 512;
/// Of a tile of dequantised rows: 7 or more waves of the library's tiles over an H200, for any model's width.
constexpr std::int64_t kDequantisedBytes = std::int64_t{64} << 20;

bool is_f16(const kernels::WeightRows& w) { return w.dtype == tensor::DType::kF16; }

}  // namespace

/// matvec_columns reads 32 to 40 bytes of shared memory for each unit of weights and token: from 5 tokens of a float type, 9 of a quantised
/// one, that and not the weights' bytes would bound it, while tensor cores stay far from their limit up to 64 tokens. Rows so wide that the
/// activations of several tokens do not fit side by side go there from two tokens on: else each token would read all weights.
bool CudaBackend::multiplies_tiles(const kernels::WeightRows& w, std::int64_t tokens) const {
  if (!kernels::matmul_reads(w.dtype) || tokens == 1) return false;
  return tokens > (kernels::reads_int8(w.dtype) ? 8 : 4) || kernels::matvec_columns_of(w, tokens, shared_limit()) == 1;
}

bool CudaBackend::shares_weights(const CudaMatrix& matrix, std::int64_t tokens) const {
  return std::any_of(matrix.parts().begin(), matrix.parts().end(),
                     [&](const CudaMatrix::Part& part) { return multiplies_tiles(part.rows, tokens); }) ||
         kernels::matvec_columns_of(matrix.parts()[0].rows, tokens, shared_limit()) > 1;
}

/// The tensor cores' operand, in the 16-bit type of weights that it will meet.
const unsigned short* CudaBackend::prepare(const kernels::MatvecArguments& a, std::int64_t cols, bool f16) {
  kernels::PrepareRowsArguments p{};
  p.x = a.x;
  p.x_rows = a.x_rows;
  p.norm = a.norm;
  p.rms_eps = a.rms_eps;
  p.tokens = a.tokens;
  p.cols = static_cast<std::int32_t>(cols);
  p.h = need<unsigned short>(prepared_, a.tokens * kernels::prepared_cols(cols));
  p.f16 = f16;
  p.programmatic = programmatic_;
  graph_.add(p);
  return p.h;
}

void CudaBackend::multiply_tiles(const kernels::MatmulArguments& m) {
  if (m.tokens > kernels::matmul_few_most(shared_limit())) return graph_.add(m);
  graph_.add(kernels::MatmulFewArguments{m, need<float>(few_partial_, kernels::matmul_few_partial_numbers(m.tokens, properties_.sm_count)),
                                         need(few_tickets_, kernels::matmul_few_tiles(m.rows))});
}

/// The product by the library, of quantised weights through tiles of rows as BF16. False where the library does not do it; nothing has been
/// gathered then.
bool CudaBackend::multiply_blas(const kernels::MatmulArguments& m, const float* bias) {
  const bool quantised = kernels::is_decoded(m.w.dtype);
  if (blas_ == nullptr || m.tokens < (quantised ? kFewestDequantisedTokens : kFewestBlasTokens)) return false;
  if (reinterpret_cast<std::uintptr_t>(m.y) % 16 != 0 || m.y_stride % 4 != 0) return false;
  const std::int64_t h_cols = kernels::prepared_cols(m.w.cols);
  const std::int64_t w_stride = quantised ? h_cols : m.w.row_bytes / 2;
  // Equal tiles, multiples of the library's own.
  const std::int64_t most = quantised ? std::max<std::int64_t>(kDequantisedBytes / (2 * h_cols) / 128 * 128, 128) : m.rows;
  const std::int64_t tiles = (m.rows + most - 1) / most;
  const std::int64_t tile = quantised ? ((m.rows + tiles - 1) / tiles + 127) / 128 * 128 : m.rows;
  auto* workspace = need<unsigned char>(blas_workspace_, static_cast<std::int64_t>(kBlasWorkspaceBytes));
  unsigned short* dequantised = quantised ? need<unsigned short>(dequantised_, std::min<std::int64_t>(tile, m.rows) * h_cols) : nullptr;
  std::vector<kernels::BlasArguments> products;
  for (std::int64_t first = 0; first < m.rows; first += tile) {
    kernels::BlasArguments a{};
    a.blas = blas_.get();
    a.shape.dtype = is_f16(m.w) ? tensor::DType::kF16 : tensor::DType::kBF16;
    a.shape.rows = static_cast<std::int32_t>(std::min(tile, m.rows - first));
    a.shape.tokens = m.tokens;
    a.shape.cols = static_cast<std::int32_t>(std::min(h_cols, w_stride));  // beyond the matrix's own both are zero
    a.shape.w_stride = w_stride;
    a.shape.h_stride = h_cols;
    a.shape.y_stride = m.y_stride;
    a.shape.accumulate = m.accumulate;
    a.shape.bias = bias != nullptr;
    a.w = quantised ? static_cast<const void*>(dequantised) : m.w.data;
    a.h = m.h;
    a.bias = bias == nullptr ? nullptr : bias + first;
    a.y = m.y + first;
    a.workspace = workspace;
    const auto algorithm = tuner_->algorithm_for(a.shape, [&](const kernels::BlasShape&, const kernels::BlasAlgorithm& candidate) {
      a.algorithm = candidate;
      return time_product(a);
    });
    if (!algorithm) return false;
    a.algorithm = *algorithm;
    products.push_back(a);
  }
  std::int64_t first = 0;
  for (const kernels::BlasArguments& product : products) {
    if (quantised) {
      kernels::WeightRows rows = m.w;
      rows.data += first * rows.row_bytes;
      graph_.add(kernels::DequantiseArguments{rows, product.shape.rows, dequantised, programmatic_});
    }
    graph_.add(product);
    first += product.shape.rows;
  }
  return true;
}

/// Milliseconds of the product on whatever numbers lie there; the sums go elsewhere where they would be added to something.
std::optional<double> CudaBackend::time_product(kernels::BlasArguments a) {
  constexpr int kTimes = 3;
  if (!blas_->does(a.shape, a.algorithm, kBlasWorkspaceBytes)) return std::nullopt;
  kernels::DeviceMemory elsewhere;
  if (a.shape.accumulate) {
    elsewhere = kernels::DeviceMemory(static_cast<std::size_t>(a.shape.tokens * a.shape.y_stride) * sizeof(float));
    fill_zero(elsewhere.data(), elsewhere.bytes(), stream_);
    a.y = elsewhere.as<float>();
  }
  kernels::Event start, end;
  blas_->multiply(a, stream_);
  start.record(stream_);
  for (int i = 0; i < kTimes; ++i) blas_->multiply(a, stream_);
  end.record(stream_);
  stream_.synchronize();
  return static_cast<double>(end.elapsed_ms_since(start)) / kTimes;
}

/// One launch for each part of the matrix, since parts differ in type. Many tokens go to the tensor cores where these read the type,
/// others share the weights in registers where their activations fit side by side.
bool CudaBackend::multiply(const CudaMatrix& matrix, kernels::MatvecArguments a, const float* bias) {
  const unsigned short* prepared = nullptr;
  bool prepared_f16 = false;
  bool bias_added = false;
  for (const CudaMatrix::Part& part : matrix.parts()) {
    const auto rows = static_cast<std::int32_t>(part.count);
    if (multiplies_tiles(part.rows, a.tokens)) {
      if (prepared == nullptr || prepared_f16 != is_f16(part.rows)) {
        prepared_f16 = is_f16(part.rows);
        prepared = prepare(a, matrix.cols(), prepared_f16);
      }
      const kernels::MatmulArguments m{part.rows, rows, a.tokens, prepared, a.y, a.y_stride, a.accumulate, programmatic_, {},
                                       kernels::matmul_stages(shared_limit())};
      const float* own_bias = matrix.parts().size() == 1 ? bias : nullptr;
      if (multiply_blas(m, own_bias)) {
        bias_added = own_bias != nullptr;
      } else {
        multiply_tiles(m);
      }
    } else {
      a.w = part.rows;
      a.rows = rows;
      a.programmatic = programmatic_;
      if (const std::int32_t columns = kernels::matvec_columns_of(part.rows, a.tokens, shared_limit()); columns > 1) {
        graph_.add(kernels::MatvecColumnsArguments{a, columns});
      } else {
        graph_.add(a);
      }
    }
    a.y += part.count;
  }
  return bias_added;
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
