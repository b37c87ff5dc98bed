#include <doctest/doctest.h>

#include "step_cases.h"

namespace qbench::backend {
namespace {

using namespace qbench::test;  // NOLINT: the test's own helpers
using tensor::DType;

const std::vector<std::int32_t> kTokens = {1, 3, 17, 70};

std::vector<Bounded> row_of(const std::vector<float>& x, std::int64_t row, std::int64_t cols) { return exact(x.data() + row * cols, cols); }

TEST_CASE("project_residual adds the product to x for any number of tokens") {
  const std::int64_t rows = 75;
  const std::int64_t cols = 100;
  const Weights w(rows, cols, 1);
  for (const StepDevice& on : step_devices("project_residual")) {
    CAPTURE(on.name);
    const auto device = on.make(2);
    const auto matrix = load(*device, {&w});
    CHECK(matrix->rows() == rows);
    CHECK(matrix->cols() == cols);
    CHECK(matrix->device_bytes() >= static_cast<std::uint64_t>(rows * cols * 4));
    for (const std::int32_t tokens : kTokens) {
      CAPTURE(tokens);
      OwnedBatch batch;
      batch.add(0, 0, tokens);
      const auto in = normal_numbers(tokens * cols, 2);
      auto x = normal_numbers(tokens * rows, 3);
      const auto start = x;
      x.resize(x.size() + kGuard, kCanary);
      const auto in_buffer = device->load_vector(in);
      const auto x_buffer = device->load_vector(x);
      device->begin_step(batch.view());
      device->project_residual(*matrix, *in_buffer, *x_buffer);
      device->end_step();
      const auto actual = read_guarded(*device, *x_buffer);
      for (std::int64_t t = 0; t < tokens; ++t) {
        std::vector<Bounded> expected;
        for (std::int64_t r = 0; r < rows; ++r) {
          Bounded dot = ref_dot(w.row(r), row_of(in, t, cols));
          dot.value += static_cast<double>(start[static_cast<std::size_t>(t * rows + r)]);
          dot.bound += kRoundoff * (std::abs(dot.value) + 10);  // the running sum may start at x, |x| < 10
          expected.push_back(dot);
        }
        CHECK(worst(actual, static_cast<std::size_t>(t * rows), expected) <= 1.0);
      }
    }
  }
}

/// norm_gate_up for gate and up as two matrices, or as one of 2 ffn rows.
void check_gate_up(bool fused, std::int64_t ffn) {
  const std::int64_t hidden = 72;
  const Weights both(2 * ffn, hidden, 4);
  const auto norm = normal_numbers(hidden, 6);
  // The same numbers in two parts.
  struct Half final : tensor::RowSource {
    const Weights* from;
    std::int64_t first, count;
    DType dtype() const override { return DType::kF32; }
    std::int64_t rows() const override { return count; }
    std::int64_t cols() const override { return from->cols(); }
    void read_rows(std::int64_t row, std::int64_t n, std::byte* to) const override { from->read_rows(first + row, n, to); }
  } gate, up;
  gate.from = up.from = &both;
  gate.first = 0;
  up.first = gate.count = up.count = ffn;
  for (const StepDevice& on : step_devices("norm_gate_up")) {
    CAPTURE(on.name);
    const auto device = on.make(3);
    const auto matrix = fused ? load(*device, {&both}) : load(*device, {&gate, &up});
    for (const std::int32_t tokens : kTokens) {
      CAPTURE(tokens);
      OwnedBatch batch;
      batch.add(0, 0, tokens);
      const auto x = normal_numbers(tokens * hidden, 7, 3.0);
      const auto x_buffer = device->load_vector(x);
      const auto norm_buffer = device->load_vector(norm);
      const auto out = guarded(*device, tokens * ffn);
      device->begin_step(batch.view());
      device->norm_gate_up(*norm_buffer, 1e-5F, *matrix, *x_buffer, *out);
      device->end_step();
      const auto actual = read_guarded(*device, *out);
      for (std::int64_t t = 0; t < tokens; ++t) {
        const auto h = ref_rms_norm(row_of(x, t, hidden), norm.data(), 1e-5F);
        std::vector<Bounded> expected;
        for (std::int64_t r = 0; r < ffn; ++r) expected.push_back(ref_silu_mul(ref_dot(both.row(r), h), ref_dot(both.row(ffn + r), h)));
        CHECK(worst(actual, static_cast<std::size_t>(t * ffn), expected) <= 1.0);
      }
    }
  }
}

TEST_CASE("norm_gate_up joins gate and up that are two matrices") { check_gate_up(false, 160); }
TEST_CASE("norm_gate_up joins gate and up that are one matrix, its halves on tile boundaries") { check_gate_up(true, 192); }
TEST_CASE("norm_gate_up joins gate and up that are one matrix, its halves off tile boundaries") { check_gate_up(true, 75); }

TEST_CASE("norm_head computes the listed rows only, in their order") {
  const std::int64_t hidden = 64;
  const std::int64_t vocab = 301;
  const Weights head(vocab, hidden, 8);
  const auto norm = normal_numbers(hidden, 9);
  for (const StepDevice& on : step_devices("norm_head")) {
    CAPTURE(on.name);
    const auto device = on.make(2);
    const auto matrix = load(*device, {&head});
    const auto norm_buffer = device->load_vector(norm);
    OwnedBatch batch;
    batch.add(0, 0, 9);
    const auto x = normal_numbers(9 * hidden, 10);
    const auto x_buffer = device->load_vector(x);
    for (const std::vector<std::int32_t>& rows :
         {std::vector<std::int32_t>{8}, std::vector<std::int32_t>{2, 0, 7}, std::vector<std::int32_t>{}}) {
      const auto logits = guarded(*device, 3 * vocab);
      device->begin_step(batch.view());
      device->norm_head(*norm_buffer, 1e-6F, *matrix, rows, *x_buffer, *logits);
      device->end_step();
      const auto actual = read_guarded(*device, *logits);
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto h = ref_rms_norm(row_of(x, rows[i], hidden), norm.data(), 1e-6F);
        std::vector<Bounded> expected;
        for (std::int64_t r = 0; r < vocab; ++r) expected.push_back(ref_dot(head.row(r), h));
        CHECK(worst(actual, i * static_cast<std::size_t>(vocab), expected) <= 1.0);
      }
      for (std::size_t i = rows.size() * static_cast<std::size_t>(vocab); i < actual.size(); ++i) CHECK(actual[i] == kCanary);
    }
  }
}

TEST_CASE("embed copies the rows of the ids as their type defines them") {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kQ8_0, DType::kInt8, DType::kFP8}) {
    const Weights table(50, 64, 11, dtype);
    for (const StepDevice& on : step_devices("embed")) {
      const auto device = on.make(2);
      const auto matrix = load(*device, {&table});
      OwnedBatch batch;
      batch.add(0, 0, 20);
      for (std::size_t i = 0; i < 20; ++i) batch.ids[i] = static_cast<std::int32_t>((i * 17 + 49) % 50);
      const auto x = guarded(*device, 20 * 64);
      device->begin_step(batch.view());
      device->embed(*matrix, *x);
      device->end_step();
      const auto actual = read_guarded(*device, *x);
      for (std::size_t i = 0; i < 20; ++i) {
        for (std::size_t c = 0; c < 64; ++c) CHECK(actual[i * 64 + c] == table.row(batch.ids[i])[c]);
      }
    }
  }
}

