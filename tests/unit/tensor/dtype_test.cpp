#include "tensor/dtype.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace qbench::tensor {

TEST_CASE("every storage type is found by its name, and where GGUF has it by its number there") {
  std::set<std::string> names;
  for (const DTypeInfo& type : all_dtypes()) {
    CHECK(&info(type.dtype) == &type);
    CHECK(dtype_from_name(type.name) == type.dtype);
    if (type.ggml_id != kNoGgmlId) CHECK(dtype_from_ggml_id(type.ggml_id) == type.dtype);
    CHECK(name_of(type.dtype) == type.name);
    CHECK(names.insert(std::string(type.name)).second);
  }
  CHECK(names.size() == 19);
  CHECK_FALSE(dtype_from_name("q4_k_m").has_value());
  CHECK_FALSE(dtype_from_name("F32").has_value());
  for (const std::uint32_t foreign : {4u, 5u, 9u, 15u, 16u, 24u, 28u, 39u, 1000u, kNoGgmlId}) CHECK_FALSE(dtype_from_ggml_id(foreign).has_value());
}

TEST_CASE("row bytes follow the block sizes of ggml") {
  const struct {
    std::string name;
    std::int64_t bytes;
  } expected[] = {{"f32", 1024}, {"f16", 512},  {"bf16", 512}, {"q4_0", 144}, {"q4_1", 160}, {"q5_0", 176},   {"q5_1", 192},  {"q8_0", 272},
                  {"q2_k", 84},  {"q3_k", 110}, {"q4_k", 144}, {"q5_k", 176}, {"q6_k", 210}, {"iq4_nl", 144}, {"iq4_xs", 136}};
  for (const auto& [name, bytes] : expected) {
    CAPTURE(name);
    CHECK(row_bytes(*dtype_from_name(name), 256) == bytes);
    CHECK(row_bytes(*dtype_from_name(name), 256 * 1000) == bytes * 1000);
    CHECK(row_bytes(*dtype_from_name(name), 0) == 0);
  }
  for (const DType dtype : {DType::kInt8, DType::kFP8}) {  // one scale a row
    CHECK(row_bytes(dtype, 256) == 260);
    CHECK(row_bytes(dtype, 256 * 1000) == 256 * 1000 + 4);
    CHECK(row_bytes(dtype, 0) == 0);
  }
  CHECK(row_bytes(DType::kFP8Block, 256) == 2 * 132);
  CHECK(row_bytes(DType::kInt4, 256) == 2 * 68);
  CHECK(row_bytes(DType::kF32, std::int64_t{1} << 40) == std::int64_t{1} << 42);
}

}  // namespace qbench::tensor
