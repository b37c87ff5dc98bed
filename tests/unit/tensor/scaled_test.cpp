#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/byte_reader.h"
#include "base/text_file.h"
#include "tensor/convert.h"
#include "test_support.h"

namespace qbench::tensor {
namespace {

/// tests/fixtures/tensor/scaled.bin, which scripts/fixtures/tensor_scaled.py describes, up to a section.
class Scaled {
 public:
  Scaled() : text_(read_text_file(test::fixtures_dir() / "tensor" / "scaled.bin")), reader_(bytes(), "scaled.bin") {}

  std::uint32_t count() { return reader_.read<std::uint32_t>(); }
  std::vector<float> floats(std::size_t n) {
    std::vector<float> out(n);
    std::memcpy(out.data(), reader_.read_bytes(n * sizeof(float)).data(), n * sizeof(float));
    return out;
  }
  std::vector<std::byte> raw(std::size_t n) {
    std::vector<std::byte> out(n);
    std::memcpy(out.data(), reader_.read_bytes(n).data(), n);
    return out;
  }
  bool at_end() const { return reader_.remaining() == 0; }

 private:
  std::span<const std::byte> bytes() const { return {reinterpret_cast<const std::byte*>(text_.data()), text_.size()}; }
  std::string text_;
  ByteReader reader_;
};

bool same(float a, float b) { return std::memcmp(&a, &b, sizeof(a)) == 0 || (std::isnan(a) && std::isnan(b)); }

int wrong_numbers(DType dtype, const std::vector<std::byte>& bytes, const std::vector<float>& expected) {
  std::vector<float> found(expected.size());
  dequantize_row(dtype, bytes.data(), found.data(), static_cast<std::int64_t>(found.size()));
  int wrong = 0;
  for (std::size_t i = 0; i < found.size(); ++i) wrong += !same(found[i], expected[i]);
  return wrong;
}

}  // namespace

TEST_CASE("E4M3, INT8, FP8 and INT4 are torch's and numpy's, bit for bit") {
  Scaled file;
  const std::vector<float> values = file.floats(256);
  for (std::size_t code = 0; code < 256; ++code) {
    CAPTURE(code);
    REQUIRE(same(f32_from_e4m3(static_cast<std::uint8_t>(code)), values[code]));
    REQUIRE(e4m3_from_f32(values[code]) == (std::isnan(values[code]) ? code | 0x7f : code));
  }
  const std::size_t count = file.count();
  const std::vector<float> inputs = file.floats(count);
  const std::vector<std::byte> codes = file.raw(count);
  int nans = 0, saturated = 0;
  for (std::size_t i = 0; i < count; ++i) {
    CAPTURE(inputs[i]);
    REQUIRE(static_cast<int>(e4m3_from_f32(inputs[i])) == static_cast<int>(codes[i]));
    nans += std::isnan(inputs[i]) ? 1 : 0;
    saturated += std::isinf(inputs[i]) ? 1 : 0;
  }
  CHECK(nans == 2);
  CHECK(saturated == 2);

  const std::size_t cols = file.count(), rows = file.count();
  const std::vector<float> matrix = file.floats(cols * rows);
  for (const DType dtype : {DType::kInt8, DType::kFP8}) {
    CAPTURE(name_of(dtype));
    const auto size = static_cast<std::size_t>(row_bytes(dtype, static_cast<std::int64_t>(cols)));
    CHECK(size == cols + 4);
    for (std::size_t r = 0; r < rows; ++r) {
      CAPTURE(r);
      std::vector<std::byte> found(size);
      quantize_row(dtype, matrix.data() + r * cols, found.data(), static_cast<std::int64_t>(cols));
      CHECK(found == file.raw(size));
    }
  }
  for (const DType dtype : {DType::kInt4, DType::kFP8Block}) {
    CAPTURE(name_of(dtype));
    const std::size_t groups = file.count();
    const std::vector<std::byte> blocks = file.raw(static_cast<std::size_t>(row_bytes(dtype, static_cast<std::int64_t>(128 * groups))));
    CHECK(wrong_numbers(dtype, blocks, file.floats(128 * groups)) == 0);
  }
  CHECK(file.at_end());
}

TEST_CASE("a row with one scale comes back within half a step of it, and infinities and NaN leave the others finite") {
  std::vector<float> row(64);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = std::sin(static_cast<float>(i)) * 3.0f;
  std::vector<float> back(64);
  for (const DType dtype : {DType::kInt8, DType::kFP8}) {
    CAPTURE(name_of(dtype));
    std::vector<std::byte> bytes(static_cast<std::size_t>(row_bytes(dtype, 64)));
    quantize_row(dtype, row.data(), bytes.data(), 64);
    dequantize_row(dtype, bytes.data(), back.data(), 64);
    // Half a step: of INT8 3/127, of E4M3 a sixteenth of the number, or of its subnormals 2^-9 of the scale.
    for (std::size_t i = 0; i < row.size(); ++i) {
      const float bound = dtype == DType::kInt8 ? 3.0f / 254 : std::max(std::fabs(row[i]) / 16, 3.0f / 448 * 0x1p-10f);
      CHECK(std::fabs(back[i] - row[i]) <= bound * 1.0001f);
    }
    std::vector<float> hostile = row;
    hostile[3] = std::numeric_limits<float>::infinity();
    hostile[7] = std::numeric_limits<float>::quiet_NaN();
    quantize_row(dtype, hostile.data(), bytes.data(), 64);
    dequantize_row(dtype, bytes.data(), back.data(), 64);
    for (const float value : back) CHECK(std::isfinite(value));
    CHECK(back[7] == 0.0f);
  }
}

TEST_CASE("a part of a row is what the whole row has there") {
  for (const DTypeInfo& type : all_dtypes()) {
    CAPTURE(type.name);
    std::vector<std::byte> row(static_cast<std::size_t>(row_bytes(type.dtype, 768)));
    draw_row(type.dtype, 1, 2, 3, 0.1, row.data(), 768);
    std::vector<float> whole(768), part(256);
    dequantize_row(type.dtype, row.data(), whole.data(), 768);
    for (const std::int64_t first : {0, 256, 512}) {
      dequantize_part(type.dtype, row.data(), 768, first, part.data(), 256);
      CHECK(std::memcmp(part.data(), whole.data() + first, 256 * sizeof(float)) == 0);
    }
  }
}

}  // namespace qbench::tensor
