#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "model/rope.h"
#include "model/weight_plan.h"
#include "model/weight_source.h"
#include "tensor/convert.h"

namespace qbench::model {
namespace {

formats::ModelConfig qwen_7b() {
  formats::ModelConfig c;
  c.architecture = formats::Architecture::kQwen2;
  c.hidden = 3584;
  c.layers = 28;
  c.heads = 28;
  c.kv_heads = 4;
  c.head_dim = 128;
  c.ffn = 18944;
  c.vocab = 152064;
  c.qkv_bias = true;
  return c;
}

formats::ModelConfig qwen_30b_a3b() {
  formats::ModelConfig c;
  c.architecture = formats::Architecture::kQwen3Moe;
  c.hidden = 2048;
  c.layers = 48;
  c.heads = 32;
  c.kv_heads = 4;
  c.head_dim = 128;
  c.vocab = 151936;
  c.qk_norm = true;
  c.experts = 128;
  c.experts_used = 8;
  c.expert_ffn = 768;
  c.layer_is_dense.assign(48, false);
  return c;
}

std::map<std::string, tensor::DType> types_of(const formats::ModelConfig& config, WeightPrecision precision) {
  std::map<std::string, tensor::DType> types;
  for (const auto& t : plan_weights(config, precision)) types[t.name] = t.dtype;
  return types;
}

}  // namespace

TEST_CASE("bytes read per token equal the published figures") {
  // Sums of the checkpoints' tensors: 14.141 GB and 6.083 GB in BF16, 4.369 GB as Q4_K_M.
  CHECK(static_cast<double>(total_weights(qwen_7b(), WeightPrecision::kBF16).read_per_token) == doctest::Approx(14.141e9).epsilon(0.001));
  CHECK(static_cast<double>(total_weights(qwen_7b(), WeightPrecision::kBF16).parameters) == doctest::Approx(7.615e9).epsilon(0.001));
  CHECK(static_cast<double>(total_weights(qwen_30b_a3b(), WeightPrecision::kBF16).parameters) == doctest::Approx(30.53e9).epsilon(0.001));
  CHECK(static_cast<double>(total_weights(qwen_7b(), WeightPrecision::kQ4_K_M).read_per_token) == doctest::Approx(4.369e9).epsilon(0.01));
}

TEST_CASE("the K mixes give llama.cpp's type to each tensor") {
  const auto m = types_of(qwen_7b(), WeightPrecision::kQ4_K_M);
  CHECK(m.at("output.weight") == tensor::DType::kQ6_K);
  CHECK(m.at("token_embd.weight") == tensor::DType::kQ4_K);
  CHECK(m.at("blk.0.attn_v.weight") == tensor::DType::kQ6_K);   // the first eighth
  CHECK(m.at("blk.3.attn_v.weight") == tensor::DType::kQ4_K);
  CHECK(m.at("blk.5.ffn_down.weight") == tensor::DType::kQ6_K);  // every third between: (5 - 3) % 3 == 2
  CHECK(m.at("blk.27.ffn_down.weight") == tensor::DType::kQ6_K);
  CHECK(m.at("blk.27.ffn_up.weight") == tensor::DType::kQ4_K);
  const auto s = types_of(qwen_7b(), WeightPrecision::kQ4_K_S);
  CHECK(s.at("blk.3.attn_v.weight") == tensor::DType::kQ5_K);
  CHECK(s.at("blk.4.attn_v.weight") == tensor::DType::kQ4_K);
  CHECK(s.at("blk.2.ffn_down.weight") == tensor::DType::kQ5_K);
  CHECK(s.at("blk.3.ffn_down.weight") == tensor::DType::kQ4_K);
}

TEST_CASE("rows that are no multiple of 256 fall back as llama.cpp's do") {
  formats::ModelConfig c = qwen_7b();
  c.hidden = 896;
  c.ffn = 4864;
  c.tied_head = true;
  const auto types = types_of(c, WeightPrecision::kQ4_K_M);
  CHECK(types.at("token_embd.weight") == tensor::DType::kQ8_0);
  CHECK(types.at("blk.3.attn_q.weight") == tensor::DType::kQ5_0);
  CHECK(types.at("blk.0.attn_v.weight") == tensor::DType::kQ8_0);
  CHECK(types.at("blk.3.ffn_down.weight") == tensor::DType::kQ4_K);
  CHECK(types_of(c, WeightPrecision::kQ5_K_M).at("blk.3.ffn_up.weight") == tensor::DType::kQ5_1);
}

TEST_CASE("int8 and fp8 are one byte a number and four a row in every matrix, int4 leaves embedding and head in F16") {
  for (const auto& [precision, dtype] : {std::pair{WeightPrecision::kInt8, tensor::DType::kInt8}, {WeightPrecision::kFP8, tensor::DType::kFP8}}) {
    for (const auto& [name, found] : types_of(qwen_7b(), precision)) CHECK_MESSAGE(found == dtype, name);
  }
  const auto int4 = types_of(qwen_7b(), WeightPrecision::kInt4);
  for (const auto& [name, found] : int4) {
    const bool outside = name == "token_embd.weight" || name == "output.weight";
    CHECK_MESSAGE(found == (outside ? tensor::DType::kF16 : tensor::DType::kInt4), name);
  }
  // Head 152064 x 3584; a layer's projections: q, o 3584 x 3584, k, v 512 x 3584, gate, up 18944 x 3584, down 3584 x 18944; 28 of them.
  // Float32 vectors: 57 norms of 3584, 28 biases of 4608.
  const std::uint64_t rows = 3584 + 2 * 512 + 3584 + 2 * 18944;  // of 3584 columns
  const std::uint64_t vectors = 4 * (57 * 3584 + 28 * 4608);
  CHECK(total_weights(qwen_7b(), WeightPrecision::kInt8).read_per_token ==
        152064 * (3584 + 4) + 28 * (rows * (3584 + 4) + 3584 * (18944 + 4)) + vectors);
  CHECK(total_weights(qwen_7b(), WeightPrecision::kInt4).read_per_token ==
        152064 * 3584 * 2 + 28 * (rows * (3584 / 128 * 68) + 3584 * (18944 / 128 * 68)) + vectors);
}

TEST_CASE("the router of an expert layer stays float32 at every precision") {
  for (const auto precision : {WeightPrecision::kBF16, WeightPrecision::kQ4_K_M, WeightPrecision::kQ8_0, WeightPrecision::kInt8, WeightPrecision::kFP8,
                               WeightPrecision::kInt4}) {
    CHECK(types_of(qwen_30b_a3b(), precision).at("blk.7.ffn_gate_inp.weight") == tensor::DType::kF32);
  }
}

TEST_CASE("rows of a permuted head come out in split-half order") {
  // llama's converter views each head's rows as (2, head_dim/2) and swaps the two axes.
  constexpr std::int64_t kHeadDim = 6;
  std::vector<std::int64_t> file_order;  // split-half row at each place of the file
  for (std::int64_t head = 0; head < 2; ++head) {
    for (std::int64_t pair = 0; pair < kHeadDim / 2; ++pair) {
      for (std::int64_t half = 0; half < 2; ++half) file_order.push_back(head * kHeadDim + half * kHeadDim / 2 + pair);
    }
  }
  for (std::int64_t row = 0; row < 2 * kHeadDim; ++row) CHECK(file_order[static_cast<std::size_t>(permuted_row(row, kHeadDim))] == row);
}

TEST_CASE("a file's rows are converted on the way and read the same in any portions") {
  std::vector<float> numbers(4 * 64);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = std::sin(static_cast<float>(i));
  formats::TensorEntry entry{"w", tensor::DType::kF32, {4, 64}, reinterpret_cast<const std::byte*>(numbers.data()), numbers.size() * 4};
  const auto rows = make_file_rows(entry, tensor::DType::kQ8_0, 0);
  const std::int64_t bytes = tensor::row_bytes(tensor::DType::kQ8_0, 64);
  std::vector<std::byte> whole(static_cast<std::size_t>(4 * bytes)), parts = whole, expected = whole;
  rows->read_rows(0, 4, whole.data());
  rows->read_rows(0, 1, parts.data());
  rows->read_rows(1, 3, parts.data() + bytes);
  for (std::int64_t r = 0; r < 4; ++r) tensor::quantize_row(tensor::DType::kQ8_0, numbers.data() + r * 64, expected.data() + r * bytes, 64);
  CHECK(whole == parts);
  CHECK(whole == expected);
}

TEST_CASE("drawn rows have deviation 1/sqrt(in) and differ between rows and tensors") {
  for (const auto dtype : {tensor::DType::kBF16, tensor::DType::kQ8_0, tensor::DType::kQ4_0, tensor::DType::kQ4_K, tensor::DType::kQ6_K, tensor::DType::kInt8,
                           tensor::DType::kFP8, tensor::DType::kFP8Block, tensor::DType::kInt4}) {
    CAPTURE(tensor::name_of(dtype));
    const auto a = make_drawn_rows(dtype, 64, 1024, 1, 10);
    const auto b = make_drawn_rows(dtype, 64, 1024, 1, 11);
    const std::int64_t bytes = tensor::row_bytes(dtype, 1024);
    std::vector<std::byte> first(static_cast<std::size_t>(64 * bytes)), other = first;
    a->read_rows(0, 64, first.data());
    b->read_rows(0, 64, other.data());
    CHECK(first != other);
    CHECK(std::memcmp(first.data(), first.data() + bytes, static_cast<std::size_t>(bytes)) != 0);
    double sum = 0.0, squares = 0.0;
    std::vector<float> row(1024);
    for (std::int64_t r = 0; r < 64; ++r) {
      tensor::dequantize_row(dtype, first.data() + r * bytes, row.data(), 1024);
      for (const float v : row) {
        sum += static_cast<double>(v);
        squares += static_cast<double>(v) * static_cast<double>(v);
      }
    }
    const double n = 64.0 * 1024.0;
    CHECK(std::fabs(sum / n) < 0.1 / 32.0);
    CHECK(std::sqrt(squares / n) == doctest::Approx(1.0 / 32.0).epsilon(0.05));
  }
}

TEST_CASE("linear scaling divides every frequency and no scaling leaves theta's powers") {
  formats::ModelConfig c;
  c.head_dim = 8;
  c.rope_theta = 10000.0;
  const backend::Rope plain = make_rope(c);
  CHECK(plain.inverse_frequency[0] == 1.0);
  CHECK(plain.inverse_frequency[3] == doctest::Approx(1e-3).epsilon(1e-12));
  c.rope_scaling.kind = formats::RopeScaling::Kind::kLinear;
  c.rope_scaling.factor = 4.0;
  for (std::size_t j = 0; j < 4; ++j) CHECK(make_rope(c).inverse_frequency[j] == doctest::Approx(plain.inverse_frequency[j] / 4.0));
}

}  // namespace qbench::model
