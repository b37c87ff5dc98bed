#include <cmath>
#include <cstring>
#include <numeric>

#include "emulation_support.h"
#include "kernels/cuda/emulation/races.h"
#include "tensor/float_formats.h"

// Kernels of the tests stand in the namespace that kernels stand in.
namespace qbench::kernels::cuda_emulated {
namespace {

QB_KERNEL QB_LAUNCH_BOUNDS(64, 1) warp_operations(float* floats, int* ints, unsigned* votes) {
  const int t = thread_x();
  const float mine = static_cast<float>(t + 1);
  floats[t * 3] = warp_sum(mine);
  floats[t * 3 + 1] = warp_max(-mine);
  floats[t * 3 + 2] = shuffle(mine, (lane() + 5) % 32);
  ints[t * 2] = warp_sum(t);
  ints[t * 2 + 1] = shuffle_xor(t, 3);
  votes[t] = ballot(lane() % 3 == 0);
}

/// The sum of a block by shared memory and two barriers; one number a block.
QB_KERNEL QB_LAUNCH_BOUNDS(256, 1) block_sums(const float* x, float* sums) {
  QB_SHARED(float, of_warps, 32);
  const float sum = warp_sum(x[block_x() * threads() + thread_x()]);
  if (lane() == 0) of_warps[warp()] = sum;
  sync_threads();
  if (thread_x() == 0) {
    float total = 0;
    for (int w = 0; w < threads() / 32; ++w) total += of_warps[w];
    sums[(block_z() * grid_y() + block_y()) * grid_x() + block_x()] = total;
  }
}

template <int Rows, int Columns>
QB_KERNEL reverse_dynamic(const unsigned* in, unsigned* out) {
  QB_DYNAMIC_SHARED(unsigned, held);
  held[thread_x()] = in[thread_x()];
  sync_threads();
  out[thread_x()] = held[Rows * Columns - 1 - thread_x()];
}

/// One tile of c (16, 8) = a (16, 16) b (8, 16)^T by ldmatrix and mma; a and b in bf16.
QB_KERNEL one_tile(const uint4* a, const uint4* b, float* c) {
  QB_SHARED(uint4, tile_a, 32);
  QB_SHARED(uint4, tile_b, 16);
  cp_async16(&tile_a[lane()], &a[lane()]);
  if (lane() < 16) cp_async16(&tile_b[lane()], &b[lane()]);
  cp_async_commit();
  cp_async_wait<0>();
  sync_threads();
  unsigned fa[4], fb[4];
  // Matrices 0 to 3: rows 0 to 7 and 8 to 15 of columns 0 to 7, then of columns 8 to 15. A row of 16 numbers is two uint4.
  ldmatrix_x4(fa, &tile_a[(lane() % 16) * 2 + lane() / 16]);
  // Matrices 0 and 1: columns 0 to 7 and 8 to 15 of b's eight rows, which stand as the columns of the product; 2 and 3 repeat them.
  ldmatrix_x4(fb, &tile_b[(lane() % 8) * 2 + lane() / 8 % 2]);
  const unsigned b2[2] = {fb[0], fb[1]};
  float d[4] = {100, 100, 100, 100};
  mma_bf16_16x8x16(d, fa, b2);
  for (int i = 0; i < 4; ++i) c[(lane() / 4 + i / 2 * 8) * 8 + lane() % 4 * 2 + i % 2] = d[i];
}

/// out[lane * 4 + i]: register i of ldmatrix_x4_trans over a (32, 8) array of 16-bit numbers.
QB_KERNEL transposed_load(const uint4* in, unsigned* out) {
  QB_SHARED(uint4, rows, 32);
  rows[lane()] = in[lane()];
  sync_warp();
  unsigned r[4];
  ldmatrix_x4_trans(r, &rows[lane()]);
  for (int i = 0; i < 4; ++i) out[lane() * 4 + i] = r[i];
}

QB_KERNEL arithmetic(int* ints, float* floats, unsigned* counter, float* total) {
  if (block_x() == 0 && thread_x() == 0) {
    ints[0] = dp4a(static_cast<int>(0x80ff7f01u), 0x01020304, 10);      // -128*1 - 1*2 + 127*3 + 1*4 + 10
    ints[1] = dp4a_us(0x80ff7f01u, static_cast<int>(0xff020304u), -5);  // 128*-1 + 255*2 + 127*3 + 1*4 - 5
    floats[0] = f16_to_float(float_to_f16(1.5f)) + bf16_to_float(float_to_bf16(-2.5f));
    floats[1] = bf16_to_float(static_cast<unsigned short>(pack2_bf16(3.0f, 7.0f) >> 16));
    floats[2] = fast_exp(1.0f);
    floats[3] = rsqrt_float(4.0f);
  }
  atomic_add(counter, 2u);
  atomic_add(total, 0.5f);
}

}  // namespace
}  // namespace qbench::kernels::cuda_emulated

