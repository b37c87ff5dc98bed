#include "quality/judge/values.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/json.h"

namespace qbench::quality {
namespace {

using nlohmann::json;
using Difference = std::optional<std::string>;

/// The content of {"tag": content}, or null.
const json* tagged(const json& value, const char* tag) {
  return value.is_object() && value.size() == 1 && value.begin().key() == tag ? &value.begin().value() : nullptr;
}

/// An integer's digits, however it is written.
std::optional<std::string> digits_of(const json& value) {
  if (const json* big = tagged(value, "$int")) return big->is_string() ? std::optional(big->get<std::string>()) : std::nullopt;
  if (value.is_number_unsigned()) return std::to_string(value.get<std::uint64_t>());
  if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
  return std::nullopt;
}

std::optional<double> float_of(const json& value) {
  if (value.is_number_float()) return value.get<double>();
  const json* special = tagged(value, "$float");
  if (special == nullptr) return std::nullopt;
  if (*special == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (*special == "inf") return std::numeric_limits<double>::infinity();
  if (*special == "-inf") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

/// A number where integers and floating-point numbers are one type; a bigint (beyond 2^53) is another.
std::optional<double> number_of(const json& value) {
  if (value.is_number()) return value.get<double>();
  return float_of(value);
}

bool is_near(double expected, double actual, double tolerance) {
  if (std::isnan(expected) || std::isnan(actual)) return std::isnan(expected) && std::isnan(actual);
  if (expected == actual) return true;
  if (std::isinf(expected) || std::isinf(actual)) return false;
  return std::abs(expected - actual) <= tolerance * std::max(1.0, std::abs(expected));
}

using Pairs = std::vector<std::pair<json, json>>;

/// The pairs of an object, or of a $dict.
std::optional<Pairs> pairs_of(const json& value) {
  Pairs pairs;
  if (const json* list = tagged(value, "$dict")) {
    if (!list->is_array()) return std::nullopt;
    for (const json& pair : *list) {
      if (!pair.is_array() || pair.size() != 2) return std::nullopt;
      pairs.emplace_back(pair[0], pair[1]);
    }
    return pairs;
  }
  if (!value.is_object()) return std::nullopt;
  for (const auto& [key, item] : value.items()) {
    if (key.starts_with('$')) return std::nullopt;
    pairs.emplace_back(key, item);
  }
  return pairs;
}

class Comparer {
 public:
  explicit Comparer(const ValueRules& rules) : rules_(rules) {}

  Difference compare(const json& expected, const json& actual, const std::string& at) const {
    if (const auto pairs = pairs_of(expected)) {
      const auto others = pairs_of(actual);
      return others ? compare_pairs(*pairs, *others, expected, actual, at) : differ(expected, actual, at);
    }
    for (const char* tag : {"$set", "$tuple", "$bytes", "$undefined"}) {
      if (tagged(expected, tag) != nullptr && !(rules_.tuples_are_lists && std::string_view(tag) == "$tuple"))
        return compare_tagged(tag, expected, actual, at);
    }
    if (const json* list = list_of(expected)) {
      const json* other = list_of(actual);
      return other != nullptr ? compare_lists(*list, *other, expected, actual, at) : differ(expected, actual, at);
    }
    return scalars_equal(expected, actual) ? std::nullopt : differ(expected, actual, at);
  }

  /// As multisets. Each expected value takes the first equal one that is left: exact but where a tolerance makes several fit several.
  Difference compare_unordered(const json& expected, const json& actual, const std::string& at) const {
    if (expected.size() != actual.size())
      return at + "expected " + std::to_string(expected.size()) + " values, got " + std::to_string(actual.size()) + ": " +
             shown_value(actual);
    std::vector<const json*> left;
    for (const json& item : actual) left.push_back(&item);
    for (const json& item : expected) {
      const auto found = std::find_if(left.begin(), left.end(), [&](const json* other) { return !compare(item, *other, ""); });
      if (found == left.end()) return at + "expected one to be " + shown_value(item) + ", got " + shown_value(actual);
      left.erase(found);
    }
    return std::nullopt;
  }

 private:
  static Difference differ(const json& expected, const json& actual, const std::string& at) {
    return at + "expected " + shown_value(expected) + ", got " + shown_value(actual);
  }

  const json* list_of(const json& value) const {
    if (value.is_array()) return &value;
    const json* tuple = rules_.tuples_are_lists ? tagged(value, "$tuple") : nullptr;
    return tuple != nullptr && tuple->is_array() ? tuple : nullptr;
  }

  Difference compare_tagged(const char* tag, const json& expected, const json& actual, const std::string& at) const {
    const json* one = tagged(expected, tag);
    const json* other = tagged(actual, tag);
    if (other == nullptr) return differ(expected, actual, at);
    if (!one->is_array()) return *one == *other ? std::nullopt : differ(expected, actual, at);
    if (!other->is_array()) return differ(expected, actual, at);
    if (std::string_view(tag) == "$set") return compare_unordered(*one, *other, at);
    return compare_lists(*one, *other, expected, actual, at);
  }

  Difference compare_lists(const json& one, const json& other, const json& expected, const json& actual, const std::string& at) const {
    if (one.size() != other.size()) return differ(expected, actual, at);
    for (std::size_t i = 0; i < one.size(); ++i) {
      if (Difference found = compare(one[i], other[i], inside(at, "[" + std::to_string(i) + "]"))) return found;
    }
    return std::nullopt;
  }

  Difference compare_pairs(const Pairs& one, const Pairs& other, const json& expected, const json& actual, const std::string& at) const {
    if (one.size() != other.size()) return differ(expected, actual, at);
    std::vector<const std::pair<json, json>*> left;
    for (const auto& pair : other) left.push_back(&pair);
    for (const auto& [key, item] : one) {
      const auto found =
          std::find_if(left.begin(), left.end(), [&, &wanted = key](const auto* pair) { return !compare(wanted, pair->first, ""); });
      if (found == left.end()) return at + "expected the key " + shown_value(key) + ", got " + shown_value(actual);
      if (Difference difference = compare(item, (*found)->second, inside(at, "[" + shown_value(key) + "]"))) return difference;
      left.erase(found);
    }
    return std::nullopt;
  }

  bool scalars_equal(const json& expected, const json& actual) const {
    if (rules_.one_number_type && number_of(expected)) {
      const auto other = number_of(actual);
      return other && is_near(*number_of(expected), *other, rules_.tolerance);
    }
    if (const auto digits = digits_of(expected)) return digits == digits_of(actual);
    if (const auto number = float_of(expected)) {
      const auto other = float_of(actual);
      return other && is_near(*number, *other, rules_.tolerance);
    }
    return expected == actual && !actual.is_number();
  }

  static std::string inside(const std::string& at, const std::string& step) {
    return at.empty() ? "at " + step + ": " : at.substr(0, at.size() - 2) + step + ": ";
  }

  const ValueRules& rules_;
};

}  // namespace

ValueRules value_rules(std::string_view language, double tolerance) {
  const bool script = language == "typescript" || language == "javascript";
  return {.tolerance = tolerance, .one_number_type = script, .tuples_are_lists = script || language == "cpp", .unordered = false};
}

std::optional<std::string> find_difference(const json& expected, const json& actual, const ValueRules& rules) {
  const Comparer comparer(rules);
  if (rules.unordered && expected.is_array() && actual.is_array()) return comparer.compare_unordered(expected, actual, "");
  return comparer.compare(expected, actual, "");
}

std::string shown_value(const json& value) {
  std::string text = dump_json(value);
  constexpr std::size_t kMost = 160;
  if (text.size() <= kMost) return text;
  std::size_t length = kMost;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) --length;
  return text.substr(0, length) + "...";
}

}  // namespace qbench::quality
