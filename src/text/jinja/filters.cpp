#include "text/jinja/filters.h"

#include <algorithm>
#include <array>

#include "text/jinja/attributes.h"
#include "text/jinja/fault.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {
namespace {

/// Filters of jinja2 3.1 that are not implemented: a template that reaches one gets an error that names it.
constexpr std::array<std::string_view, 11> kOutside = {"filesizeformat", "groupby",   "pprint",   "random",  "striptags",  "urlencode",
                                                       "urlize",         "wordcount", "wordwrap", "xmlattr", "forceescape"};

}  // namespace

Filter find_filter(std::string_view name) {
  for (const auto table : {text_filters(), number_filters(), sequence_filters(), select_filters()}) {
    const auto found = std::find_if(table.begin(), table.end(), [&](const FilterEntry& entry) { return entry.name == name; });
    if (found != table.end()) return found->function;
  }
  return nullptr;
}

bool filter_exists(std::string_view name) {
  return find_filter(name) != nullptr || std::find(kOutside.begin(), kOutside.end(), name) != kOutside.end();
}

AttributePath::AttributePath(const Value& attribute, const Value& otherwise) : otherwise_(otherwise) {
  if (attribute.is(Type::kNone)) return;
  if (!attribute.is(Type::kString)) {
    parts_.push_back(attribute);
    return;
  }
  const std::string& path = attribute.bytes();
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('.', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (is_digit(part)) {
      if (part.size() > 18 || count_code_points(part) != static_cast<std::int64_t>(part.size())) unsupported("attribute '" + part + "'");
      parts_.push_back(Value::integer(std::stoll(part)));
    } else {
      parts_.push_back(Value::text(part));
    }
    at = end + 1;
  }
}

Value AttributePath::operator()(Runtime& runtime, const Value& item) const {
  Value found = item;
  for (const Value& part : parts_) {
    found = get_item(runtime, found, part);
    if (found.is(Type::kUndefined) && !otherwise_.is(Type::kNone)) found = otherwise_;
  }
  return found;
}

Value ignore_case(Runtime& runtime, const Value& value) {
  if (!value.is(Type::kString)) return value;
  return runtime.make_text(to_lower(value.bytes()), value.as_text().markup);
}

}  // namespace qbench::text::jinja
