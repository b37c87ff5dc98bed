#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/model_file.h"

namespace qbench::formats {

/// Value types of GGUF metadata (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
enum class GgufType : std::uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };

/// One metadata value: where its bytes lie, already walked once, so that reading it again cannot fail.
struct GgufValue {
  GgufType type = GgufType::kU8;
  GgufType element = GgufType::kU8;    ///< of an array
  std::uint64_t count = 1;             ///< elements of an array
  std::span<const std::byte> payload;  ///< the scalar, the string's characters, or the array's elements
};

/// The key-value part of one GGUF. Typed getters return nothing when the key is absent and throw Error{kFormat} on another type or range.
class GgufMetadata {
 public:
  explicit GgufMetadata(std::string where = {}) : where_(std::move(where)) {}

  void add(std::string_view key, const GgufValue& value);  ///< throws Error{kFormat} on a duplicate
  const GgufValue* find(std::string_view key) const;
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t low, std::int64_t high) const;  ///< of any integer type
  std::int64_t require_integer(std::string_view key, std::int64_t low, std::int64_t high) const;
  std::optional<double> number(std::string_view key) const;  ///< finite; float or integer
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> string(std::string_view key) const;
  std::vector<std::string> strings(std::string_view key) const;      ///< empty when absent
  std::vector<float> floats(std::string_view key) const;             ///< f32 array, empty when absent
  std::vector<std::int32_t> integers32(std::string_view key) const;  ///< i32 or u32 array, empty when absent

  const std::string& where() const noexcept { return where_; }
  [[noreturn]] void fail(std::string_view key, std::string_view message) const;

 private:
  const GgufValue* array(std::string_view key, std::string_view what) const;
  std::string where_;
  std::unordered_map<std::string_view, GgufValue> values_;
};

/// One GGUF container, every count and offset checked. Borrows the bytes it was parsed from.
struct GgufFile {
  std::uint32_t version = 0;
  GgufMetadata metadata;
  std::vector<TensorEntry> tensors;   ///< stored names; shapes outermost first
  std::span<const std::byte> header;  ///< everything before the tensor data
};

/// Parses GGUF v2 and v3, little-endian. Throws Error{kFormat} on anything that does not hold together, {kUnsupported} on other versions,
/// byte orders and tensor types; `where` names the file in messages.
GgufFile parse_gguf(std::span<const std::byte> bytes, const std::string& where);

/// As above, but stops before the tensor infos: enough for a vocabulary. `tensors` stays empty.
GgufFile parse_gguf_metadata(std::span<const std::byte> bytes, const std::string& where);

}  // namespace qbench::formats
