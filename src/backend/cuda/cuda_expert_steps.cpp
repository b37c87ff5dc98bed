#include <algorithm>

#include <fmt/format.h>

#include "backend/cuda/cuda_backend_impl.h"
#include "base/check.h"
#include "base/error.h"
#include "kernels/cuda/expert_groups.h"
#include "kernels/cuda/experts.h"
#include "kernels/cuda/matmul_few.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {
namespace {

/// Rows that one launch numbers in its grid.
constexpr std::int64_t kMostSlots = 65535;

void check_shapes(const ExpertInput& input, const CudaMatrix& router) {
  const std::int64_t experts = router.rows();
  const std::int64_t hidden = router.cols();
  const std::int64_t ffn = input.down[0]->cols();
  if (experts > kernels::kMostExperts) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the CUDA kernels do layers of up to {} experts, not {}; use --device cpu", kernels::kMostExperts, experts), "experts");
  }
  QB_CHECK(input.used > 0 && input.used <= experts && router.parts().size() == 1);
  QB_CHECK(static_cast<std::int64_t>(input.gate_up.size()) == experts && static_cast<std::int64_t>(input.down.size()) == experts);
  QB_CHECK(input.norm->size() >= hidden);
  for (std::size_t e = 0; e < input.down.size(); ++e) {
    QB_CHECK(input.gate_up[e]->rows() == 2 * ffn && input.gate_up[e]->cols() == hidden);
    QB_CHECK(input.down[e]->rows() == hidden && input.down[e]->cols() == ffn && own(*input.down[e]).parts().size() == 1);
  }
}

}  // namespace

void CudaBackend::norm_experts_residual(const ExpertInput& input, Buffer& x) {
  const CudaMatrix& matrix = own(*input.router);
  const std::int64_t tokens = batch_.tokens();
  QB_CHECK(batch_.open && x.size() >= tokens * matrix.cols());
  check_shapes(input, matrix);
  const kernels::ExpertPointers* table = expert_table(input);
  const std::int64_t slots = tokens * input.used;
  kernels::RouterArguments r{};
  r.router = matrix.parts()[0].rows;
  r.experts = static_cast<std::int32_t>(matrix.rows());
  r.used = static_cast<std::int32_t>(input.used);
  r.tokens = batch_.tokens();
  r.renormalize = input.renormalize;
  r.x = own(x).data();
  r.norm = own(*input.norm).data();
  r.rms_eps = input.rms_eps;
  r.logits = need<float>(logits_, tokens * matrix.rows());
  r.tickets = need(router_tickets_, tokens);
  r.ids = need<std::int32_t>(expert_ids_, slots);
  r.weights = need<float>(expert_weights_, slots);
  r.programmatic = programmatic_;
  route(r);
  const bool tiles =
      multiplies_tiles(own(*input.gate_up[0]).from_row(0), tokens) && multiplies_tiles(own(*input.down[0]).from_row(0), tokens);
  // Grouping pays where experts get several tokens each: then their weights are read once for all of them.
  if (tiles && slots >= r.experts && slots <= kMostSlots) {
    run_groups(input, r, table, own(x).data());
  } else {
    run_slots(input, r, table, own(x).data());
  }
}

/// Few tokens in one launch; more by a product that shares the rows, and a launch that chooses.
void CudaBackend::route(const kernels::RouterArguments& r) {
  constexpr std::int32_t kMostFused = 4;
  const std::int32_t columns = kernels::matvec_columns_of(r.router, r.tokens, shared_limit());
  if (r.tokens <= kMostFused || columns == 1) return graph_.add(r);
  kernels::MatvecArguments m{};
  m.w = r.router;
  m.rows = r.experts;
  m.tokens = r.tokens;
  m.x = r.x;
  m.norm = r.norm;
  m.rms_eps = r.rms_eps;
  m.y = r.logits;
  m.y_stride = r.experts;
  m.programmatic = r.programmatic;
  graph_.add(kernels::MatvecColumnsArguments{m, columns});
  graph_.add(kernels::ChooseExpertsArguments{r});
}