namespace qbench::test {
using namespace kernels::cuda_emulated;

TEST_CASE("warp collectives give every lane what the device's shuffles would") {
  for (const auto order : {EmulationOrder::kFixed, EmulationOrder::kSeeded}) {
    const EmulationScope scope(7, order);
    Stream stream;
    DeviceMemory floats(64 * 3 * sizeof(float)), ints(64 * 2 * sizeof(int)), votes(64 * sizeof(unsigned));
    launch(LaunchConfig{{1, 1, 1}, 64, 0, stream, false, "warp_operations"}, warp_operations, floats.as<float>(), ints.as<int>(),
           votes.as<unsigned>());
    const auto f = to_host<float>(floats, stream);
    const auto i = to_host<int>(ints, stream);
    const auto v = to_host<unsigned>(votes, stream);
    for (int t = 0; t < 64; ++t) {
      const int first = t / 32 * 32, l = t % 32;
      const auto at = static_cast<std::size_t>(t);
      CHECK(f[at * 3] == static_cast<float>(32 * (first + 1) + 496));
      CHECK(f[at * 3 + 1] == static_cast<float>(-(first + 1)));
      CHECK(f[at * 3 + 2] == static_cast<float>(first + (l + 5) % 32 + 1));
      CHECK(i[at * 2] == 32 * first + 496);
      CHECK(i[at * 2 + 1] == first + (l ^ 3));
      CHECK(v[at] == 0x49249249u);
    }
  }
}

TEST_CASE("a sum over a block through shared memory is the same in every order") {
  Stream stream;
  std::vector<float> x(5 * 256);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
  std::vector<float> first;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const EmulationScope scope(seed, seed == 0 ? EmulationOrder::kFixed : EmulationOrder::kSeeded);
    const DeviceMemory in = to_device(x, stream);
    const DeviceMemory sums(5 * sizeof(float));
    launch(LaunchConfig{{5, 1, 1}, 256, 0, stream, false, "block_sums"}, block_sums, in.as<float>(), sums.as<float>());
    const auto result = to_host<float>(sums, stream);
    if (first.empty()) first = result;
    CHECK(result == first);
    for (std::size_t b = 0; b < 5; ++b) {
      CHECK(result[b] ==
            doctest::Approx(std::accumulate(x.begin() + static_cast<long>(b) * 256, x.begin() + static_cast<long>(b + 1) * 256, 0.0))
                .epsilon(1e-5));
    }
  }
}

