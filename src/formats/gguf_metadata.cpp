#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/error.h"
#include "formats/gguf_file.h"
#include "formats/quote.h"

namespace qbench::formats {
namespace {

template <class T>
T load(std::span<const std::byte> payload) {
  T value;
  std::memcpy(&value, payload.data(), sizeof(T));
  return value;
}

/// The value as a 64-bit integer; nothing for other types and for numbers above INT64_MAX.
std::optional<std::int64_t> as_integer(const GgufValue& v) {
  switch (v.type) {
    case GgufType::kU8:
      return load<std::uint8_t>(v.payload);
    case GgufType::kI8:
      return load<std::int8_t>(v.payload);
    case GgufType::kU16:
      return load<std::uint16_t>(v.payload);
    case GgufType::kI16:
      return load<std::int16_t>(v.payload);
    case GgufType::kU32:
      return load<std::uint32_t>(v.payload);
    case GgufType::kI32:
      return load<std::int32_t>(v.payload);
    case GgufType::kI64:
      return load<std::int64_t>(v.payload);
    case GgufType::kU64: {
      const auto value = load<std::uint64_t>(v.payload);
      if (value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

void GgufMetadata::add(std::string_view key, const GgufValue& value) {
  if (!values_.emplace(key, value).second) throw Error(ErrorCode::kFormat, fmt::format("metadata key {} stands twice", quote(key)), where_);
}

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto at = values_.find(key);
  return at == values_.end() ? nullptr : &at->second;
}

void GgufMetadata::fail(std::string_view key, std::string_view message) const {
  throw Error(ErrorCode::kFormat, fmt::format("metadata key {}: {}", quote(key), message), where_);
}

std::optional<std::int64_t> GgufMetadata::integer(std::string_view key, std::int64_t low, std::int64_t high) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  const std::optional<std::int64_t> number = as_integer(*value);
  if (!number) fail(key, "expected a whole number below 2^63, found another type or a larger one");
  if (*number < low || *number > high) fail(key, fmt::format("expected {}..{}, found {}", low, high, *number));
  return number;
}

std::int64_t GgufMetadata::require_integer(std::string_view key, std::int64_t low, std::int64_t high) const {
  const std::optional<std::int64_t> value = integer(key, low, high);
  if (!value) fail(key, "expected a whole number, found no such key");
  return *value;
}

std::optional<double> GgufMetadata::number(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  double number = NAN;
  if (value->type == GgufType::kF32)
    number = static_cast<double>(load<float>(value->payload));
  else if (value->type == GgufType::kF64)
    number = load<double>(value->payload);
  else if (const auto whole = as_integer(*value))
    number = static_cast<double>(*whole);
  if (!std::isfinite(number)) fail(key, "expected a finite number");
  return number;
}

std::optional<bool> GgufMetadata::boolean(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != GgufType::kBool) fail(key, "expected true or false, found another type");
  return load<std::uint8_t>(value->payload) != 0;
}

std::optional<std::string_view> GgufMetadata::string(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->type != GgufType::kString) fail(key, "expected a string, found another type");
  return std::string_view(reinterpret_cast<const char*>(value->payload.data()), value->payload.size());
}

const GgufValue* GgufMetadata::array(std::string_view key, std::string_view what) const {
  const GgufValue* value = find(key);
  if (value != nullptr && value->type != GgufType::kArray) fail(key, fmt::format("expected an array of {}, found a single value", what));
  return value;
}

std::vector<std::string> GgufMetadata::strings(std::string_view key) const {
  const GgufValue* value = array(key, "strings");
  if (value == nullptr) return {};
  if (value->element != GgufType::kString) fail(key, "expected an array of strings, found another element type");
  std::vector<std::string> out;
  out.reserve(value->count);
  std::span<const std::byte> rest = value->payload;
  for (std::uint64_t i = 0; i < value->count; ++i) {
    const auto size = static_cast<std::size_t>(load<std::uint64_t>(rest));
    out.emplace_back(reinterpret_cast<const char*>(rest.data()) + 8, size);
    rest = rest.subspan(8 + size);
  }
  return out;
}

std::vector<float> GgufMetadata::floats(std::string_view key) const {
  const GgufValue* value = array(key, "f32");
  if (value == nullptr) return {};
  if (value->element != GgufType::kF32) fail(key, "expected an array of f32, found another element type");
  std::vector<float> out(value->count);
  if (!out.empty()) std::memcpy(out.data(), value->payload.data(), value->payload.size());
  return out;
}

std::vector<std::int32_t> GgufMetadata::integers32(std::string_view key) const {
  const GgufValue* value = array(key, "i32");
  if (value == nullptr) return {};
  if (value->element != GgufType::kI32 && value->element != GgufType::kU32)
    fail(key, "expected an array of i32, found another element type");
  std::vector<std::int32_t> out(value->count);
  if (!out.empty()) std::memcpy(out.data(), value->payload.data(), value->payload.size());
  return out;
}

}  // namespace qbench::formats
