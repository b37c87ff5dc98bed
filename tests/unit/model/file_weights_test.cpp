#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "model/weight_provider.h"
#include "tensor/convert.h"

namespace qbench::model {
namespace {

using tensor::DType;

/// A file of matrices (4, 256), each holding the same numbers in its own type, that calls itself `name`.
class NamedFile : public formats::ModelFile {
 public:
  NamedFile(std::string name, const std::vector<std::pair<std::string, DType>>& matrices) : name_(std::move(name)) {
    config_.tied_head = false;
    for (const auto& [tensor_name, dtype] : matrices) {
      const std::int64_t bytes = tensor::row_bytes(dtype, kCols);
      auto& data = data_.emplace_back(static_cast<std::size_t>(kRows * bytes));
      const std::vector<float> row(kCols, 1.0F);
      for (std::int64_t r = 0; r < kRows; ++r) {
        if (tensor::can_quantize(dtype)) tensor::quantize_row(dtype, row.data(), data.data() + r * bytes, kCols);
      }
      tensors_.push_back({tensor_name, dtype, {kRows, kCols}, data.data(), data.size()});
    }
  }
  const formats::ModelConfig& config() const override { return config_; }
  const std::vector<formats::TensorEntry>& tensors() const override { return tensors_; }
  const formats::TensorEntry* find(std::string_view name) const override {
    for (const auto& t : tensors_) {
      if (t.name == name) return &t;
    }
    return nullptr;
  }
  const formats::TokenizerSource& tokenizer() const override { return tokenizer_; }
  const formats::GenerationDefaults& generation_defaults() const override { return defaults_; }
  std::string format_name() const override { return "test"; }
  std::string precision_name() const override { return name_; }
  std::uint64_t file_bytes() const override { return 0; }
  std::string fingerprint() const override { return {}; }

