#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace qbench::quality {

/// How values in the tagged form of prompts/README.md are compared. All else is strict: types differ, values differ.
struct ValueRules {
  double tolerance = 0;           ///< of floating-point numbers, absolute or relative to what is expected
  bool one_number_type = false;   ///< TypeScript: 1 and 1.0 are one number
  bool tuples_are_lists = false;  ///< C++ and TypeScript: a fixed number of values is written either way
  bool unordered = false;         ///< the outermost list is compared as a multiset
};

/// Rules of a language.
ValueRules value_rules(std::string_view language, double tolerance);

/// The first difference in one line (`at [2].name: expected 3, got 4`), or nothing where the values are equal. Equal are NaN and NaN; sets
/// and the pairs of dicts in any order. Malformed tags in `actual`, which is foreign, equal nothing.
std::optional<std::string> find_difference(const nlohmann::json& expected, const nlohmann::json& actual, const ValueRules& rules);

/// The value for a one-line message, cut.
std::string shown_value(const nlohmann::json& value);

}  // namespace qbench::quality
