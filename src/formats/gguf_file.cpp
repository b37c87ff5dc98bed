#include "formats/gguf_file.h"

#include <algorithm>
#include <bit>
#include <unordered_set>

#include <fmt/format.h>

#include "base/byte_reader.h"
#include "base/error.h"
#include "formats/quote.h"

namespace qbench::formats {
namespace {

constexpr std::uint32_t kMaxDims = 4;
constexpr std::uint64_t kMaxTensorName = 63;    // ggml keeps 64 bytes with the final zero
constexpr std::uint64_t kMaxKeyLength = 65535;  // the specification's limit
constexpr std::uint64_t kDefaultAlignment = 32;

std::uint64_t scalar_bytes(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64:
      return 8;
    default:
      return 0;
  }
}

/// Tensor types of ggml that this build does not read, for a message that says more than a number.
std::string_view foreign_type_name(std::uint32_t id) {
  switch (id) {
    case 9:
      return "q8_1";
    case 15:
      return "q8_k";
    case 16:
      return "iq2_xxs";
    case 17:
      return "iq2_xs";
    case 18:
      return "iq3_xxs";
    case 19:
      return "iq1_s";
    case 21:
      return "iq3_s";
    case 22:
      return "iq2_s";
    case 24:
      return "i8";
    case 25:
      return "i16";
    case 26:
      return "i32";
    case 27:
      return "i64";
    case 28:
      return "f64";
    case 29:
      return "iq1_m";
    case 34:
      return "tq1_0";
    case 35:
      return "tq2_0";
    case 39:
      return "mxfp4";
    default:
      return "unknown";
  }
}

class Parser {
 public:
  Parser(std::span<const std::byte> bytes, const std::string& where) : bytes_(bytes), where_(where), reader_(bytes, where) {
    file_.metadata = GgufMetadata(where);
  }

  GgufFile metadata() {
    read_header();
    for (std::uint64_t i = 0; i < key_count_; ++i) read_key();
    return std::move(file_);
  }

  GgufFile everything() {
    read_header();
    for (std::uint64_t i = 0; i < key_count_; ++i) read_key();
    read_tensors();
    return std::move(file_);
  }

 private:
  void read_header() {
    if (bytes_.size() < 4 || std::string_view(reinterpret_cast<const char*>(bytes_.data()), 4) != "GGUF") {
      const std::string_view start(reinterpret_cast<const char*>(bytes_.data()), std::min<std::size_t>(bytes_.size(), 24));
      const std::string_view hint =
          start.starts_with("version https://git-lfs") ? " (a Git LFS pointer: the file itself was never downloaded)" : "";
      reader_.fail(fmt::format("not a GGUF file: expected it to start with 'GGUF', found {}{}", quote(start.substr(0, 4)), hint));
    }
    reader_.read_bytes(4);
    file_.version = reader_.read<std::uint32_t>();
    if (file_.version != 2 && file_.version != 3) {
      const bool swapped = (file_.version & 0xffffu) == 0 && file_.version != 0;
      throw Error(ErrorCode::kUnsupported,
                  swapped ? std::string("big-endian GGUF; this build reads little-endian files only")
                          : fmt::format("GGUF version {}; this build reads versions 2 and 3", file_.version),
                  where_);
    }
    tensor_count_ = reader_.read<std::uint64_t>();
    key_count_ = reader_.read<std::uint64_t>();
    // The smallest key takes 8 + 4 + 1 bytes, the smallest tensor info 8 + 4 + 8 + 4 + 8: larger counts cannot be true.
    if (key_count_ > reader_.remaining() / 13)
      reader_.fail(fmt::format("claims {} metadata keys, more than {} bytes can hold", key_count_, reader_.remaining()));
    if (tensor_count_ > reader_.remaining() / 32)
      reader_.fail(fmt::format("claims {} tensors, more than {} bytes can hold", tensor_count_, reader_.remaining()));
  }

  std::string_view read_string(std::uint64_t max_bytes, std::string_view what) {
    const auto size = reader_.read<std::uint64_t>();
    if (size > max_bytes)
      reader_.fail(fmt::format("{} at offset {} claims {} bytes; at most {} are allowed", what, reader_.offset() - 8, size, max_bytes));
    if (size > reader_.remaining())
      reader_.fail(
          fmt::format("truncated: {} at offset {} claims {} bytes, {} are left", what, reader_.offset() - 8, size, reader_.remaining()));
    return reader_.read_bytes(size);
  }