/// Few tokens: each slot reads its expert's weights.
void CudaBackend::run_slots(const ExpertInput& input, const kernels::RouterArguments& routed, const kernels::ExpertPointers* table,
                            float* x) {
  const std::int64_t ffn = input.down[0]->cols();
  kernels::ExpertGateUpArguments g{};
  g.gate = own(*input.gate_up[0]).from_row(0);
  g.up = own(*input.gate_up[0]).from_row(ffn);
  g.experts = table;
  g.ids = routed.ids;
  g.used = routed.used;
  g.tokens = routed.tokens;
  g.ffn = static_cast<std::int32_t>(ffn);
  g.x = x;
  g.norm = routed.norm;
  g.rms_eps = routed.rms_eps;
  g.middle = need<float>(middle_, std::int64_t{routed.tokens} * routed.used * ffn);
  g.programmatic = programmatic_;
  graph_.add(g);

  kernels::ExpertDownArguments d{};
  d.down = own(*input.down[0]).parts()[0].rows;
  check_staged(d.down, input.used);
  d.experts = table;
  d.ids = routed.ids;
  d.weights = routed.weights;
  d.used = routed.used;
  d.tokens = routed.tokens;
  d.hidden = static_cast<std::int32_t>(routed.router.cols);
  d.middle = g.middle;
  d.x = x;
  d.programmatic = programmatic_;
  graph_.add(d);
}

/// Many tokens: slots sorted by expert, grouped products on tensor cores.
void CudaBackend::run_groups(const ExpertInput& input, const kernels::RouterArguments& routed, const kernels::ExpertPointers* table,
                             float* x) {
  const std::int64_t ffn = input.down[0]->cols();
  const std::int64_t hidden = routed.router.cols;
  const std::int32_t slots = routed.tokens * routed.used;
  const std::int32_t tile_rows = kernels::group_tile_rows(slots, routed.experts, kernels::matmul_few_most(shared_limit()));
  const std::int32_t most = kernels::most_tiles(slots, routed.experts, tile_rows);
  auto* rows = need<std::int32_t>(group_rows_, 2LL * slots + 1);
  const kernels::GroupSlotsArguments s{routed.ids,         slots,        routed.used,  routed.experts,
                                       tile_rows,          rows,         rows + slots, need<kernels::ExpertTile>(group_tiles_, most),
                                       rows + 2LL * slots, programmatic_};
  auto* both = need<float>(group_both_, slots * 2 * ffn);
  auto* middle = need<float>(middle_, slots * ffn);
  auto* out = need<float>(group_out_, slots * hidden);
  auto* h = need<unsigned short>(prepared_, std::max(routed.tokens * kernels::prepared_cols(hidden), slots * kernels::prepared_cols(ffn)));
  graph_.add(s);

  const kernels::WeightRows gate_form = own(*input.gate_up[0]).from_row(0);
  const kernels::WeightRows down_form = own(*input.down[0]).parts()[0].rows;
  const auto prepare_for = [&](const kernels::WeightRows& form, const float* from, const float* norm, std::int32_t count,
                               std::int64_t cols) {
    graph_.add(kernels::PrepareRowsArguments{from, nullptr, norm, routed.rms_eps, count, static_cast<std::int32_t>(cols), h,
                                             form.dtype == tensor::DType::kF16, programmatic_});
  };
  prepare_for(gate_form, x, routed.norm, routed.tokens, hidden);
  // One pointer of an expert's three for each product.
  const auto* pointers = reinterpret_cast<const unsigned char* const*>(table);
  static_assert(sizeof(kernels::ExpertPointers) == 3 * sizeof(unsigned char*));
  const auto product = [&](int which, const kernels::WeightRows& form, std::int64_t form_rows, float* y, std::int64_t stride,
                           const std::int32_t* h_rows) {
    const kernels::MatmulArguments m{form,
                                     static_cast<std::int32_t>(form_rows),
                                     slots,
                                     h,
                                     y,
                                     stride,
                                     false,
                                     programmatic_,
                                     {s.tiles, s.tile_count, pointers + which, 3, most, tile_rows, h_rows},
                                     kernels::matmul_stages(shared_limit())};
    if (tile_rows < kernels::kMatmulTokens) {
      graph_.add(kernels::MatmulFewArguments{m, nullptr, nullptr});
    } else {
      graph_.add(m);
    }
  };
  product(0, gate_form, ffn, both, 2 * ffn, s.token_of_row);
  product(1, own(*input.gate_up[0]).from_row(ffn), ffn, both + ffn, 2 * ffn, s.token_of_row);
  graph_.add(kernels::SiluMulArguments{both, middle, static_cast<std::int32_t>(ffn), slots, programmatic_});
  prepare_for(down_form, middle, nullptr, slots, ffn);
  product(2, down_form, hidden, out, hidden, nullptr);
  graph_.add(kernels::CombineSlotsArguments{out, s.row_of_slot, routed.weights, routed.tokens, routed.used,
                                            static_cast<std::int32_t>(hidden), x, programmatic_});
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
