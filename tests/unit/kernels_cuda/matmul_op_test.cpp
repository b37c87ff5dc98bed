#include "kernels/cuda/matmul_few.h"

#include <algorithm>

#include "kernels/cuda/expert_groups.h"
#include "op_cases.h"

namespace qbench::test {
namespace {

using tensor::DType;

constexpr double kHalfRoundoff = 0x1p-11;  ///< of float16

/// A product as the tensor cores do it. Weights of F16 meet activations of F16, all others BF16.
Product rounded_product(DType dtype, const float* w, const float* x, std::int64_t cols) {
  if (dtype != DType::kF16) return product(w, x, cols, Rounding::kBf16);
  Product p = product(w, x, cols, Rounding::kNone);
  for (std::int64_t i = 0; i < cols; ++i)
    p.bound += 1.01 * kHalfRoundoff * std::abs(static_cast<double>(w[i])) * (std::abs(static_cast<double>(x[i])) + 0x1p-14);
  return p;
}

emulated::DeviceMemory prepared(DType dtype, const std::vector<float>& x, std::int64_t tokens, std::int64_t cols,
                                emulated::Stream& stream) {
  const auto device_x = to_device(x, stream);
  emulated::DeviceMemory h(static_cast<std::size_t>(tokens * emulated::prepared_cols(cols)) * 2);
  emulated::PrepareRowsArguments a{};
  a.x = device_x.as<float>();
  a.tokens = static_cast<std::int32_t>(tokens);
  a.cols = static_cast<std::int32_t>(cols);
  a.h = h.as<unsigned short>();
  a.f16 = dtype == DType::kF16;
  emulated::prepare_rows(a, stream);
  return h;
}

/// Runs matmul or, with a number of multiprocessors, matmul_few.
void multiply(const emulated::MatmulArguments& m, int sm_count, emulated::Stream& stream) {
  if (sm_count == 0) return emulated::matmul(m, stream);
  const auto partial =
      to_device(std::vector<float>(static_cast<std::size_t>(emulated::matmul_few_partial_numbers(m.tokens, sm_count)), NAN), stream);
  const auto tickets = to_device(std::vector<unsigned>(static_cast<std::size_t>(emulated::matmul_few_tiles(m.rows)), 0U), stream);
  emulated::matmul_few({m, partial.as<float>(), tickets.as<unsigned>()}, sm_count, stream);
  const auto left = to_host<unsigned>(tickets, stream);
  CHECK(std::count(left.begin(), left.end(), 0U) == static_cast<std::ptrdiff_t>(left.size()));
}

double worst_error(DType dtype, const DeviceMatrix& w, const std::vector<float>& x, const std::vector<float>& start,
                   const std::vector<float>& actual, std::int64_t tokens, bool accumulate) {
  double worst = 0;
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t r = 0; r < w.rows; ++r) {
      const Product p = rounded_product(dtype, w.row(r), x.data() + t * w.cols, w.cols);
      const auto at = static_cast<std::size_t>(t * w.rows + r);
      const double expected = p.value + (accumulate ? static_cast<double>(start[at]) : 0.0);
      const double error = std::abs(static_cast<double>(actual[at]) - expected) / (p.bound + kRoundoff * std::abs(expected));
      worst = std::isnan(error) ? INFINITY : std::max(worst, error);
    }
  }
  return worst;
}

/// sm_count 0: matmul, else matmul_few.
void check_matmul(DType dtype, std::int64_t rows, std::int64_t cols, std::int64_t tokens, bool accumulate, int sm_count,
                  std::int32_t stages = 3) {
  CAPTURE(tensor::name_of(dtype));
  CAPTURE(rows);
  CAPTURE(cols);
  CAPTURE(tokens);
  CAPTURE(sm_count);
  emulated::Stream stream;
  const DeviceMatrix w(dtype, rows, cols, 7, stream);
  const auto x = normal_numbers(tokens * cols, 8);
  const auto start = normal_numbers(tokens * rows, 10);
  const auto h = prepared(dtype, x, tokens, cols, stream);
  const Guarded y(start, stream);
  multiply({w.view,
            static_cast<std::int32_t>(rows),
            static_cast<std::int32_t>(tokens),
            h.as<unsigned short>(),
            y.data(),
            rows,
            accumulate,
            false,
            {},
            stages},
           sm_count, stream);
  CHECK(worst_error(dtype, w, x, start, y.read(stream), tokens, accumulate) <= 1.0);
}

std::vector<DType> tile_types() {
  std::vector<DType> types = device_types();
  std::erase_if(types, [](DType dtype) { return !emulated::matmul_reads(dtype); });
  return types;
}

