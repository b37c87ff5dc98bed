#include <algorithm>
#include <numeric>

#include "backend/cpu/cpu_backend_impl.h"
#include "backend/cpu/cpu_cost.h"
#include "base/check.h"
#include "kernels/cpu/router.h"

namespace qbench::backend {
namespace cpu_kernels = kernels::cpu;
namespace {

std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

std::int64_t prepared_bytes(std::size_t kind, std::int64_t tokens, std::int64_t cols) {
  return round_up(cpu_kernels::prepared_bytes(static_cast<cpu_kernels::InputKind>(kind), tokens, cols), 64);
}

}  // namespace

/// What one call's threads share. Grouped rows are the (token, rank) pairs sorted by expert.
struct CpuBackend::ExpertWork {
  std::int64_t hidden, ffn;
  std::byte* inputs;    ///< prepared h of each group
  float* both;          ///< (grouped rows, 2 ffn)
  float* middle;        ///< (grouped rows, ffn)
  std::byte* prepared;  ///< prepared middle of each group
  float* out;           ///< (grouped rows, hidden)
};

void CpuBackend::route(const ExpertInput& input, const float* x) {
  const CpuMatrix& router = cpu(*input.router);
  const std::int64_t tokens = batch_.tokens();
  const std::int64_t experts = router.rows();
  float* logits = expert_logits_.need_numbers(tokens * experts, "experts", context_.pool);
  expert_ids_.resize(static_cast<std::size_t>(tokens * input.used));
  expert_weights_.resize(expert_ids_.size());
  KindSet kinds;
  kinds.add(router);
  if (tokens == 1) {  // the experts then read the same prepared row
    for (const auto& matrix : input.gate_up) kinds.add(cpu(*matrix));
  }
  stage_.plan({x, nullptr, tokens, router.cols(), cpu(*input.norm).data(), input.rms_eps}, kinds);
  context_.pool.run([&](int thread) {
    const PreparedInput prepared = stage_.prepare(thread);
    multiply_share(context_, router, prepared, tokens, logits, experts, false, thread);
    context_.pool.barrier();
    const cpu_kernels::Range range = cpu_kernels::partition(tokens, 1, thread, context_.pool.threads());
    for (std::int64_t t = range.begin; t < range.end; ++t) {
      cpu_kernels::route_token(context_.elementwise, logits + t * experts, experts, input.used, input.renormalize,
                               expert_ids_.data() + t * input.used, expert_weights_.data() + t * input.used);
    }
  });
}

void CpuBackend::group_by_expert(const ExpertInput& input) {
  const std::int64_t experts = input.router->rows();
  std::vector<std::int64_t>& next = next_grouped_row_;
  next.assign(static_cast<std::size_t>(experts) + 1, 0);
  for (const std::int32_t expert : expert_ids_) ++next[static_cast<std::size_t>(expert) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  groups_.clear();
  for (std::int64_t e = 0; e < experts; ++e) {
    const auto i = static_cast<std::size_t>(e);
    if (next[i + 1] > next[i]) groups_.push_back({e, next[i], next[i + 1] - next[i], {}, 0});
  }
  grouped_tokens_.resize(expert_ids_.size());
  grouped_row_.resize(expert_ids_.size());
  for (std::size_t a = 0; a < expert_ids_.size(); ++a) {
    const std::int64_t row = next[static_cast<std::size_t>(expert_ids_[a])]++;
    grouped_tokens_[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(static_cast<std::int64_t>(a) / input.used);
    grouped_row_[a] = row;
  }
}

/// The gathered and prepared input of every group; groups go to the threads in turn, the units being token blocks.
void CpuBackend::prepare_grouped(const ExpertInput& input, const ExpertWork& work, int thread) {
  const float* h = stage_.normalised(thread);
  std::int64_t unit = 0;
  for (const ExpertGroup& group : groups_) {
    const CpuMatrix& gate_up = cpu(*input.gate_up[static_cast<std::size_t>(group.expert)]);
    KindSet kinds;
    kinds.add(gate_up);
    for (std::size_t k = 0; k < kInputKinds; ++k) {
      if (!kinds.has(k)) continue;
      const auto kind = static_cast<cpu_kernels::InputKind>(k);
      const std::int64_t step = round_up(16, cpu_kernels::prepare_granularity(kind));
      const cpu_kernels::InputView view{h, work.hidden, grouped_tokens_.data() + group.first, group.count, work.hidden};
      for (std::int64_t t = 0; t < group.count; t += step, ++unit) {
        if (unit % context_.pool.threads() != thread) continue;
        cpu_kernels::prepare_input(kind, context_.isa, view, t, std::min(t + step, group.count), work.inputs + group.input_offset[k]);
      }
    }
  }
}

void CpuBackend::run_experts(const ExpertInput& input, const ExpertWork& work, float* x, int thread) {
  const int threads = context_.pool.threads();
  const std::int64_t tokens = batch_.tokens();
  PreparedInput single{};
  if (tokens == 1) {
    single = stage_.prepared(thread);
  } else {
    prepare_grouped(input, work, thread);
    context_.pool.barrier();
  }
  for (const ExpertGroup& group : groups_) {
    PreparedInput prepared = single;
    if (tokens > 1) {
      for (std::size_t k = 0; k < kInputKinds; ++k) prepared[k] = work.inputs + group.input_offset[k];
    }
    gate_up_share(cpu(*input.gate_up[static_cast<std::size_t>(group.expert)]), prepared, group.count,
                  work.both + group.first * 2 * work.ffn, work.middle + group.first * work.ffn, thread);
  }
  context_.pool.barrier();
  std::int64_t unit = 0;
  std::int64_t granularity = 1;
  for (const ExpertGroup& group : groups_) {
    const cpu_kernels::PackedMatrix& down = cpu(*input.down[static_cast<std::size_t>(group.expert)]).part(0);
    granularity = std::lcm(granularity, down.row_granularity());
    const std::int64_t step = round_up(16, cpu_kernels::prepare_granularity(down.input_kind()));
    const cpu_kernels::InputView view{work.middle + group.first * work.ffn, work.ffn, nullptr, group.count, work.ffn};
    for (std::int64_t t = 0; t < group.count; t += step, ++unit) {
      if (unit % threads != thread) continue;
      cpu_kernels::prepare_input(down.input_kind(), context_.isa, view, t, std::min(t + step, group.count),
                                 work.prepared + group.middle_offset);
    }
  }
  context_.pool.barrier();
  const cpu_kernels::Range rows = cpu_kernels::partition(work.hidden, granularity, thread, threads);
  if (rows.size() == 0) return;
  for (const ExpertGroup& group : groups_) {
    const cpu_kernels::PackedMatrix& down = cpu(*input.down[static_cast<std::size_t>(group.expert)]).part(0);
    down.multiply(work.prepared + group.middle_offset, group.count, work.out + group.first * work.hidden, work.hidden, rows.begin, rows.end,
                  false);
  }
  for (std::int64_t t = 0; t < tokens; ++t) {  // each token adds its experts in the order of their rank
    for (std::int64_t i = 0; i < input.used; ++i) {
      const auto a = static_cast<std::size_t>(t * input.used + i);
      context_.elementwise.add_scaled(work.out + grouped_row_[a] * work.hidden + rows.begin, expert_weights_[a], rows.size(),
                                      x + t * work.hidden + rows.begin);
    }
  }
}

void CpuBackend::norm_experts_residual(const ExpertInput& input, Buffer& x) {
  const std::int64_t tokens = batch_.tokens();
  const std::int64_t experts = input.router->rows();
  QB_CHECK(batch_.open() && input.used > 0 && input.used <= experts);
  QB_CHECK(static_cast<std::int64_t>(input.gate_up.size()) == experts && static_cast<std::int64_t>(input.down.size()) == experts);
  ExpertWork work{};
  work.hidden = input.router->cols();
  work.ffn = input.down[0]->cols();
  QB_CHECK(x.size() >= tokens * work.hidden && input.norm->size() >= work.hidden);
  for (std::size_t e = 0; e < input.down.size(); ++e) {
    QB_CHECK(input.gate_up[e]->rows() == 2 * work.ffn && input.gate_up[e]->cols() == work.hidden);
    QB_CHECK(input.down[e]->rows() == work.hidden && input.down[e]->cols() == work.ffn && cpu(*input.down[e]).parts() == 1);
  }
  route(input, cpu(x).data());
  group_by_expert(input);

  std::int64_t input_bytes = 0;
  std::int64_t middle_bytes = 0;
  for (ExpertGroup& group : groups_) {
    KindSet kinds;
    kinds.add(cpu(*input.gate_up[static_cast<std::size_t>(group.expert)]));
    for (std::size_t k = 0; k < kInputKinds; ++k) {
      if (!kinds.has(k)) continue;
      group.input_offset[k] = input_bytes;
      input_bytes += prepared_bytes(k, group.count, work.hidden);
    }
    const auto kind = static_cast<std::size_t>(cpu(*input.down[static_cast<std::size_t>(group.expert)]).part(0).input_kind());
    group.middle_offset = middle_bytes;
    middle_bytes += prepared_bytes(kind, group.count, work.ffn);
  }
  const std::int64_t grouped = tokens * input.used;
  work.inputs = expert_inputs_.need(static_cast<std::uint64_t>(tokens > 1 ? input_bytes : 0), "experts", context_.pool);
  work.prepared = expert_prepared_.need(static_cast<std::uint64_t>(middle_bytes), "experts", context_.pool);
  work.both = expert_both_.need_numbers(grouped * 2 * work.ffn, "experts", context_.pool);
  work.middle = expert_middle_.need_numbers(grouped * work.ffn, "experts", context_.pool);
  work.out = expert_out_.need_numbers(grouped * work.hidden, "experts", context_.pool);
  context_.pool.run([&](int thread) { run_experts(input, work, cpu(x).data(), thread); });
  count([&] { return experts_cost(input); });
}

/// The router, and the experts that were chosen, each read once; a token adds its experts' rows to x in one pass.
StepCost CpuBackend::experts_cost(const ExpertInput& input) const {
  StepCost sum = product_cost(*input.router, batch_.tokens(), false);
  const auto add = [&](const StepCost& more) {
    sum.bytes += more.bytes;
    sum.flops += more.flops;
  };
  for (const ExpertGroup& group : groups_) {
    const auto e = static_cast<std::size_t>(group.expert);
    add(gate_up_cost(*input.gate_up[e], group.count));
    add(product_cost(*input.down[e], group.count, false));
  }
  const std::int64_t slots = batch_.tokens() * input.used;
  add(elementwise_cost((slots + 2 * batch_.tokens()) * input.router->cols(), slots * input.router->cols(), 2));
  sum.launches = 2;
  return sum;
}

}  // namespace qbench::backend
