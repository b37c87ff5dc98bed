#include "formats/json_fields.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "formats/quote.h"

namespace qbench::formats {

using nlohmann::json;

JsonFields::JsonFields(const json& value, std::string where, std::string prefix)
    : value_(value), where_(std::move(where)), prefix_(std::move(prefix)) {
  if (value_.is_object()) return;
  const std::string what = prefix_.empty() ? "the file" : prefix_.substr(0, prefix_.size() - 1);
  throw Error(ErrorCode::kFormat, fmt::format("{}: expected an object, found {}", what, quote(dump_json(value_))), where_);
}

const json* JsonFields::find(std::string_view name) const {
  const auto at = value_.find(name);
  return at == value_.end() || at->is_null() ? nullptr : &*at;
}

void JsonFields::fail(std::string_view name, std::string_view expected, const json& found) const {
  throw Error(ErrorCode::kFormat, fmt::format("{}{}: expected {}, found {}", prefix_, name, expected, quote(dump_json(found))), where_);
}

std::int64_t JsonFields::to_integer(std::string_view name, const json& value, std::int64_t low, std::int64_t high) const {
  const std::string expected = fmt::format("a whole number from {} to {}", low, high);
  std::int64_t number = 0;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) fail(name, expected, value);
  if (value.is_number_integer()) {
    number = value.get<std::int64_t>();
  } else if (value.is_number_float() && std::floor(value.get<double>()) == value.get<double>() && std::fabs(value.get<double>()) < 0x1p53) {
    number = static_cast<std::int64_t>(value.get<double>());  // some configs write 4096.0
  } else {
    fail(name, expected, value);
  }
  if (number < low || number > high) fail(name, expected, value);
  return number;
}

std::optional<std::int64_t> JsonFields::integer(std::string_view name, std::int64_t low, std::int64_t high) const {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  return to_integer(name, *value, low, high);
}

std::int64_t JsonFields::require_integer(std::string_view name, std::int64_t low, std::int64_t high) const {
  const std::optional<std::int64_t> value = integer(name, low, high);
  if (!value) throw Error(ErrorCode::kFormat, fmt::format("{}{}: expected a whole number, found nothing", prefix_, name), where_);
  return *value;
}

std::optional<double> JsonFields::number(std::string_view name) const {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number() || !std::isfinite(value->get<double>())) fail(name, "a number", *value);
  return value->get<double>();
}

std::optional<bool> JsonFields::boolean(std::string_view name) const {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) fail(name, "true or false", *value);
  return value->get<bool>();
}

std::optional<std::string> JsonFields::string(std::string_view name) const {
  const json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) fail(name, "a string", *value);
  return value->get<std::string>();
}

std::vector<std::int64_t> JsonFields::integers(std::string_view name, std::int64_t low, std::int64_t high) const {
  const json* value = find(name);
  if (value == nullptr) return {};
  if (!value->is_array()) return {to_integer(name, *value, low, high)};
  std::vector<std::int64_t> out;
  out.reserve(value->size());
  for (const json& element : *value) out.push_back(to_integer(name, element, low, high));
  return out;
}

}  // namespace qbench::formats