TEST_CASE("parts of different types in one matrix each read the input in their own form") {
  const std::int64_t cols = 256;
  const Weights a(48, cols, 12, DType::kF32);
  const Weights b(32, cols, 13, DType::kBF16);
  const Weights c(40, cols, 14, DType::kQ8_0);
  const Weights d(16, cols, 15, DType::kQ4_0);
  const std::vector<const Weights*> parts = {&a, &b, &c, &d};
  for (const StepDevice& on : step_devices("mixed parts")) {
    CAPTURE(on.name);
    const auto device = on.make(3);
    const auto matrix = load(*device, {&a, &b, &c, &d});
    for (const std::int32_t tokens : {1, 17}) {
      OwnedBatch batch;
      batch.add(0, 0, tokens);
      const auto in = normal_numbers(tokens * cols, 16);
      const auto in_buffer = device->load_vector(in);
      std::vector<float> zeros(static_cast<std::size_t>(tokens * matrix->rows()), 0.0F);
      zeros.resize(zeros.size() + kGuard, kCanary);
      const auto x = device->load_vector(zeros);
      device->begin_step(batch.view());
      device->project_residual(*matrix, *in_buffer, *x);
      device->end_step();
      const auto actual = read_guarded(*device, *x);
      for (std::int64_t t = 0; t < tokens; ++t) {
        std::vector<Bounded> expected;
        for (const Weights* part : parts) {
          // Inputs are rounded to bfloat16 (2^-8 relative) or to 8 bits of the largest of 32 (1/254 of it), or not at all.
          auto x_row = row_of(in, t, cols);
          for (std::size_t i = 0; i < x_row.size(); ++i) {
            double largest = 0;
            for (std::size_t j = i / 32 * 32; j < i / 32 * 32 + 32; ++j) largest = std::max(largest, std::abs(x_row[j].value));
            if (part->dtype() == DType::kBF16) x_row[i].bound = 0x1p-8 * std::abs(x_row[i].value);
            if (part->dtype() == DType::kQ8_0 || part->dtype() == DType::kQ4_0) x_row[i].bound = largest / 254 * 1.01;
          }
          for (std::int64_t r = 0; r < part->rows(); ++r) expected.push_back(ref_dot(part->row(r), x_row));
        }
        CHECK(worst(actual, static_cast<std::size_t>(t * matrix->rows()), expected) <= 1.0);
      }
    }
  }
}

}  // namespace
}  // namespace qbench::backend
