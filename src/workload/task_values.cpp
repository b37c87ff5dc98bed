#include "workload/task_values.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "workload/names.h"

namespace qbench::workload {
namespace {

using nlohmann::json;

[[noreturn]] void fail(const std::string& message, const std::string& where) { throw Error(ErrorCode::kConfig, message, where); }

const std::vector<std::string>& known_tags() {
  static const std::vector<std::string> tags{"$tuple", "$set", "$dict", "$bytes", "$float", "$int", "$undefined", "$ref"};
  return tags;
}

bool is_hex(std::string_view text) { return text.size() % 2 == 0 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

bool is_decimal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.size() <= 4000 && text.find_first_not_of("0123456789") == std::string_view::npos &&
         (text == "0" || text.front() != '0');
}

void check_pairs(const json& pairs, const std::vector<std::string>& references, const std::string& where) {
  if (!pairs.is_array()) fail("'$dict': expected a list of [key, value] pairs, got " + describe_value(pairs), where);
  for (const json& pair : pairs) {
    if (!pair.is_array() || pair.size() != 2) fail("'$dict': expected [key, value], got " + describe_value(pair), where);
    check_value(pair, references, where);
  }
}

void check_text_tag(std::string_view tag, const json& value, bool fits, std::string_view expected, const std::string& where) {
  if (!value.is_string() || !fits)
    fail("'" + std::string(tag) + "': expected " + std::string(expected) + ", got " + describe_value(value), where);
}

void check_tag(const std::string& tag, const json& value, const std::vector<std::string>& references, const std::string& where) {
  const std::string text = value.is_string() ? value.get<std::string>() : std::string();
  if (tag == "$tuple" || tag == "$set") {
    if (!value.is_array()) fail("'" + tag + "': expected a list, got " + describe_value(value), where);
    check_value(value, references, where);
  } else if (tag == "$dict") {
    check_pairs(value, references, where);
  } else if (tag == "$bytes") {
    check_text_tag(tag, value, is_hex(text), "an even number of lower-case hexadecimal digits", where);
  } else if (tag == "$float") {
    check_text_tag(tag, value, text == "nan" || text == "inf" || text == "-inf", "\"nan\", \"inf\" or \"-inf\"", where);
  } else if (tag == "$int") {
    check_text_tag(tag, value, is_decimal(text), "decimal digits", where);
  } else if (tag == "$undefined") {
    if (value != json(true)) fail("'$undefined': expected true, got " + describe_value(value), where);
  } else if (tag == "$ref") {
    if (std::find(references.begin(), references.end(), text) == references.end())
      fail("'$ref': " + describe_value(value) + " is no object that an earlier step of this case made with 'as'", where);
  } else {
    fail_unknown_key(tag, known_tags(), where);
  }
}

}  // namespace

void check_value(const json& value, const std::vector<std::string>& references, const std::string& where) {
  if (value.is_array()) {
    for (const json& item : value) check_value(item, references, where);
  }
  if (!value.is_object()) return;
  for (const auto& [key, item] : value.items()) {
    if (!key.starts_with('$')) {
      check_value(item, references, where);
      continue;
    }
    if (value.size() != 1) fail("the tag '" + printable(key) + "' does not stand alone in its object", where);
    check_tag(key, item, references, where);
  }
}

}  // namespace qbench::workload
