#include "formats/safetensors_file.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/byte_reader.h"
#include "base/error.h"
#include "base/json.h"
#include "formats/json_fields.h"
#include "formats/quote.h"

namespace qbench::formats {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxHeader = 100'000'000;  // the reference implementation's limit

struct TypeName {
  std::string_view name;
  StoredType stored;
  tensor::DType dtype;
  std::uint64_t bytes;
};
constexpr TypeName kTypes[] = {{"F32", StoredType::kFloat, tensor::DType::kF32, 4},
                               {"F16", StoredType::kFloat, tensor::DType::kF16, 2},
                               {"BF16", StoredType::kFloat, tensor::DType::kBF16, 2},
                               {"F8_E4M3", StoredType::kE4M3, tensor::DType::kF32, 1},
                               {"I32", StoredType::kInt32, tensor::DType::kF32, 4}};

[[noreturn]] void fail(std::string_view name, const std::string& message, const std::string& where, ErrorCode code = ErrorCode::kFormat) {
  throw Error(code, fmt::format("tensor {}: {}", quote(name), message), where);
}

StoredTensor read_entry(const std::string& name, const json& value, std::span<const std::byte> data, const std::string& where) {
  const JsonFields fields(value, where, fmt::format("tensor {}.", quote(name)));
  StoredTensor entry;
  entry.name = name;
  const std::string type = fields.string("dtype").value_or("");
  const auto* known = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const TypeName& t) { return t.name == type; });
  if (known == std::end(kTypes)) {
    fail(name, fmt::format("dtype {} is not supported; this build reads F32, F16, BF16, F8_E4M3 and I32", quote(type)), where,
         ErrorCode::kUnsupported);
  }
  entry.dtype = known->dtype;
  entry.stored = known->stored;
  const json* shape = fields.find("shape");
  if (shape == nullptr || !shape->is_array() || shape->size() > 8) fail(name, "shape: expected a list of at most 8 numbers", where);
  entry.shape = fields.integers("shape", 1, std::int64_t{1} << 40);
  std::uint64_t elements = 1;
  for (const std::int64_t size : entry.shape) {
    if (elements > (std::uint64_t{1} << 60) / static_cast<std::uint64_t>(size))
      fail(name, "its dimensions multiply to more than 2^60 elements", where);
    elements *= static_cast<std::uint64_t>(size);
  }
  const std::vector<std::int64_t> range = fields.integers("data_offsets", 0, INT64_MAX);
  if (range.size() != 2) fail(name, "data_offsets: expected two numbers", where);
  const auto begin = static_cast<std::uint64_t>(range[0]), end = static_cast<std::uint64_t>(range[1]);
  if (begin > end || end > data.size()) {
    fail(name, fmt::format("truncated: data_offsets [{}, {}] pass the end of the data ({} bytes)", begin, end, data.size()), where);
  }
  entry.bytes = elements * known->bytes;
  if (entry.bytes != end - begin)
    fail(name, fmt::format("shape {} takes {} bytes, data_offsets cover {}", shape_text(entry.shape), entry.bytes, end - begin), where);
  entry.data = data.data() + begin;
  return entry;
}

/// The reference implementation's rule: the tensors tile the data exactly.
void check_tiling(const std::vector<StoredTensor>& tensors, std::span<const std::byte> data, const std::string& where) {
  const std::byte* expected = data.data();
  for (const TensorEntry& entry : tensors) {
    if (entry.data != expected)
      fail(entry.name, entry.data < expected ? "its data overlaps another tensor's" : "there is a hole in the data before it", where);
    expected += entry.bytes;
  }
  const auto rest = static_cast<std::uint64_t>(data.data() + data.size() - expected);
  if (rest != 0) throw Error(ErrorCode::kFormat, fmt::format("{} bytes of data behind the last tensor belong to none", rest), where);
}

}  // namespace

std::string_view stored_name(const StoredTensor& tensor) noexcept {
  for (const TypeName& type : kTypes) {
    if (type.stored == tensor.stored && (tensor.stored != StoredType::kFloat || type.dtype == tensor.dtype)) return type.name;
  }
  return "?";
}

SafetensorsFile parse_safetensors(std::span<const std::byte> bytes, const std::string& where) {
  ByteReader reader(bytes, where);
  if (std::string_view(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(bytes.size(), 23)) == "version https://git-lfs") {
    reader.fail("a Git LFS pointer: the file itself was never downloaded");
  }
  const auto header_bytes = reader.read<std::uint64_t>();
  if (header_bytes > kMaxHeader || header_bytes > reader.remaining()) {
    reader.fail(fmt::format("claims a header of {} bytes; expected at most {}", header_bytes, std::min(kMaxHeader, reader.remaining())));
  }
  const std::string_view text = reader.read_bytes(header_bytes);
  SafetensorsFile file;
  file.header = bytes.first(reader.offset());
  const std::span<const std::byte> data = bytes.subspan(reader.offset());
  const json header = parse_json(text, where + ": header", JsonLimits{.depth = 4, .unique_keys = true});
  const JsonFields object(header, where);
  for (const auto& [name, value] : header.items()) {
    if (name != "__metadata__") file.tensors.push_back(read_entry(name, value, data, where));
  }
  std::sort(file.tensors.begin(), file.tensors.end(), [](const StoredTensor& a, const StoredTensor& b) { return a.data < b.data; });
  check_tiling(file.tensors, data, where);
  return file;
}

}  // namespace qbench::formats
