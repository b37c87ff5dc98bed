#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qbench::formats {

/// Typed reading of one object of an untrusted JSON file. A field that is null counts as absent; a field of the wrong type or out of range
/// throws Error{kFormat} that names the file, the field, what was expected and what was found. Borrows the object.
class JsonFields {
 public:
  /// `prefix` stands before field names in messages, e.g. "rope_scaling.". Throws when `value` is not an object.
  JsonFields(const nlohmann::json& value, std::string where, std::string prefix = {});

  const nlohmann::json* find(std::string_view name) const;  ///< nullptr when absent or null
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t low, std::int64_t high) const;
  std::int64_t require_integer(std::string_view name, std::int64_t low, std::int64_t high) const;
  std::optional<double> number(std::string_view name) const;  ///< finite
  std::optional<bool> boolean(std::string_view name) const;
  std::optional<std::string> string(std::string_view name) const;
  /// One integer or a list of them; empty when absent.
  std::vector<std::int64_t> integers(std::string_view name, std::int64_t low, std::int64_t high) const;

  const std::string& where() const noexcept { return where_; }
  [[noreturn]] void fail(std::string_view name, std::string_view expected, const nlohmann::json& found) const;

 private:
  std::int64_t to_integer(std::string_view name, const nlohmann::json& value, std::int64_t low, std::int64_t high) const;
  const nlohmann::json& value_;
  std::string where_;
  std::string prefix_;
};

}  // namespace qbench::formats