TEST_CASE("matmul equals the product for every weight type that it reads and every size around its tiles") {
  for (const DType dtype : tile_types()) {
    const std::int64_t block = tensor::info(dtype).block_elements;
    check_matmul(dtype, 129, block == 1 ? 70 : block, 17, false, 0);
    check_matmul(dtype, 70, block == 1 ? 200 : std::max<std::int64_t>(block, 224 / block * block), 130, true, 0, 2);
    check_matmul(dtype, 5, block == 1 ? 264 : std::max<std::int64_t>(block, 288 / block * block), 129, true, 0);
  }
  check_matmul(DType::kBF16, 1, 1, 1, false, 0);
  check_matmul(DType::kBF16, 128, 128, 128, true, 0);
}

TEST_CASE("matmul_few equals the product for every weight type, width of its tiles and size around them") {
  for (const DType dtype : tile_types()) {
    const std::int64_t block = tensor::info(dtype).block_elements;
    check_matmul(dtype, 129, block == 1 ? 70 : block, 5, false, 4);
    check_matmul(dtype, 131, block == 1 ? 330 : std::max<std::int64_t>(block, 352 / block * block), 31, true, 4);
    check_matmul(dtype, 7, block == 1 ? 200 : 3 * block, 64, false, 2);
  }
  check_matmul(DType::kBF16, 1, 1, 1, false, 4);
  check_matmul(DType::kBF16, 128, 64, 16, true, 1);
}

TEST_CASE("matmul_few joins a tile's columns that any number of blocks share, whatever the order of blocks") {
  for (const int sm_count : {1, 2, 3, 7, 132}) {
    for (const std::uint64_t seed : {1U, 2U}) {
      const EmulationScope scope(seed);
      check_matmul(DType::kBF16, 300, 1100, 20, true, sm_count);
      check_matmul(DType::kQ4_K, 140, 2560, 20, false, sm_count);
    }
  }
}

TEST_CASE("the runs of matmul_few's blocks are even and cover every column tile, at the shapes of real models") {
  struct Shape {
    std::int64_t rows, cols;
  };
  // Qwen2.5-Coder-7B's output projection, gate and up, head; Qwen3-32B's down projection; a model of a single tile.
  for (const Shape& s : {Shape{3584, 3584}, Shape{37888, 3584}, Shape{152064, 3584}, Shape{5120, 25600}, Shape{8, 64}}) {
    const std::int64_t units = emulated::matmul_few_tiles(s.rows) * (emulated::prepared_cols(s.cols) / 64);
    const std::int64_t blocks = emulated::matmul_few_blocks(s.rows, s.cols, 132);
    CHECK((blocks == 264 || units < 4 * 264));
    std::int64_t most = 0, least = units;
    for (std::int64_t b = 0; b < blocks; ++b) {
      const std::int64_t length = units * (b + 1) / blocks - units * b / blocks;
      most = std::max(most, length);
      least = std::min(least, length);
    }
    CHECK(most - least <= 1);
    CHECK(least >= 1);
    CHECK(units * blocks < INT64_MAX / 2);
    CHECK(units <= INT32_MAX);
  }
}

TEST_CASE("a NaN or infinity of one token stays with that token on tensor cores") {
  emulated::Stream stream;
  const std::int64_t rows = 130;
  const std::int64_t cols = 130;
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    const DeviceMatrix w(dtype, rows, cols, 7, stream);
    for (const int sm_count : {0, 4}) {
      auto x = normal_numbers(6 * cols, 8);
      x[static_cast<std::size_t>(3 * cols + 5)] = NAN;
      x[static_cast<std::size_t>(5 * cols + 129)] = INFINITY;
      const auto h = prepared(dtype, x, 6, cols, stream);
      const Guarded y(std::vector<float>(static_cast<std::size_t>(6 * rows), 0.0F), stream);
      multiply({w.view, static_cast<std::int32_t>(rows), 6, h.as<unsigned short>(), y.data(), rows, false, false, {}}, sm_count, stream);
      const auto actual = y.read(stream);
      for (std::int64_t i = 0; i < 6 * rows; ++i)
        CHECK(std::isfinite(actual[static_cast<std::size_t>(i)]) == (i / rows != 3 && i / rows != 5));
    }
  }
}

