#include <doctest/doctest.h>

#include <cstdint>

#include "kernels/cuda/attention_prefill.h"
#include "kernels/cuda/expert_groups.h"
#include "kernels/cuda/matmul_few.h"
#include "kernels/cuda/matvec_columns.h"
#include "op_cases.h"

namespace qbench::test {
namespace {

using tensor::DType;

constexpr std::int64_t kPositions = 32768;

/// Shapes of the largest models; nothing of that size is allocated.
struct RealShape {
  const char* name;
  std::int64_t layers, hidden, heads, kv_heads, head_dim, ffn, vocab, chunk;
};
constexpr RealShape kShapes[] = {{"Qwen3-32B", 64, 5120, 64, 8, 128, 25600, 151936, 2048},
                                 {"Qwen3-30B-A3B", 48, 2048, 32, 4, 128, 768, 151936, 4096},
                                 {"Qwen2.5-Coder-32B", 64, 5120, 40, 8, 128, 27648, 152064, 2048},
                                 {"Phi-3-mini", 32, 3072, 32, 32, 96, 8192, 32064, 2048}};

TEST_CASE("a cache of 32,768 positions of a large model is addressed beyond 2^31 bytes without a step back or an overlap") {
  for (const RealShape& s : kShapes) {
    CAPTURE(s.name);
    const auto layout = emulated::make_kv_layout(DType::kBF16, static_cast<std::int32_t>(s.head_dim), static_cast<std::int32_t>(s.kv_heads),
                                                 4, static_cast<std::int32_t>(kPositions));
    const std::int64_t head_bytes = 2 * kPositions * s.head_dim * 2;
    CHECK(layout.head_offset(s.layers, 0, 0) == s.layers * 4 * s.kv_heads * head_bytes);
    CHECK(layout.head_offset(s.layers, 0, 0) > INT32_MAX);
    CHECK(layout.head_offset(s.layers - 1, 3, static_cast<std::int32_t>(s.kv_heads - 1)) ==
          layout.head_offset(s.layers, 0, 0) - head_bytes);
    CHECK(layout.head_offset(1, 0, 0) - layout.head_offset(0, 3, static_cast<std::int32_t>(s.kv_heads - 1)) == head_bytes);
  }
}

TEST_CASE("every launch of a prompt's chunk at the shapes of real models stays within the grid's limits") {
  constexpr std::int64_t kMostY = 65535;
  for (const RealShape& s : kShapes) {
    CAPTURE(s.name);
    CHECK(s.chunk <= kMostY);                 // products, norms, SiLU: one row of blocks for each token
    CHECK(s.heads <= kMostY);                 // attention
    CHECK((s.vocab + 127) / 128 <= kMostY);   // row tiles of the widest matrix
    CHECK(2 * s.ffn * s.chunk <= INT32_MAX);  // numbers of one activation buffer, where a kernel counts in 32 bits
    CHECK(emulated::matmul_few_tiles(s.vocab) * (emulated::prepared_cols(s.hidden) / 64) <= INT32_MAX);
  }
  constexpr std::int32_t kSlots = 4096 * 8;
  CHECK(kSlots <= kMostY);
  CHECK(emulated::most_tiles(kSlots, 128, emulated::group_tile_rows(kSlots, 128, 64)) <= INT32_MAX);
  CHECK(emulated::group_tile_rows(kSlots, 128, 64) == 128);
  CHECK(emulated::group_tile_rows(32 * 8, 128, 64) == 16);
  CHECK(emulated::most_tiles(INT32_MAX, 128, 16) > 0);
}

/// y of a few rows of ones with activations of ones.
float first_product(DType dtype, std::int64_t cols, std::int32_t tokens) {
  emulated::Stream stream;
  const DeviceMatrix w(dtype, 3, cols, 7, stream);
  const std::vector<float> x(static_cast<std::size_t>(tokens * cols), 1.0F);
  const auto device_x = to_device(x, stream);
  const Guarded y(std::vector<float>(static_cast<std::size_t>(tokens) * 3, 0.0F), stream);
  emulated::MatvecArguments a{};
  a.w = w.view;
  a.rows = 3;
  a.tokens = tokens;
  a.x = device_x.as<float>();
  a.y = y.data();
  a.y_stride = 3;
  if (tokens == 1) {
    emulated::matvec(a, 4, stream);
  } else {
    emulated::matvec_columns({a, emulated::matvec_columns_of(w.view, tokens, emulated::shared_limit(227 * 1024))}, 4, stream);
  }
  const Product p = product(w.row(0), x.data(), cols, matvec_rounding(dtype));
  return static_cast<float>(std::abs(static_cast<double>(y.read(stream)[0]) - p.value) / p.bound);
}

TEST_CASE("activations that fill 48 KB of shared memory exactly leave room for the kernel's own arrays") {
  CHECK(first_product(DType::kBF16, 12288, 1) <= 1.0F);  // Qwen3-8B's down projection
  CHECK(first_product(DType::kF32, 12288, 1) <= 1.0F);
  CHECK(first_product(DType::kBF16, 3072, 3) <= 1.0F);   // Phi-3-mini, Qwen3-0.6B
  CHECK(first_product(DType::kQ8_0, 4864, 8) <= 1.0F);   // Qwen2.5-0.5B's down projection
}

TEST_CASE("what a launch asks of shared memory follows the device: 99 KB of sm_86 and sm_89, 163 KB of sm_80, 227 KB of sm_90") {
  const std::int64_t sm_86 = emulated::shared_limit(99 * 1024), sm_80 = emulated::shared_limit(163 * 1024), sm_90 = emulated::shared_limit(227 * 1024);
  CHECK(emulated::matmul_stages(sm_86) == 2);
  CHECK(emulated::matmul_stages(sm_80) == 3);
  CHECK(emulated::matmul_few_most(sm_86) == 32);
  CHECK(emulated::matmul_few_most(sm_90) == 64);
  for (const std::int32_t slots : {8, 2048, 4096, 8192, 32768}) CHECK(emulated::group_tile_rows(slots, 128, 32) != 64);
  emulated::WeightRows down{};  // of Qwen2.5-7B
  down.dtype = DType::kQ4_K;
  down.cols = 18944;
  CHECK(emulated::matvec_columns_of(down, 8, sm_86) == 4);
  CHECK(emulated::matvec_columns_of(down, 8, sm_80) == 4);
  CHECK(emulated::matvec_columns_of(down, 8, sm_90) == 8);
}

TEST_CASE("costs at 32,768 tokens are exact in 64 bits") {
  for (const RealShape& s : kShapes) {
    CAPTURE(s.name);
    emulated::MatmulArguments m{};
    m.w.dtype = DType::kBF16;
    m.w.cols = static_cast<std::int32_t>(s.hidden);
    m.w.row_bytes = 2 * s.hidden;
    m.rows = static_cast<std::int32_t>(s.vocab);
    m.tokens = static_cast<std::int32_t>(kPositions);
    CHECK(static_cast<double>(emulated::matmul_cost(m).flops) ==
          doctest::Approx(2.0 * static_cast<double>(s.vocab) * static_cast<double>(s.hidden) * static_cast<double>(kPositions))
              .epsilon(1e-12));
    emulated::AttentionPrefillArguments a{};
    a.heads = static_cast<std::int32_t>(s.heads);
    a.layout = emulated::make_kv_layout(DType::kBF16, static_cast<std::int32_t>(s.head_dim), static_cast<std::int32_t>(s.kv_heads), 1,
                                        static_cast<std::int32_t>(kPositions));
    const std::int64_t pairs = kPositions * (kPositions + 1) / 2;
    CHECK(static_cast<double>(emulated::attention_prefill_cost(a, kPositions, kPositions, pairs).flops) ==
          doctest::Approx(4.0 * static_cast<double>(pairs) * static_cast<double>(s.heads * s.head_dim)).epsilon(1e-12));
  }
}

}  // namespace
}  // namespace qbench::test
