#include <algorithm>

#include "backend/cuda/cuda_backend_impl.h"
#include "base/check.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/matvec_columns.h"

// Products of several tokens: which kernel does which, and what it needs.

namespace qbench::backend::QB_CUDA_NAMESPACE {
namespace {

bool is_f16(const kernels::WeightRows& w) { return w.dtype == tensor::DType::kF16; }

}  // namespace

/// matvec_columns reads 32 to 40 bytes of shared memory for each unit of weights and token: from 5 tokens of a float type, 9 of a quantised
/// one, that and not the weights' bytes would bound it, while tensor cores stay far from their limit up to 64 tokens.
bool CudaBackend::multiplies_tiles(const kernels::WeightRows& w, std::int64_t tokens) {
  return kernels::matmul_reads(w.dtype) && tokens > (kernels::reads_int8(w.dtype) ? 8 : 4);
}

bool CudaBackend::shares_weights(const CudaMatrix& matrix, std::int64_t tokens) const {
  return std::any_of(matrix.parts().begin(), matrix.parts().end(),
                     [&](const CudaMatrix::Part& part) { return multiplies_tiles(part.rows, tokens); }) ||
         kernels::matvec_columns_of(matrix.parts()[0].rows, tokens) > 1;
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
  if (m.tokens > kernels::kMatmulFewTokens) return graph_.add(m);
  graph_.add(kernels::MatmulFewArguments{m, need<float>(few_partial_, kernels::matmul_few_partial_numbers(m.tokens, properties_.sm_count)),
                                         need(few_tickets_, kernels::matmul_few_tiles(m.rows))});
}

/// One launch for each part of the matrix, since parts differ in type. Many tokens go to the tensor cores where these read the type,
/// others share the weights in registers where their activations fit side by side.
void CudaBackend::multiply(const CudaMatrix& matrix, kernels::MatvecArguments a) {
  const unsigned short* prepared = nullptr;
  bool prepared_f16 = false;
  for (const CudaMatrix::Part& part : matrix.parts()) {
    const auto rows = static_cast<std::int32_t>(part.count);
    if (multiplies_tiles(part.rows, a.tokens)) {
      if (prepared == nullptr || prepared_f16 != is_f16(part.rows)) {
        prepared_f16 = is_f16(part.rows);
        prepared = prepare(a, matrix.cols(), prepared_f16);
      }
      multiply_tiles({part.rows, rows, a.tokens, prepared, a.y, a.y_stride, a.accumulate, programmatic_, {}});
    } else {
      a.w = part.rows;
      a.rows = rows;
      a.programmatic = programmatic_;
      if (kernels::matvec_columns_of(part.rows, a.tokens) > 1) {
        graph_.add(kernels::MatvecColumnsArguments{a});
      } else {
        graph_.add(a);
      }
    }
    a.y += part.count;
  }
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