 private:
  static constexpr std::int64_t kRows = 4, kCols = 256;
  std::string name_;
  formats::ModelConfig config_;
  std::deque<std::vector<std::byte>> data_;
  std::vector<formats::TensorEntry> tensors_;
  formats::TokenizerSource tokenizer_;
  formats::GenerationDefaults defaults_;
};

constexpr const char* kQ = "blk.0.attn_q.weight";
constexpr const char* kV = "blk.0.attn_v.weight";
constexpr const char* kOutput = "output.weight";
constexpr const char* kRouter = "blk.0.ffn_gate_inp.weight";

}  // namespace

TEST_CASE("f32 converts every tensor that is not float32, whatever the file calls itself") {
  const NamedFile file("f32", {{kQ, DType::kF32}, {kV, DType::kBF16}, {kOutput, DType::kQ8_0}});
  const auto weights = provide_from_file(file, WeightPrecision::kF32);
  for (const char* name : {kQ, kV, kOutput}) CHECK(weights->matrix(name)->dtype() == DType::kF32);
  CHECK(weights->precision() == "f32");
  CHECK(weights->conversion() == "bf16, q8_0 to f32");
}

TEST_CASE("a named type is compared with the tensors, not with the file's name") {
  const NamedFile file("bf16", {{kQ, DType::kF32}, {kV, DType::kBF16}, {kRouter, DType::kF32}});
  const auto weights = provide_from_file(file, WeightPrecision::kBF16);
  CHECK(weights->matrix(kQ)->dtype() == DType::kBF16);
  CHECK(weights->matrix(kRouter)->dtype() == DType::kF32);
  CHECK(weights->conversion() == "f32 to bf16");
  const NamedFile quantised("f16", {{kQ, DType::kF16}, {kV, DType::kQ4_0}});
  CHECK_THROWS_WITH_AS(provide_from_file(quantised, WeightPrecision::kF16), doctest::Contains("'blk.0.attn_v.weight' is q4_0"), Error);
}

TEST_CASE("a file that already is what was asked for stays as it is") {
  const NamedFile plain("f32", {{kQ, DType::kF32}, {kV, DType::kF32}});
  CHECK(provide_from_file(plain, WeightPrecision::kF32)->conversion() == "none");
  const NamedFile q4_0("q4_0", {{kQ, DType::kQ4_0}, {kV, DType::kQ4_0}, {kOutput, DType::kQ6_K}});  // as llama-quantize writes it
  const auto weights = provide_from_file(q4_0, WeightPrecision::kQ4_0);
  CHECK(weights->matrix(kOutput)->dtype() == DType::kQ6_K);
  CHECK(weights->conversion() == "none");
  CHECK(weights->precision() == "q4_0");
  const NamedFile coarser("q8_0", {{kQ, DType::kQ8_0}, {kV, DType::kQ8_0}, {kOutput, DType::kQ4_0}});
  CHECK_THROWS_WITH_AS(provide_from_file(coarser, WeightPrecision::kQ8_0), doctest::Contains("'output.weight' is q4_0"), Error);
}

TEST_CASE("int8 and fp8 are made from floating types while a checkpoint loads, int4 is not") {
  const NamedFile file("bf16", {{kQ, DType::kF32}, {kV, DType::kBF16}, {kOutput, DType::kF16}, {kRouter, DType::kBF16}});
  for (const auto& [precision, dtype] : {std::pair{WeightPrecision::kInt8, DType::kInt8}, {WeightPrecision::kFP8, DType::kFP8}}) {
    const auto weights = provide_from_file(file, precision);
    for (const char* name : {kQ, kV, kOutput}) CHECK(weights->matrix(name)->dtype() == dtype);
    CHECK(weights->matrix(kRouter)->dtype() == DType::kF32);
    CHECK(weights->conversion() == "bf16, f16, f32 to " + std::string(model::name_of(precision)));
    std::vector<std::byte> row(260);
    std::vector<float> numbers(256);
    weights->matrix(kQ)->read_rows(1, 1, row.data());
    tensor::dequantize_row(dtype, row.data(), numbers.data(), 256);
    for (const float number : numbers) CHECK(number == 1.0F);
  }
  CHECK_THROWS_WITH_AS(provide_from_file(file, WeightPrecision::kInt4), doctest::Contains("--precision int4: this checkpoint is bf16"), Error);
  const NamedFile awq("int4", {{kQ, DType::kInt4}, {kV, DType::kInt4}, {kOutput, DType::kF16}});
  CHECK(provide_from_file(awq, WeightPrecision::kInt4)->conversion() == "none");
  CHECK_THROWS_WITH_AS(provide_from_file(awq, WeightPrecision::kInt8), doctest::Contains("'blk.0.attn_q.weight' is int4"), Error);
  const NamedFile fp8("fp8_block", {{kQ, DType::kFP8Block}, {kV, DType::kFP8Block}, {kOutput, DType::kBF16}});
  const auto weights = provide_from_file(fp8, WeightPrecision::kFP8);
  CHECK(weights->matrix(kQ)->dtype() == DType::kFP8Block);
  CHECK(weights->matrix(kOutput)->dtype() == DType::kFP8);
}

TEST_CASE("a K mix must be one by its tensors too") {
  const NamedFile mix("q4_k_m", {{kQ, DType::kQ4_K}, {kV, DType::kQ6_K}, {kRouter, DType::kF32}});
  CHECK(provide_from_file(mix, WeightPrecision::kQ4_K_M)->matrix(kV)->dtype() == DType::kQ6_K);
  const NamedFile lying("q4_k_m", {{kQ, DType::kF32}, {kV, DType::kF32}});
  CHECK_THROWS_WITH_AS(provide_from_file(lying, WeightPrecision::kQ4_K_M), doctest::Contains("calls itself q4_k_m"), Error);
  CHECK_THROWS_WITH_AS(provide_from_file(mix, WeightPrecision::kQ5_K_M), doctest::Contains("this checkpoint is q4_k_m"), Error);
}

}  // namespace qbench::model
