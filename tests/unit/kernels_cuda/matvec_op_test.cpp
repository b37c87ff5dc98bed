#include <algorithm>

#include "kernels/cuda/matvec_columns.h"
#include "op_cases.h"

namespace qbench::test {
namespace {

using tensor::DType;

/// Widths of a type: one block, a tail, one more than a warp's units.
std::vector<std::int64_t> widths(DType dtype) {
  const std::int64_t block = tensor::info(dtype).block_elements;
  if (block == 1) return {1, 7, 8, 100, 257, 1032};
  if (block == 128) return {128, 640, 1152};
  return block == 32 ? std::vector<std::int64_t>{32, 96, 1056} : std::vector<std::int64_t>{256, 1280};
}

TEST_CASE("every weight type reaches the device number for number: embed gives what the type's definition gives") {
  emulated::Stream stream;
  for (const DType dtype : device_types()) {
    CAPTURE(tensor::name_of(dtype));
    for (const std::int64_t cols : widths(dtype)) {
      CAPTURE(cols);
      const DeviceMatrix table(dtype, 5, cols, 3, stream);
      const std::vector<std::int32_t> ids = {4, 0, 4, 2};
      const auto device_ids = to_device(ids, stream);
      const Guarded x(std::vector<float>(static_cast<std::size_t>(4 * cols), 0.5F), stream);
      emulated::embed({table.view, device_ids.as<std::int32_t>(), 4, x.data(), false}, stream);
      const auto actual = x.read(stream);
      for (std::size_t t = 0; t < ids.size(); ++t) {
        const float* expected = table.row(ids[t]);
        CHECK(std::equal(expected, expected + cols, actual.begin() + static_cast<std::int64_t>(t) * cols));
      }
    }
  }
}

void check_matvec(DType dtype, std::int64_t rows, std::int64_t cols, int sm_count, bool norm, bool accumulate) {
  CAPTURE(rows);
  CAPTURE(cols);
  CAPTURE(sm_count);
  CAPTURE(norm);
  emulated::Stream stream;
  const DeviceMatrix w(dtype, rows, cols, 7, stream);
  const std::vector<std::int32_t> x_rows = {2, 0};
  auto x = normal_numbers(3 * cols, 8, 2.0);
  const auto weight = normal_numbers(cols, 9);
  const auto start = normal_numbers(2 * rows, 10);
  const auto device_x = to_device(x, stream);
  const auto device_rows = to_device(x_rows, stream);
  const auto device_norm = to_device(weight, stream);
  const Guarded y(start, stream);
  emulated::MatvecArguments a{};
  a.w = w.view;
  a.rows = static_cast<std::int32_t>(rows);
  a.tokens = 2;
  a.x = device_x.as<float>();
  a.x_rows = device_rows.as<std::int32_t>();
  a.norm = norm ? device_norm.as<float>() : nullptr;
  a.rms_eps = 1e-6F;
  a.y = y.data();
  a.y_stride = rows;
  a.accumulate = accumulate;
  emulated::matvec(a, sm_count, stream);
  const auto actual = y.read(stream);
  double worst = 0;
  for (std::int64_t t = 0; t < 2; ++t) {
    std::vector<float> h(x.begin() + x_rows[static_cast<std::size_t>(t)] * cols,
                         x.begin() + (x_rows[static_cast<std::size_t>(t)] + 1) * cols);
    double squares = 0;
    for (const float v : h) squares += static_cast<double>(v) * static_cast<double>(v);
    const double scale = norm ? 1.0 / std::sqrt(squares / static_cast<double>(cols) + 1e-6) : 1.0;
    for (std::size_t i = 0; norm && i < h.size(); ++i) h[i] *= weight[i];
    for (std::int64_t r = 0; r < rows; ++r) {
      const Product p = product(w.row(r), h.data(), cols, matvec_rounding(dtype));
      const auto at = static_cast<std::size_t>(t * rows + r);
      const double expected = scale * p.value + (accumulate ? static_cast<double>(start[at]) : 0.0);
      const double bound = scale * p.bound + kRoundoff * (std::abs(expected) + static_cast<double>(cols) * std::abs(scale * p.value));
      const double error = std::abs(static_cast<double>(actual[at]) - expected) / bound;
      worst = std::isnan(error) ? INFINITY : std::max(worst, error);
    }
  }
  CHECK(worst <= 1.0);
}

TEST_CASE("matvec equals the product for every weight type, size and division of the work") {
  for (const DType dtype : device_types()) {
    CAPTURE(tensor::name_of(dtype));
    for (const std::int64_t cols : widths(dtype)) {
      for (const std::int64_t rows : {1, 17}) check_matvec(dtype, rows, cols, 4, rows == 17, rows == 1);
    }
    // One multiprocessor: whole rows and several tiles for a block. Many: 8 warps share a row.
    const std::int64_t cols = widths(dtype).back();
    check_matvec(dtype, 130, cols, 1, true, false);
    check_matvec(dtype, 33, cols, 1000, true, true);
  }
}

TEST_CASE("matvec_columns gives each token what matvec gives it alone, within rounding, for every weight type and number of tokens") {
  emulated::Stream stream;
  for (const DType dtype : device_types()) {
    CAPTURE(tensor::name_of(dtype));
    const std::int64_t cols = widths(dtype).back();
    for (const std::int64_t rows : {1, 37}) {
      const DeviceMatrix w(dtype, rows, cols, 7, stream);
      for (const std::int32_t tokens : {2, 4, 5, 8, 15}) {
        CAPTURE(rows);
        CAPTURE(tokens);
        const auto x = to_device(normal_numbers(tokens * cols, 8, 2.0), stream);
        const auto norm = to_device(normal_numbers(cols, 9), stream);
        const auto start = normal_numbers(tokens * rows, 10);
        const Guarded alone(start, stream);
        const Guarded together(start, stream);
        emulated::MatvecArguments a{};
        a.w = w.view;
        a.rows = static_cast<std::int32_t>(rows);
        a.tokens = tokens;
        a.x = x.as<float>();
        a.norm = tokens == 5 ? nullptr : norm.as<float>();
        a.rms_eps = 1e-6F;
        a.y_stride = rows;
        a.accumulate = tokens != 4;
        a.y = alone.data();
        emulated::matvec(a, 4, stream);
        a.y = together.data();
        const std::int32_t columns = emulated::matvec_columns_of(w.view, tokens, 200 * 1024);
        REQUIRE(columns == (tokens > 4 ? 8 : 4));
        emulated::matvec_columns({a, columns}, tokens == 2 ? 1000 : 4, stream);
        const auto expected = alone.read(stream);
        const auto actual = together.read(stream);
        for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(actual[i] - expected[i]) <= 1e-4F);
      }
    }
  }
}

TEST_CASE("an infinity or NaN in the activations reaches every product of its token and no other") {
  emulated::Stream stream;
  for (const DType dtype : device_types()) {
    CAPTURE(tensor::name_of(dtype));
    const std::int64_t cols = 512;
    const DeviceMatrix w(dtype, 9, cols, 7, stream);
    for (const float hostile : {NAN, INFINITY, -INFINITY}) {
      auto x = normal_numbers(2 * cols, 8);
      x[300] = hostile;
      const auto device_x = to_device(x, stream);
      const Guarded y(std::vector<float>(18, 0.0F), stream);
      emulated::MatvecArguments a{};
      a.w = w.view;
      a.rows = 9;
      a.tokens = 2;
      a.x = device_x.as<float>();
      a.y = y.data();
      a.y_stride = 9;
      emulated::matvec(a, 4, stream);
      const auto actual = y.read(stream);
      for (std::size_t i = 0; i < 18; ++i) CHECK(std::isfinite(actual[i]) == (i >= 9));
    }
  }
}

TEST_CASE("activations of any magnitude keep their precision in int8") {
  for (const double magnitude : {1e-30, 1e-10, 1e10, 1e30}) {
    CAPTURE(magnitude);
    emulated::Stream stream;
    const DeviceMatrix w(DType::kQ8_0, 8, 256, 7, stream);
    const auto x = normal_numbers(256, 8, magnitude);
    const auto device_x = to_device(x, stream);
    const Guarded y(std::vector<float>(8, 0.0F), stream);
    emulated::MatvecArguments a{};
    a.w = w.view;
    a.rows = 8;
    a.tokens = 1;
    a.x = device_x.as<float>();
    a.y = y.data();
    a.y_stride = 8;
    emulated::matvec(a, 4, stream);
    const auto actual = y.read(stream);
    for (std::int64_t r = 0; r < 8; ++r) {
      const Product p = product(w.row(r), x.data(), 256, Rounding::kInt8);
      CHECK(std::abs(static_cast<double>(actual[static_cast<std::size_t>(r)]) - p.value) <= p.bound);
    }
  }
}

TEST_CASE("gate_up joins gate and up for every weight type") {
  emulated::Stream stream;
  for (const DType dtype : device_types()) {
    CAPTURE(tensor::name_of(dtype));
    const std::int64_t cols = 512;
    const std::int64_t rows = 37;
    const DeviceMatrix gate(dtype, rows, cols, 7, stream);
    const DeviceMatrix up(dtype, rows, cols, 8, stream);
    const auto x = normal_numbers(cols, 9);
    const std::vector<float> ones(static_cast<std::size_t>(cols), 1.0F);
    const auto device_x = to_device(x, stream);
    const auto norm = to_device(ones, stream);
    const Guarded out(std::vector<float>(static_cast<std::size_t>(rows), 0.0F), stream);
    emulated::gate_up(
        {gate.view, up.view, static_cast<std::int32_t>(rows), 1, device_x.as<float>(), norm.as<float>(), 1e-6F, out.data(), false}, 4,
        stream);
    const auto actual = out.read(stream);
    double squares = 0;
    for (const float v : x) squares += static_cast<double>(v) * static_cast<double>(v);
    const double scale = 1.0 / std::sqrt(squares / static_cast<double>(cols) + 1e-6);
    for (std::int64_t r = 0; r < rows; ++r) {
      const Product g = product(gate.row(r), x.data(), cols, matvec_rounding(dtype));
      const Product u = product(up.row(r), x.data(), cols, matvec_rounding(dtype));
      const double s = scale * g.value / (1 + std::exp(-scale * g.value));
      const double bound = scale * (1.1 * g.bound * (std::abs(scale * u.value) + scale * u.bound) + std::abs(s) * u.bound) +
                           static_cast<double>(cols) * kRoundoff * std::abs(s * scale * u.value) * 3 + 1e-12;
      CHECK(std::abs(static_cast<double>(actual[static_cast<std::size_t>(r)]) - s * scale * u.value) <= bound);
    }
  }
}

}  // namespace
}  // namespace qbench::test
