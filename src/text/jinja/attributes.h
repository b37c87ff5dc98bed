#pragma once

#include <string>
#include <string_view>

#include "text/jinja/objects.h"
#include "text/jinja/value.h"

namespace qbench::text::jinja {

class Runtime;

/// The sandbox's environment.getattr and getitem: `value.name` prefers the attribute, `value[key]` the item. What is not there is
/// undefined; methods that would change a list or dict are undefined with a message that says so. A Python attribute that exists but is not
/// implemented here is an unsupported construct.
Value get_attribute(Runtime& runtime, const Value& value, const std::string& name);
Value get_item(Runtime& runtime, const Value& value, const Value& key);

/// The |attr filter: the attribute alone, never the item.
Value get_attribute_only(Runtime& runtime, const Value& value, const std::string& name);

/// A method of str, list, tuple, dict, range, loop, ... by name; null where it is not implemented.
Builtin::Function find_text_method(std::string_view name);
Builtin::Function find_container_method(const Value& value, std::string_view name);

}  // namespace qbench::text::jinja
