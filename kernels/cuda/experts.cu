#include "kernels/cuda/experts.h"

#include "kernels/cuda/matvec_rows.cuh"

// Mixture of experts, three kernels: router with top-k, gate/up over (token, slot), down with the sum over a token's experts inside the
// row. Expert ids stay on the device, so a captured graph replays whatever they are.
//
// router      grid (tiles of experts, tokens): products as in matvec.cu; the last block of a token to arrive does softmax and top-k in its
// first
//             warp, whose lanes hold every 32nd expert.
// choose      grid (tokens / 8): a warp does softmax and top-k of one token whose logits are there.
// gate_up     grid (tiles of ffn, used, tokens): as gate_up in matvec.cu, with the expert's rows.
// down        grid (tiles of hidden, tokens): a block stages all `used` inputs, a warp then adds up its rows over the experts in their
// order:
//             no atomics, deterministic.
// Bytes: the chosen experts' weights once for each token.

namespace qbench::kernels::QB_CUDA_NAMESPACE {
namespace {

constexpr int kRows = 2;

/// Softmax and top-k of one token by one warp, whose lanes take every 32nd expert.
QB_DEVICE void choose_experts(const RouterArguments& a, int token) {
  const volatile float* logits = a.logits + static_cast<long long>(token) * a.experts;  // volatile: written by other multiprocessors
  float* probabilities = a.logits + static_cast<long long>(token) * a.experts;
  const int rounds = (a.experts + 31) / 32;
  float largest = -INFINITY;
  for (int i = 0; i < rounds; ++i) {
    const int e = 32 * i + lane();
    if (e < a.experts) largest = fmaxf(largest, logits[e]);
  }
  largest = warp_max(largest);
  float sum = 0.0F;
  for (int i = 0; i < rounds; ++i) {
    const int e = 32 * i + lane();
    if (e < a.experts) sum += expf(logits[e] - largest);
  }
  sum = warp_sum(sum);
  for (int i = 0; i < rounds; ++i) {
    const int e = 32 * i + lane();
    if (e >= a.experts) continue;
    const float p = expf(logits[e] - largest) / sum;
    probabilities[e] = p == p ? p : bits_to_float(0x7fc00000U);  // the lane's own numbers: no other reads them
  }
  // Keys order candidates: the larger probability first, the lower index among equals; a chosen one is struck out.
  float total = 0.0F;
  std::int32_t* ids = a.ids + static_cast<long long>(token) * a.used;
  float* weights = a.weights + static_cast<long long>(token) * a.used;
  for (int s = 0; s < a.used; ++s) {
    unsigned long long best = 0;
    for (int i = 0; i < rounds; ++i) {
      const int e = 32 * i + lane();
      if (e >= a.experts) continue;
      const float p = probabilities[e];
      unsigned bits;
      memcpy(&bits, &p, sizeof(bits));
      if (bits == 0xffffffffU) continue;              // struck out
      const unsigned rank = p == p ? bits + 1U : 0U;  // probabilities are not negative: their bits order like them; NaN last
      const unsigned long long key = (static_cast<unsigned long long>(rank) << 32) | (0xffffffffU - static_cast<unsigned>(e));
      best = key > best ? key : best;
    }
    best = warp_butterfly(best, 1, 16, [](unsigned long long one, unsigned long long other) { return other > one ? other : one; });
    const int chosen = static_cast<int>(0xffffffffU - static_cast<unsigned>(best & 0xffffffffU));
    float p = 0.0F;
    if (chosen % 32 == lane()) {
      p = probabilities[chosen];
      probabilities[chosen] = bits_to_float(0xffffffffU);
    }
    p = shuffle(p, chosen % 32);
    total += p;
    if (lane() == 0) {
      ids[s] = chosen;
      weights[s] = p;
    }
  }
  if (a.renormalize && lane() == 0) {
    for (int s = 0; s < a.used; ++s) weights[s] /= total;
  }
}

QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 2) router_kernel(RouterArguments a, int parts) {
  QB_DYNAMIC_SHARED(uint4, staged);
  QB_SHARED(float, partial, kMatvecWarps);
  QB_SHARED(float, sums, kMatvecWarps* kRows);
  QB_SHARED(unsigned, last, 1);
  const int token = block_y();
  const int row = block_x() * (kMatvecWarps / parts * kRows) + warp() / parts * kRows;
  const unsigned char* rows[kRows];
  for (int r = 0; r < kRows; ++r) {
    rows[r] = a.router.data + min_int(row + r, a.experts - 1) * a.router.row_bytes;
    prefetch_row(rows[r], a.router);
  }
  grid_dependency_wait();
  const float scale = stage_normalised(a.x + static_cast<long long>(token) * a.router.cols, a.norm, a.rms_eps, a.router, staged, partial);
  grid_dependency_trigger();
  float sum[kRows];
  multiply_rows(a.router, rows, staged_view(staged, a.router), warp() % parts, parts, sum);
  join_parts(sum, parts, sums);
  if (warp() % parts == 0 && lane() < kRows && row + lane() < a.experts) {
    a.logits[static_cast<long long>(token) * a.experts + row + lane()] = scale * (lane() == 0 ? sum[0] : sum[1]);
  }
  if (!last_to_arrive(a.tickets + token, static_cast<unsigned>(grid_x()), last)) return;
  if (warp() == 0) choose_experts(a, token);
}

QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 2) choose_experts_kernel(RouterArguments a) {
  grid_dependency_wait();
  grid_dependency_trigger();
  const int token = block_x() * kMatvecWarps + warp();
  if (token < a.tokens) choose_experts(a, token);
}

QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 2) expert_gate_up_kernel(ExpertGateUpArguments a, int parts) {
  QB_DYNAMIC_SHARED(uint4, staged);
  QB_SHARED(float, partial, kMatvecWarps);
  QB_SHARED(float, sums, kMatvecWarps* kRows);
  grid_dependency_wait();
  const long long token = block_z();
  const long long slot = token * a.used + block_y();
  const ExpertPointers expert = a.experts[a.ids[slot]];
  const int tile_rows = kMatvecWarps / parts;
  const float scale = stage_normalised(a.x + token * a.gate.cols, a.norm, a.rms_eps, a.gate, staged, partial);
  grid_dependency_trigger();
  const Staged view = staged_view(staged, a.gate);
  for (int tile = block_x() * tile_rows; tile < a.ffn; tile += grid_x() * tile_rows) {
    const int row = tile + warp() / parts;
    const long long at = min_int(row, a.ffn - 1) * a.gate.row_bytes;
    const unsigned char* const rows[kRows] = {expert.gate + at, expert.up + at};
    float sum[kRows];
    multiply_rows(a.gate, rows, view, warp() % parts, parts, sum);
    join_parts(sum, parts, sums);
    if (warp() % parts != 0 || lane() != 0 || row >= a.ffn) continue;
    const float gate = scale * sum[0];
    a.middle[slot * a.ffn + row] = gate / (1.0F + expf(-gate)) * (scale * sum[1]);
  }
}

QB_KERNEL QB_LAUNCH_BOUNDS(kMatvecThreads, 2) expert_down_kernel(ExpertDownArguments a) {
  QB_DYNAMIC_SHARED(uint4, staged);
  grid_dependency_wait();
  const long long token = block_y();
  const std::int32_t* ids = a.ids + token * a.used;
  const int stride = static_cast<int>(staged_bytes(a.down) / 16);
  for (int s = 0; s < a.used; ++s) stage_row(a.middle + (token * a.used + s) * a.down.cols, nullptr, a.down, staged + s * stride);
  sync_threads();
  grid_dependency_trigger();
  for (int tile = block_x() * kMatvecWarps * kRows; tile < a.hidden; tile += grid_x() * kMatvecWarps * kRows) {
    const int row = tile + warp() * kRows;
    float total[kRows] = {};
    for (int s = 0; s < a.used; ++s) {
      const unsigned char* data = a.experts[ids[s]].down;
      const unsigned char* rows[kRows];
      for (int r = 0; r < kRows; ++r) rows[r] = data + min_int(row + r, a.hidden - 1) * a.down.row_bytes;
      float sum[kRows];
      multiply_rows(a.down, rows, staged_view(staged + s * stride, a.down), 0, 1, sum);
      const float weight = a.weights[token * a.used + s];
      for (int r = 0; r < kRows; ++r) total[r] += weight * sum[r];
    }
    if (lane() >= kRows || row + lane() >= a.hidden) continue;
    a.x[token * a.hidden + row + lane()] += lane() == 0 ? total[0] : total[1];
  }
}

}  // namespace

void router(const RouterArguments& a, int sm_count, Stream& stream) {
  const MatvecGrid grid = matvec_grid(a.experts, kRows, unit_count_host(a.router), a.tokens, sm_count);
  const int tile = kMatvecWarps / grid.parts * kRows;
  launch(LaunchConfig{{static_cast<unsigned>((a.experts + tile - 1) / tile), static_cast<unsigned>(a.tokens), 1},
                      kMatvecThreads,
                      static_cast<std::size_t>(staged_bytes(a.router)),
                      stream,
                      a.programmatic,
                      "router"},
         (router_kernel), a, grid.parts);
}

void choose_experts(const ChooseExpertsArguments& a, Stream& stream) {
  const auto blocks = static_cast<unsigned>((a.router.tokens + kMatvecWarps - 1) / kMatvecWarps);
  launch(LaunchConfig{{blocks, 1, 1}, kMatvecThreads, 0, stream, a.router.programmatic, "choose_experts"}, (choose_experts_kernel), a.router);
}

void expert_gate_up(const ExpertGateUpArguments& a, int sm_count, Stream& stream) {
  const MatvecGrid grid = matvec_grid(a.ffn, 1, unit_count_host(a.gate), std::int64_t{a.tokens} * a.used, sm_count);
  launch(LaunchConfig{{grid.blocks, static_cast<unsigned>(a.used), static_cast<unsigned>(a.tokens)},
                      kMatvecThreads,
                      static_cast<std::size_t>(staged_bytes(a.gate)),
                      stream,
                      a.programmatic,
                      "expert_gate_up"},
         (expert_gate_up_kernel), a, grid.parts);
}

void expert_down(const ExpertDownArguments& a, int sm_count, Stream& stream) {
  const MatvecGrid grid = matvec_grid(a.hidden, kRows, 0, a.tokens, sm_count);  // no units to share: whole rows
  launch(LaunchConfig{{grid.blocks, static_cast<unsigned>(a.tokens), 1},
                      kMatvecThreads,
                      static_cast<std::size_t>(a.used * staged_bytes(a.down)),
                      stream,
                      a.programmatic,
                      "expert_down"},
         (expert_down_kernel), a);
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
