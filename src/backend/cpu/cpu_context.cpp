#include "backend/cpu/cpu_context.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace qbench::backend {
namespace cpu_kernels = kernels::cpu;
namespace {

/// Up to so many numbers every thread prepares the input for itself (measured: reading 16 KB that another core wrote takes about as long as
/// one barrier, 0.4 us on a Zen 4 at 2.6 GHz).
constexpr std::int64_t kPrivateNumbers = 4096;

/// An area that grows with the context doubles until it has this size, so that decoding does not grow it at every step.
constexpr std::uint64_t kRoomyBytes = std::uint64_t{8} << 20;

std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

}  // namespace

std::byte* WorkArea::need(std::uint64_t bytes, const char* what, cpu_kernels::ThreadPool& pool) {
  if (bytes > block_.bytes()) {
    const std::uint64_t roomy = std::max(bytes, 2 * std::min<std::uint64_t>(block_.bytes(), kRoomyBytes));
    block_ = PageBlock();  // the old one goes first: its content is not kept
    block_ = PageBlock(static_cast<std::uint64_t>(round_up(static_cast<std::int64_t>(roomy), 4096)), what);
    block_.touch(pool);
  }
  return block_.data();
}

float* WorkArea::need_numbers(std::int64_t numbers, const char* what, cpu_kernels::ThreadPool& pool) {
  return reinterpret_cast<float*>(need(static_cast<std::uint64_t>(numbers) * sizeof(float), what, pool));
}

void InputStage::plan(const InputSource& source, const KindSet& kinds) {
  source_ = source;
  kinds_ = kinds;
  private_ = source.tokens == 1 || source.tokens * source.cols <= kPrivateNumbers;
  std::int64_t bytes = source.norm != nullptr ? round_up(source.tokens * source.cols * std::int64_t{sizeof(float)}, 64) : 0;
  for (std::size_t k = 0; k < kInputKinds; ++k) {
    if (!kinds.has(k)) continue;
    offsets_[k] = bytes;
    bytes += round_up(cpu_kernels::prepared_bytes(static_cast<cpu_kernels::InputKind>(k), source.tokens, source.cols), 64);
  }
  if (private_) {
    for (WorkArea& area : own_) area.need(static_cast<std::uint64_t>(bytes), "activations", context_.pool);
  } else {
    shared_.need(static_cast<std::uint64_t>(bytes), "activations", context_.pool);
  }
}

PreparedInput InputStage::prepare(int thread) {
  std::int64_t granularity = 1;
  for (std::size_t k = 0; k < kInputKinds; ++k) {
    if (kinds_.has(k)) granularity = std::lcm(granularity, cpu_kernels::prepare_granularity(static_cast<cpu_kernels::InputKind>(k)));
  }
  const auto [begin, end] = private_ ? cpu_kernels::Range{0, source_.tokens}
                                     : cpu_kernels::partition(source_.tokens, granularity, thread, context_.pool.threads());
  std::byte* to = area(thread);
  cpu_kernels::InputView view{source_.x, source_.cols, source_.rows, source_.tokens, source_.cols};
  if (source_.norm != nullptr) {
    auto* normalised_rows = reinterpret_cast<float*>(to);
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t row = source_.rows != nullptr ? source_.rows[t] : t;
      context_.elementwise.rms_norm(source_.x + row * source_.cols, source_.norm, source_.rms_eps, source_.cols,
                                    normalised_rows + t * source_.cols);
    }
    view.x = normalised_rows;
    view.gather = nullptr;
  }
  for (std::size_t k = 0; k < kInputKinds && begin < end; ++k) {
    if (kinds_.has(k)) cpu_kernels::prepare_input(static_cast<cpu_kernels::InputKind>(k), context_.isa, view, begin, end, to + offsets_[k]);
  }
  if (!private_) context_.pool.barrier();
  return prepared(thread);
}

PreparedInput InputStage::prepared(int thread) const {
  PreparedInput result{};
  for (std::size_t k = 0; k < kInputKinds; ++k) {
    if (kinds_.has(k)) result[k] = area(thread) + offsets_[k];
  }
  return result;
}

const float* InputStage::normalised(int thread) const {
  QB_CHECK(source_.norm != nullptr);
  return reinterpret_cast<const float*>(area(thread));
}

cpu_kernels::Range part_rows(const CpuMatrix& matrix, std::size_t part, int thread, int threads) {
  const std::int64_t rows = matrix.part(part).rows();
  const std::int64_t granularity = matrix.part(part).row_granularity();
  const auto cut = [&](int t) {
    if (t == threads) return rows;
    const std::int64_t local = matrix.rows() * t / threads - matrix.first_row(part);
    return std::clamp<std::int64_t>((local + granularity / 2) / granularity * granularity, 0, rows);
  };
  return {cut(thread), cut(thread + 1)};
}

void multiply_share(const CpuContext& context, const CpuMatrix& matrix, const PreparedInput& input, std::int64_t tokens, float* y,
                    std::int64_t stride, bool accumulate, int thread) {
  for (std::size_t i = 0; i < matrix.parts(); ++i) {
    const cpu_kernels::Range rows = part_rows(matrix, i, thread, context.pool.threads());
    if (rows.size() == 0) continue;
    const cpu_kernels::PackedMatrix& part = matrix.part(i);
    part.multiply(input[static_cast<std::size_t>(part.input_kind())], tokens, y + matrix.first_row(i), stride, rows.begin, rows.end,
                  accumulate);
  }
}

}  // namespace qbench::backend
