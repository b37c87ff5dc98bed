#include "formats/hf_quantization.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/ascii.h"
#include "base/error.h"
#include "formats/json_fields.h"
#include "formats/quantised_rows.h"
#include "formats/quote.h"
#include "tensor/blocks.h"

namespace qbench::formats {
namespace {

using nlohmann::json;
using tensor::DType;
using tensor::kGroup;
using Method = HfQuantization::Method;

constexpr std::string_view kAdvice = "use the unquantised checkpoint or a GGUF";

[[noreturn]] void unsupported(const std::string& field, const std::string& message, const std::string& where) {
  throw Error(ErrorCode::kUnsupported, fmt::format("quantization_config.{}: {}; {}", field, message, kAdvice), where);
}

[[noreturn]] void fail(const std::string& tensor, const std::string& message, const std::string& where, ErrorCode code = ErrorCode::kFormat) {
  throw Error(code, fmt::format("tensor {}: {}", quote(tensor), message), where);
}

void read_int4(const JsonFields& fields, HfQuantization& q) {
  const std::int64_t bits = fields.require_integer("bits", 1, 64);
  if (bits != 4) unsupported("bits", fmt::format("this build reads 4-bit {} checkpoints, not {}-bit ones", name_of(q.method), bits), fields.where());
  const std::int64_t group = fields.require_integer("group_size", -1, INT32_MAX);
  if (group == 0 || (group > 0 && group % kGroup != 0))
    unsupported("group_size", fmt::format("this build reads groups of 128, of multiples of it, and whole rows (-1), not of {}", group), fields.where());
  q.group_size = std::max<std::int64_t>(group, 0);
}

void read_awq(const JsonFields& fields, HfQuantization& q) {
  read_int4(fields, q);
  const std::string version = ascii_lower(fields.string("version").value_or("gemm"));
  if (version != "gemm") unsupported("version", fmt::format("this build reads AWQ's packing 'gemm', not {}", quote(version)), fields.where());
  if (!fields.boolean("zero_point").value_or(true)) unsupported("zero_point", "this build reads AWQ with zero points only", fields.where());
}

void read_gptq(const JsonFields& fields, HfQuantization& q) {
  read_int4(fields, q);
  const std::string format = ascii_lower(fields.string("checkpoint_format").value_or("gptq"));
  if (format != "gptq" && format != "gptq_v2")
    unsupported("checkpoint_format", fmt::format("this build reads 'gptq' and 'gptq_v2', not {}", quote(format)), fields.where());
  q.zeros_less_one = format == "gptq";
  q.activation_order = fields.boolean("desc_act").value_or(false);
}

void read_fp8(const JsonFields& fields) {
  const std::vector<std::int64_t> block = fields.integers("weight_block_size", 1, INT32_MAX);
  if (block != std::vector<std::int64_t>{kGroup, kGroup}) {
    unsupported("weight_block_size",
                block.empty() ? "this build reads FP8 with scales of 128 x 128 blocks, and there is no weight_block_size"
                              : fmt::format("this build reads FP8 with scales of 128 x 128 blocks, not {}", shape_text(block)),
                fields.where());
  }
  const std::string format = ascii_lower(fields.string("fmt").value_or("e4m3"));
  if (format != "e4m3") unsupported("fmt", fmt::format("this build reads 'e4m3', not {}", quote(format)), fields.where());
  const std::string scheme = ascii_lower(fields.string("activation_scheme").value_or("dynamic"));
  if (scheme != "dynamic")
    unsupported("activation_scheme", fmt::format("this build reads 'dynamic', not {}", quote(scheme)), fields.where());
}

std::string stem_of(const std::string& name, std::string_view suffix) {
  return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : std::string();
}

const StoredTensor& require(const StoredLookup& all, const std::string& name, const std::string& beside, const std::string& where) {
  const StoredTensor* found = all.find(name);
  if (found == nullptr) fail(name, fmt::format("missing; {} needs it", quote(beside)), where);
  return *found;
}

void expect_shape(const StoredTensor& tensor, const std::vector<std::int64_t>& shape, const std::string& where) {
  if (tensor.shape != shape) fail(tensor.name, fmt::format("expected shape {}, found {}", shape_text(shape), shape_text(tensor.shape)), where);
}

void expect_int32(const StoredTensor& tensor, const std::string& where) {
  if (tensor.stored != StoredType::kInt32) fail(tensor.name, fmt::format("expected dtype I32, found {}", stored_name(tensor)), where);
}

/// Group of every input in order: the only one that a row in groups of neighbours can follow.
void check_group_index(const StoredTensor& index, std::int64_t in, std::int64_t group_size, bool activation_order, const std::string& where) {
  expect_int32(index, where);
  expect_shape(index, {in}, where);
  for (std::int64_t i = 0; i < in; ++i) {
    std::int32_t group;
    std::memcpy(&group, index.data + 4 * i, sizeof(group));
    if (group == i / group_size) continue;
    fail(index.name,
         fmt::format("input {} is in group {}, not {}: {}; {}", i, group, i / group_size,
                     activation_order ? "columns in activation order (desc_act) are not supported" : "groups are not runs of neighbours", kAdvice),
         where, ErrorCode::kUnsupported);
  }
}

TensorEntry assemble_int4(const StoredTensor& codes, const std::string& stem, const HfQuantization& q, const StoredLookup& all,
                          const std::string& where) {
  const bool awq = q.method == Method::kAwq;
  expect_int32(codes, where);
  if (codes.shape.size() != 2) fail(codes.name, fmt::format("expected a matrix, found shape {}", shape_text(codes.shape)), where);
  const std::int64_t in = awq ? codes.shape[0] : codes.shape[0] * 8;
  const std::int64_t out = awq ? codes.shape[1] * 8 : codes.shape[1];
  const std::int64_t group_size = q.group_size == 0 ? in : q.group_size;
  if (in % kGroup != 0 || in % group_size != 0) {
    fail(codes.name, fmt::format("{} inputs are no multiple of {}; {}", in, in % kGroup != 0 ? kGroup : group_size, kAdvice), where,
         ErrorCode::kUnsupported);
  }
  if (out % 8 != 0) fail(codes.name, fmt::format("{} outputs are no multiple of the 8 that a word of zeros holds", out), where);
  const std::int64_t groups = in / group_size;
  const StoredTensor& zeros = require(all, stem + ".qzeros", codes.name, where);
  expect_int32(zeros, where);
  expect_shape(zeros, {groups, out / 8}, where);
  const StoredTensor& scales = require(all, stem + ".scales", codes.name, where);
  if (scales.stored != StoredType::kFloat || scales.dtype == DType::kF32)
    fail(scales.name, fmt::format("expected dtype F16 or BF16, found {}", stored_name(scales)), where);
  expect_shape(scales, {groups, out}, where);
  if (!awq) {
    const StoredTensor* index = all.find(stem + ".g_idx");
    if (index != nullptr) check_group_index(*index, in, group_size, q.activation_order, where);
    if (index == nullptr && q.activation_order) require(all, stem + ".g_idx", codes.name, where);
  }
  TensorEntry entry;
  entry.name = stem + ".weight";
  entry.dtype = DType::kInt4;
  entry.shape = {out, in};
  entry.bytes = static_cast<std::uint64_t>(out * tensor::row_bytes(DType::kInt4, in));
  entry.rows = int4_rows({out, in, group_size, codes.data, zeros.data, scales.data, scales.dtype == DType::kBF16, awq, q.zeros_less_one ? 1 : 0});
  return entry;
}

TensorEntry assemble_fp8(const StoredTensor& codes, const StoredLookup& all, const std::string& where) {
  if (codes.shape.size() != 2)
    fail(codes.name, fmt::format("F8_E4M3 is read in matrices only, found shape {}", shape_text(codes.shape)), where, ErrorCode::kUnsupported);
  const std::int64_t out = codes.shape[0], in = codes.shape[1];
  if (in % kGroup != 0) fail(codes.name, fmt::format("{} inputs are no multiple of 128; {}", in, kAdvice), where, ErrorCode::kUnsupported);
  const StoredTensor& scales = require(all, codes.name + "_scale_inv", codes.name, where);
  if (scales.stored != StoredType::kFloat) fail(scales.name, fmt::format("expected dtype BF16, F16 or F32, found {}", stored_name(scales)), where);
  expect_shape(scales, {(out + kGroup - 1) / kGroup, in / kGroup}, where);
  TensorEntry entry;
  entry.name = codes.name;
  entry.dtype = DType::kFP8Block;
  entry.shape = codes.shape;
  entry.bytes = static_cast<std::uint64_t>(out * tensor::row_bytes(DType::kFP8Block, in));
  entry.rows = fp8_rows({out, in, codes.data, scales.data, scales.dtype});
  return entry;
}

}  // namespace

std::string_view name_of(Method method) noexcept {
  switch (method) {
    case Method::kNone: return "";
    case Method::kAwq: return "awq";
    case Method::kGptq: return "gptq";
    case Method::kFP8: return "fp8";
  }
  return "";
}

HfQuantization read_hf_quantization(const json& config, const std::string& where) {
  HfQuantization q;
  const json* found = JsonFields(config, where).find("quantization_config");
  if (found == nullptr) return q;
  const JsonFields fields(*found, where, "quantization_config.");
  const std::string method = fields.string("quant_method").value_or("");
  if (method == "awq") {
    q.method = Method::kAwq;
    read_awq(fields, q);
  } else if (method == "gptq") {
    q.method = Method::kGptq;
    read_gptq(fields, q);
  } else if (method == "fp8") {
    q.method = Method::kFP8;
    read_fp8(fields);
  } else {
    unsupported("quant_method", fmt::format("this build reads awq, gptq and fp8, not {}", quote(method)), where);
  }
  return q;
}

bool is_quantised_part(const StoredTensor& tensor, const HfQuantization& quantization, const StoredLookup& all, const std::string& where) {
  if (quantization.method == Method::kNone) return false;
  if (quantization.method == Method::kFP8) {
    const std::string codes = stem_of(tensor.name, "_scale_inv");
    if (codes.empty()) return false;
    const StoredTensor* found = all.find(codes);
    if (found == nullptr || found->stored != StoredType::kE4M3)
      fail(tensor.name, fmt::format("scales {}, which is {}", quote(codes), found == nullptr ? "missing" : "no F8_E4M3"), where);
    return true;
  }
  for (const std::string_view suffix : {".qzeros", ".scales", ".g_idx"}) {
    const std::string stem = stem_of(tensor.name, suffix);
    if (stem.empty() || (suffix == ".g_idx" && quantization.method == Method::kAwq)) continue;
    require(all, stem + ".qweight", tensor.name, where);
    return true;
  }
  return false;
}

std::optional<TensorEntry> assemble_quantised(const StoredTensor& tensor, const HfQuantization& quantization, const StoredLookup& all,
                                              const std::string& where) {
  if (tensor.stored == StoredType::kFloat) return std::nullopt;
  const bool packed = quantization.method == Method::kAwq || quantization.method == Method::kGptq;
  if (packed) {
    if (const std::string stem = stem_of(tensor.name, ".qweight"); !stem.empty()) return assemble_int4(tensor, stem, quantization, all, where);
  }
  if (quantization.method == Method::kFP8 && tensor.stored == StoredType::kE4M3) return assemble_fp8(tensor, all, where);
  fail(tensor.name,
       fmt::format("dtype {} has no place in {}", stored_name(tensor),
                   quantization.method == Method::kNone ? std::string("a checkpoint without quantization_config")
                                                        : fmt::format("this {} checkpoint", name_of(quantization.method))),
       where, ErrorCode::kUnsupported);
}

}  // namespace qbench::formats