  GgufType read_type(std::string_view key) {
    const auto raw = reader_.read<std::uint32_t>();
    if (raw > static_cast<std::uint32_t>(GgufType::kF64))
      reader_.fail(fmt::format("metadata key {}: unknown value type {}", quote(key), raw));
    return static_cast<GgufType>(raw);
  }

  std::span<const std::byte> since(std::uint64_t start) const { return bytes_.subspan(start, reader_.offset() - start); }

  void read_key() {
    const std::string_view key = read_string(kMaxKeyLength, "metadata key");
    if (key.empty()) reader_.fail(fmt::format("empty metadata key at offset {}", reader_.offset() - 8));
    GgufValue value;
    value.type = read_type(key);
    if (value.type == GgufType::kArray) {
      read_array(key, value);
    } else if (value.type == GgufType::kString) {
      const std::string_view text = read_string(bytes_.size(), fmt::format("value of metadata key {}", quote(key)));
      value.payload = std::as_bytes(std::span(text));
    } else {
      const std::uint64_t start = reader_.offset();
      reader_.read_bytes(scalar_bytes(value.type));
      value.payload = since(start);
    }
    file_.metadata.add(key, value);
  }

  void read_array(std::string_view key, GgufValue& value) {
    value.element = read_type(key);
    value.count = reader_.read<std::uint64_t>();
    if (value.element == GgufType::kArray)
      throw Error(ErrorCode::kUnsupported, fmt::format("metadata key {}: an array of arrays", quote(key)), where_);
    const std::uint64_t smallest = value.element == GgufType::kString ? 8 : scalar_bytes(value.element);
    if (value.count > reader_.remaining() / smallest) {
      reader_.fail(
          fmt::format("truncated: metadata key {} claims {} elements, {} bytes are left", quote(key), value.count, reader_.remaining()));
    }
    const std::uint64_t start = reader_.offset();
    if (value.element == GgufType::kString) {
      const std::string what = fmt::format("element of metadata key {}", quote(key));
      for (std::uint64_t i = 0; i < value.count; ++i) read_string(bytes_.size(), what);
    } else {
      reader_.read_bytes(value.count * smallest);
    }
    value.payload = since(start);
  }

  [[noreturn]] void fail_tensor(std::string_view name, const std::string& message, ErrorCode code = ErrorCode::kFormat) const {
    throw Error(code, fmt::format("tensor {}: {}", quote(name), message), where_);
  }

  /// Dimensions, type and size of one tensor; its offset goes to `offsets_` until the data's start is known.
  void read_tensor_info() {
    const std::string_view name = read_string(kMaxTensorName, "tensor name");
    if (name.empty()) reader_.fail("a tensor without a name");
    TensorEntry entry;
    entry.name = std::string(name);
    const auto dims = reader_.read<std::uint32_t>();
    if (dims < 1 || dims > kMaxDims) fail_tensor(name, fmt::format("expected 1 to {} dimensions, found {}", kMaxDims, dims));
    std::uint64_t elements = 1;
    for (std::uint32_t i = 0; i < dims; ++i) {
      const auto size = reader_.read<std::uint64_t>();
      if (size == 0 || size > (std::uint64_t{1} << 40)) fail_tensor(name, fmt::format("dimension {} is {}", i, size));
      if (elements > (std::uint64_t{1} << 60) / size) fail_tensor(name, "its dimensions multiply to more than 2^60 elements");
      elements *= size;
      entry.shape.insert(entry.shape.begin(), static_cast<std::int64_t>(size));  // ne[0] is innermost
    }
    const auto type_id = reader_.read<std::uint32_t>();
    const std::optional<tensor::DType> dtype = tensor::dtype_from_ggml_id(type_id);
    if (!dtype)
      fail_tensor(name, fmt::format("type {} ({}) is not supported", type_id, foreign_type_name(type_id)), ErrorCode::kUnsupported);
    entry.dtype = *dtype;
    const tensor::DTypeInfo& type = tensor::info(*dtype);
    if (entry.shape.back() % type.block_elements != 0) {
      fail_tensor(name, fmt::format("rows of {} elements cannot be stored as {}, whose blocks have {}", entry.shape.back(), type.name,
                                    type.block_elements));
    }
    entry.bytes = elements / static_cast<std::uint64_t>(type.block_elements) * static_cast<std::uint64_t>(type.block_bytes);
    offsets_.push_back(reader_.read<std::uint64_t>());
    file_.tensors.push_back(std::move(entry));
  }