TEST_CASE("the same seed runs blocks and threads in the same order, another seed in another") {
  Stream stream;
  const auto order_of = [&](std::uint64_t seed) {
    const EmulationScope scope(seed);
    const DeviceMemory counter(4), total(4), ints(8), floats(16);
    fill_zero(counter.data(), 4, stream);
    fill_zero(total.data(), 4, stream);
    static std::vector<int> order;  // the kernel runs on the host: it may write here
    order.clear();
    launch(
        LaunchConfig{{3, 2, 2}, 32, 0, stream, false, "order"},
        +[](unsigned*) {
          const emulation::races::Unwatched on_purpose;
          order.push_back(((block_z() * grid_y() + block_y()) * grid_x() + block_x()) * 32 + thread_x());
        },
        counter.as<unsigned>());
    stream.synchronize();
    return order;
  };
  const auto one = order_of(1);
  CHECK(one.size() == 384);
  CHECK(order_of(1) == one);
  CHECK(order_of(2) != one);
  auto sorted = one;
  std::sort(sorted.begin(), sorted.end());
  for (int i = 0; i < 384; ++i) CHECK(sorted[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("dynamic shared memory holds what the launch asked for") {
  Stream stream;
  std::vector<unsigned> in(128);
  std::iota(in.begin(), in.end(), 5u);
  const DeviceMemory source = to_device(in, stream), target(512);
  launch(LaunchConfig{{1, 1, 1}, 128, 512, stream, false, "reverse_dynamic"}, (reverse_dynamic<8, 16>), source.as<unsigned>(),
         target.as<unsigned>());
  std::reverse(in.begin(), in.end());
  CHECK(to_host<unsigned>(target, stream) == in);
  launch(LaunchConfig{{1, 1, 1}, 128, 0, stream, false, "reverse_dynamic"}, (reverse_dynamic<8, 16>), source.as<unsigned>(),
         target.as<unsigned>());
  CHECK(contains(error_of([&] { stream.synchronize(); }), "asks for none"));
}

TEST_CASE("ldmatrix and mma multiply a tile as the plain sums do") {
  Stream stream;
  std::vector<std::uint16_t> a(16 * 16), b(8 * 16);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = tensor::bf16_from_f32(static_cast<float>(static_cast<int>(i * 7 % 23) - 11));
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = tensor::bf16_from_f32(static_cast<float>(static_cast<int>(i * 5 % 19) - 9));
  const DeviceMemory ma = to_device(a, stream), mb = to_device(b, stream), mc(16 * 8 * sizeof(float));
  launch(LaunchConfig{{1, 1, 1}, 32, 0, stream, false, "one_tile"}, one_tile, ma.as<uint4>(), mb.as<uint4>(), mc.as<float>());
  const auto c = to_host<float>(mc, stream);
  for (std::size_t m = 0; m < 16; ++m) {
    for (std::size_t n = 0; n < 8; ++n) {
      float sum = 100;  // whole numbers: exact in every order
      for (std::size_t k = 0; k < 16; ++k) sum += tensor::f32_from_bf16(a[m * 16 + k]) * tensor::f32_from_bf16(b[n * 16 + k]);
      CHECK(c[m * 8 + n] == sum);
    }
  }
}

TEST_CASE("a transposed ldmatrix hands lane l numbers (2 (l mod 4), l / 4) and the one below of each matrix") {
  Stream stream;
  std::vector<std::uint16_t> numbers(32 * 8);
  std::iota(numbers.begin(), numbers.end(), std::uint16_t{0});
  const DeviceMemory in = to_device(numbers, stream), out(32 * 4 * sizeof(unsigned));
  launch(LaunchConfig{{1, 1, 1}, 32, 0, stream, false, "transposed_load"}, transposed_load, in.as<uint4>(), out.as<unsigned>());
  const auto r = to_host<unsigned>(out, stream);
  for (unsigned l = 0; l < 32; ++l) {
    for (unsigned m = 0; m < 4; ++m) {
      const unsigned row = m * 8 + l % 4 * 2, column = l / 4;
      CHECK(r[l * 4 + m] == (row * 8 + column) + ((row + 1) * 8 + column) * 65536);
    }
  }
}

TEST_CASE("dp4a, conversions and atomics compute what their names say") {
  Stream stream;
  const DeviceMemory ints(8), floats(16), counter(4), total(4);
  fill_zero(counter.data(), 4, stream);
  fill_zero(total.data(), 4, stream);
  launch(LaunchConfig{{3, 1, 1}, 64, 0, stream, false, "arithmetic"}, arithmetic, ints.as<int>(), floats.as<float>(),
         counter.as<unsigned>(), total.as<float>());
  CHECK(to_host<int>(ints, stream) == std::vector<int>{-128 - 2 + 381 + 4 + 10, -128 + 510 + 381 + 4 - 5});
  const auto f = to_host<float>(floats, stream);
  CHECK(f[0] == -1.0f);
  CHECK(f[1] == 7.0f);
  CHECK(f[2] == doctest::Approx(2.718281828));
  CHECK(f[3] == 0.5f);
  CHECK(to_host<unsigned>(counter, stream)[0] == 3 * 64 * 2);
  CHECK(to_host<float>(total, stream)[0] == 96.0f);
}

}  // namespace qbench::test
