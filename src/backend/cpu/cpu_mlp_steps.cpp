#include <algorithm>
#include <numeric>

#include "backend/cpu/cpu_backend_impl.h"
#include "backend/cpu/cpu_cost.h"
#include "base/check.h"

namespace qbench::backend {
namespace cpu_kernels = kernels::cpu;
namespace {

/// Rows of gate and of up that one thread multiplies before it joins them, so that both are still in its cache.
constexpr std::int64_t kGateRows = 64;
constexpr std::int64_t kFewTokens = 8;

/// Where gate row 0 and up row 0 stand, when a share of the gate rows and the same share of the up rows can be multiplied together.
struct GateUp {
  const cpu_kernels::PackedMatrix* gate;
  const cpu_kernels::PackedMatrix* up;
  std::int64_t up_first;  ///< up row 0 within `up`
  std::int64_t granularity;
  bool aligned;
};

GateUp split_gate_up(const CpuMatrix& matrix) {
  const std::int64_t ffn = matrix.rows() / 2;
  if (matrix.parts() == 2 && matrix.part(0).rows() == ffn) {
    return {&matrix.part(0), &matrix.part(1), 0, std::lcm(matrix.part(0).row_granularity(), matrix.part(1).row_granularity()), true};
  }
  const std::int64_t granularity = matrix.part(0).row_granularity();
  return {&matrix.part(0), &matrix.part(0), ffn, granularity, matrix.parts() == 1 && ffn % granularity == 0};
}

}  // namespace

void CpuBackend::project_residual(const Matrix& w, const Buffer& in, Buffer& x) {
  const CpuMatrix& matrix = cpu(w);
  const std::int64_t tokens = batch_.tokens();
  QB_CHECK(batch_.open() && in.size() >= tokens * matrix.cols() && x.size() >= tokens * matrix.rows());
  KindSet kinds;
  kinds.add(matrix);
  stage_.plan({cpu(in).data(), nullptr, tokens, matrix.cols(), nullptr, 0.0F}, kinds);
  context_.pool.run([&](int thread) {
    const PreparedInput prepared = stage_.prepare(thread);
    multiply_share(context_, matrix, prepared, tokens, cpu(x).data(), matrix.rows(), true, thread);
  });
  count([&] { return product_cost(w, tokens, true); });
}

/// out (tokens, ffn) = silu(gate) * up for this thread's share of the rows; both (tokens, 2 ffn) holds the products.
void CpuBackend::gate_up_share(const CpuMatrix& gate_up, const PreparedInput& input, std::int64_t tokens, float* both, float* out,
                               int thread) {
  const std::int64_t ffn = gate_up.rows() / 2;
  const int threads = context_.pool.threads();
  const auto join = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = 0; t < tokens; ++t) {
      const float* gate = both + t * 2 * ffn;
      context_.elementwise.silu_mul(gate + begin, gate + ffn + begin, end - begin, out + t * ffn + begin);
    }
  };
  const GateUp parts = split_gate_up(gate_up);
  if (!parts.aligned) {
    multiply_share(context_, gate_up, input, tokens, both, 2 * ffn, false, thread);
    context_.pool.barrier();
    const cpu_kernels::Range range = cpu_kernels::partition(ffn, 16, thread, threads);
    if (range.size() > 0) join(range.begin, range.end);
    return;
  }
  const cpu_kernels::Range range = cpu_kernels::partition(ffn, parts.granularity, thread, threads);
  const std::int64_t step = tokens <= kFewTokens ? ffn : (kGateRows + parts.granularity - 1) / parts.granularity * parts.granularity;
  for (std::int64_t begin = range.begin; begin < range.end; begin += step) {
    const std::int64_t end = std::min(begin + step, range.end);
    float* up = both + (parts.up_first == 0 ? ffn : 0);  // the product writes row r at y + r
    parts.gate->multiply(input[static_cast<std::size_t>(parts.gate->input_kind())], tokens, both, 2 * ffn, begin, end, false);
    parts.up->multiply(input[static_cast<std::size_t>(parts.up->input_kind())], tokens, up, 2 * ffn, parts.up_first + begin,
                       parts.up_first + end, false);
    join(begin, end);
  }
}

void CpuBackend::norm_gate_up(const Buffer& norm, float rms_eps, const Matrix& gate_up, const Buffer& x, Buffer& out) {
  const CpuMatrix& matrix = cpu(gate_up);
  const std::int64_t tokens = batch_.tokens();
  QB_CHECK(batch_.open() && matrix.rows() % 2 == 0 && norm.size() >= matrix.cols());
  QB_CHECK(x.size() >= tokens * matrix.cols() && out.size() >= tokens * matrix.rows() / 2);
  float* both = rows_.need_numbers(tokens * matrix.rows(), "activations", context_.pool);
  KindSet kinds;
  kinds.add(matrix);
  stage_.plan({cpu(x).data(), nullptr, tokens, matrix.cols(), cpu(norm).data(), rms_eps}, kinds);
  context_.pool.run([&](int thread) {
    const PreparedInput prepared = stage_.prepare(thread);
    gate_up_share(matrix, prepared, tokens, both, cpu(out).data(), thread);
  });
  count([&] { return gate_up_cost(gate_up, tokens); });
}

void CpuBackend::norm_head(const Buffer& norm, float rms_eps, const Matrix& head, std::span<const std::int32_t> rows, const Buffer& x,
                           Buffer& logits) {
  const CpuMatrix& matrix = cpu(head);
  const auto wanted = static_cast<std::int64_t>(rows.size());
  if (wanted == 0) return;
  QB_CHECK(batch_.open() && norm.size() >= matrix.cols() && x.size() >= batch_.tokens() * matrix.cols());
  QB_CHECK(logits.size() >= wanted * matrix.rows());
  for (const std::int32_t row : rows) QB_CHECK(row >= 0 && row < batch_.tokens());
  KindSet kinds;
  kinds.add(matrix);
  stage_.plan({cpu(x).data(), rows.data(), wanted, matrix.cols(), cpu(norm).data(), rms_eps}, kinds);
  context_.pool.run([&](int thread) {
    const PreparedInput prepared = stage_.prepare(thread);
    multiply_share(context_, matrix, prepared, wanted, cpu(logits).data(), matrix.rows(), false, thread);
  });
  count([&] { return product_cost(head, wanted, false); });
}

}  // namespace qbench::backend