TEST_CASE("activations beyond float16's range become its largest number and stay finite") {
  emulated::Stream stream;
  const auto h = prepared(DType::kF16, {1e6F, -1e6F, 65504.0F, 1.0F, INFINITY}, 1, 5, stream);
  const auto bits = to_host<unsigned short>(h, stream);
  CHECK(bits[0] == 0x7bff);
  CHECK(bits[1] == 0xfbff);
  CHECK(bits[2] == 0x7bff);
  CHECK(bits[3] == 0x3c00);
  CHECK(bits[4] == 0x7c00);
  CHECK(bits[5] == 0);
}

/// Grouped products over the tiles that group_slots makes of these choices.
void check_groups(DType dtype, const std::vector<std::int32_t>& ids, std::int32_t used, std::int32_t experts, std::int32_t tile_rows) {
  CAPTURE(tensor::name_of(dtype));
  CAPTURE(tile_rows);
  emulated::Stream stream;
  const std::int64_t rows = 130;
  const std::int64_t cols = tensor::info(dtype).block_elements == 1 ? 200 : 256;
  const auto slots = static_cast<std::int32_t>(ids.size());
  const std::int32_t tokens = slots / used;
  std::vector<DeviceMatrix> weights;
  std::vector<const unsigned char*> pointers;
  for (std::int32_t e = 0; e < experts; ++e) {
    weights.emplace_back(dtype, rows, cols, 20 + static_cast<std::uint64_t>(e), stream);
    pointers.push_back(weights.back().view.data);
  }
  const auto x = normal_numbers(tokens * cols, 8);
  const auto h = prepared(dtype, x, tokens, cols, stream);
  const auto device_ids = to_device(ids, stream);
  const auto table = to_device(pointers, stream);
  const emulated::DeviceMemory rows_of(static_cast<std::size_t>(2 * slots + 1) * 4);
  auto* token_of_row = rows_of.as<std::int32_t>();
  const std::int32_t most = emulated::most_tiles(slots, experts, tile_rows);
  const emulated::DeviceMemory tiles(static_cast<std::size_t>(most) * sizeof(emulated::ExpertTile));
  emulated::group_slots({device_ids.as<std::int32_t>(), slots, used, experts, tile_rows, token_of_row, token_of_row + slots,
                         tiles.as<emulated::ExpertTile>(), token_of_row + 2 * slots, false},
                        stream);
  const Guarded y(std::vector<float>(static_cast<std::size_t>(slots * rows), NAN), stream);
  const emulated::MatmulArguments m{
      weights[0].view,
      static_cast<std::int32_t>(rows),
      slots,
      h.as<unsigned short>(),
      y.data(),
      rows,
      false,
      false,
      {tiles.as<emulated::ExpertTile>(), token_of_row + 2 * slots, table.as<const unsigned char*>(), 1, most, tile_rows, token_of_row}};
  if (tile_rows == emulated::kMatmulTokens) {
    emulated::matmul(m, stream);
  } else {
    emulated::matmul_few({m, nullptr, nullptr}, 4, stream);
  }
  const auto actual = y.read(stream);
  const auto index = to_host<std::int32_t>(rows_of, stream);
  double worst = 0;
  for (std::int32_t s = 0; s < slots; ++s) {
    const auto row = static_cast<std::int64_t>(index[static_cast<std::size_t>(slots + s)]);
    const DeviceMatrix& w = weights[static_cast<std::size_t>(ids[static_cast<std::size_t>(s)])];
    for (std::int64_t r = 0; r < rows; ++r) {
      const Product p = rounded_product(dtype, w.row(r), x.data() + s / used * cols, cols);
      const double error = std::abs(static_cast<double>(actual[static_cast<std::size_t>(row * rows + r)]) - p.value) / p.bound;
      worst = std::isnan(error) ? INFINITY : std::max(worst, error);
    }
  }
  CHECK(worst <= 1.0);
}

TEST_CASE("grouped products give every slot its expert's, with tiles of every width and any number of tokens for an expert") {
  Random random(3);
  std::vector<std::int32_t> ids;  // expert 0 gets most, 1 none, the others a few
  for (int s = 0; s < 2 * 75; ++s) ids.push_back(s % 3 != 0 ? 0 : static_cast<std::int32_t>(2 + random.next_below(3)));
  for (const std::int32_t tile_rows : {16, 32, 64, 128}) check_groups(DType::kBF16, ids, 2, 5, tile_rows);
  for (const DType dtype : {DType::kF16, DType::kQ8_0, DType::kQ4_K, DType::kQ6_K}) {
    check_groups(dtype, ids, 2, 5, 32);
    check_groups(dtype, ids, 2, 5, 128);
  }
  check_groups(DType::kBF16, {3}, 1, 5, 16);
}

}  // namespace
}  // namespace qbench::test