  std::uint64_t alignment() const {
    const auto value = static_cast<std::uint64_t>(file_.metadata.integer("general.alignment", 0, INT64_MAX).value_or(kDefaultAlignment));
    if (value % 8 != 0 || !std::has_single_bit(value) || value > bytes_.size() + kDefaultAlignment) {
      file_.metadata.fail("general.alignment", fmt::format("expected a power of two from 8 on, no larger than the file, found {}", value));
    }
    return value;
  }

  void read_tensors() {
    if (tensor_count_ > reader_.remaining() / 32)
      reader_.fail(fmt::format("truncated: {} tensors cannot stand in {} bytes", tensor_count_, reader_.remaining()));
    file_.tensors.reserve(tensor_count_);
    offsets_.reserve(tensor_count_);
    for (std::uint64_t i = 0; i < tensor_count_; ++i) read_tensor_info();
    const std::uint64_t align = alignment();
    const std::uint64_t data_start = std::min<std::uint64_t>((reader_.offset() + align - 1) / align * align, bytes_.size());
    file_.header = bytes_.first(reader_.offset());
    const std::span<const std::byte> data = bytes_.subspan(data_start);
    for (std::size_t i = 0; i < file_.tensors.size(); ++i) {
      TensorEntry& entry = file_.tensors[i];
      if (offsets_[i] % align != 0)
        fail_tensor(entry.name, fmt::format("offset {} is not a multiple of the alignment {}", offsets_[i], align));
      if (offsets_[i] > data.size() || entry.bytes > data.size() - offsets_[i]) {
        fail_tensor(entry.name, fmt::format("truncated: offset {} and {} bytes pass the end of the data ({} bytes)", offsets_[i],
                                            entry.bytes, data.size()));
      }
      entry.data = data.data() + offsets_[i];
    }
    check_names_and_tiling(data, align);
  }

  /// Names are unique, and the data is tiled without overlap, up to padding: a wrong count or size leaves bytes over.
  void check_names_and_tiling(std::span<const std::byte> data, std::uint64_t align) const {
    std::unordered_set<std::string_view> names;
    std::vector<const TensorEntry*> by_place;
    for (const TensorEntry& entry : file_.tensors) {
      if (!names.insert(entry.name).second) fail_tensor(entry.name, "stands twice in the file");
      by_place.push_back(&entry);
    }
    std::sort(by_place.begin(), by_place.end(), [](const TensorEntry* a, const TensorEntry* b) { return a->data < b->data; });
    const std::byte* end = data.data();
    for (const TensorEntry* entry : by_place) {
      if (entry->data < end) fail_tensor(entry->name, "its data overlaps that of the tensor before it");
      const auto gap = static_cast<std::uint64_t>(entry->data - end);
      if (gap >= align) fail_tensor(entry->name, fmt::format("{} bytes of data before it belong to no tensor", gap));
      end = entry->data + entry->bytes;
    }
    const auto rest = static_cast<std::uint64_t>(data.data() + data.size() - end);
    if (!by_place.empty() && rest >= align) reader_.fail(fmt::format("{} bytes behind the last tensor belong to none", rest));
  }

  std::span<const std::byte> bytes_;
  const std::string& where_;
  ByteReader reader_;
  GgufFile file_;
  std::uint64_t tensor_count_ = 0, key_count_ = 0;
  std::vector<std::uint64_t> offsets_;
};

}  // namespace

GgufFile parse_gguf(std::span<const std::byte> bytes, const std::string& where) { return Parser(bytes, where).everything(); }

GgufFile parse_gguf_metadata(std::span<const std::byte> bytes, const std::string& where) { return Parser(bytes, where).metadata(); }

}  // namespace qbench::formats
