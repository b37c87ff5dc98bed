#include "text/jinja/attributes.h"

#include <algorithm>
#include <initializer_list>
#include <optional>

#include "text/jinja/fault.h"
#include "text/jinja/macro.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace qbench::text::jinja {
namespace {

using Names = std::initializer_list<std::string_view>;

bool among(Names names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

/// Public attributes of Python's types (3.9 to 3.14). An attribute hides an item of the same name, so these must be complete.
const Names kTextNames = {
    "capitalize",   "casefold", "center",   "count",   "encode",    "endswith",   "expandtabs",   "find",      "format",    "format_map",
    "index",        "isalnum",  "isalpha",  "isascii", "isdecimal", "isdigit",    "isidentifier", "islower",   "isnumeric", "isprintable",
    "isspace",      "istitle",  "isupper",  "join",    "ljust",     "lower",      "lstrip",       "maketrans", "partition", "removeprefix",
    "removesuffix", "replace",  "rfind",    "rindex",  "rjust",     "rpartition", "rsplit",       "rstrip",    "split",     "splitlines",
    "startswith",   "strip",    "swapcase", "title",   "translate", "upper",      "zfill"};
const Names kMarkupNames = {"escape", "striptags", "unescape"};
const Names kListNames = {"copy", "count", "index"};
const Names kListChanging = {"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"};
const Names kTupleNames = {"count", "index"};
const Names kDictNames = {"copy", "fromkeys", "get", "items", "keys", "values"};
const Names kDictChanging = {"clear", "pop", "popitem", "setdefault", "update"};
const Names kIntNames = {"as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator", "from_bytes", "imag",
                         "is_integer",       "numerator", "real",       "to_bytes"};
const Names kFloatNames = {"as_integer_ratio", "conjugate", "from_number", "fromhex", "hex", "imag", "is_integer", "real"};
const Names kViewNames = {"isdisjoint", "mapping"};
const Names kRangeNames = {"count", "index", "start", "step", "stop"};
const Names kLoopMethods = {"changed", "cycle"};
const Names kGeneratorNames = {"close", "gi_code", "gi_frame", "gi_running", "gi_suspended", "gi_yieldfrom", "send", "throw"};
const Names kCyclerNames = {"current", "items", "next", "pos", "reset"};
const Names kJoinerNames = {"sep", "used"};
const Names kMacroNames = {"arguments", "caller", "catch_kwargs", "catch_varargs", "explicit_caller", "name"};

Names names_of(const Value& value) {
  switch (value.type()) {
    case Type::kString:
      return kTextNames;
    case Type::kList:
      return kListNames;
    case Type::kTuple:
      return kTupleNames;
    case Type::kDict:
      return kDictNames;
    case Type::kBool:
    case Type::kInt:
      return kIntNames;
    case Type::kFloat:
      return kFloatNames;
    default:
      break;
  }
  if (value.object_if<DictView>() != nullptr) return kViewNames;
  if (value.object_if<Range>() != nullptr) return kRangeNames;
  if (value.object_if<Loop>() != nullptr) return kLoopMethods;
  if (value.object_if<Generator>() != nullptr) return kGeneratorNames;
  if (value.object_if<Macro>() != nullptr) return kMacroNames;
  if (value.object_if<Cycler>() != nullptr) return kCyclerNames;
  if (value.object_if<Joiner>() != nullptr) return kJoinerNames;
  return {};
}

std::optional<Value> loop_property(Runtime& runtime, Loop& loop, std::string_view name) {
  const auto integer = [](std::int64_t i) { return Value::integer(i); };
  if (name == "index") return integer(loop.index0 + 1);
  if (name == "index0") return integer(loop.index0);
  if (name == "first") return Value::boolean(loop.index0 == 0);
  if (name == "last") return Value::boolean(loop.peek(runtime).is(Type::kMissing));
  if (name == "length") return integer(loop.length(runtime));
  if (name == "revindex") return integer(loop.length(runtime) - loop.index0);
  if (name == "revindex0") return integer(loop.length(runtime) - loop.index0 - 1);
  if (name == "depth") return integer(1);  // recursive loops are not supported, so there is no other
  if (name == "depth0") return integer(0);
  if (name == "previtem") return loop.index0 == 0 ? Value::undefined("there is no previous item") : loop.before;
  if (name == "nextitem") {
    const Value& next = loop.peek(runtime);
    return next.is(Type::kMissing) ? Value::undefined("there is no next item") : next;
  }
  return std::nullopt;
}

Value unsafe(const Value& value, const std::string& name) {
  return Value::undefined("access to attribute '" + name + "' of '" + std::string(value.type_name()) + "' object is unsafe.");
}

/// getattr(value, name) where Python has that attribute; nothing where it raises AttributeError.
std::optional<Value> python_attribute(Runtime& runtime, const Value& value, const std::string& name) {
  if (name.starts_with("__")) return std::nullopt;  // internal or absent: undefined both ways
  if (const auto* space = value.object_if<Namespace>()) {
    const Value* found = space->attributes.find(std::string_view(name));
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  if (auto* loop = value.object_if<Loop>()) {
    if (auto property = loop_property(runtime, *loop, name)) return property;
  }
  if (auto* cycler = value.object_if<Cycler>(); cycler != nullptr && name == "current") return cycler->items[cycler->position];
  if (const auto* macro = value.object_if<Macro>(); macro != nullptr && name == "name") {
    return macro->name ? Value::text(*macro->name) : Value::none();
  }
  const bool changing = value.is(Type::kList) ? among(kListChanging, name) : value.is(Type::kDict) && among(kDictChanging, name);
  if (changing) return unsafe(value, name);
  const bool markup_only = value.is(Type::kString) && value.as_text().markup && among(kMarkupNames, name);
  if (!markup_only && !among(names_of(value), name)) {
    if (value.object_if<Builtin>() != nullptr && name == "fromkeys") unsupported("attribute 'fromkeys' of dict");
    return std::nullopt;
  }
  const Builtin::Function method = value.is(Type::kString) ? find_text_method(name) : find_container_method(value, name);
  if (method == nullptr || markup_only) unsupported("attribute '" + name + "' of a " + std::string(value.type_name()));
  return Value::object(std::make_shared<Builtin>(name, value, method));
}

/// value[key] where Python finds it; nothing where it raises TypeError or LookupError.
std::optional<Value> python_item(Runtime& runtime, const Value& value, const Value& key) {
  if (value.is(Type::kUndefined)) undefined_used(value);
  if (value.is(Type::kDict)) {
    if (!hashable(key)) return std::nullopt;
    const Value* found = value.as_dict().find(key);
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  if (!key.is_integral()) return std::nullopt;
  const bool text = value.is(Type::kString);
  const auto* range = value.object_if<Range>();
  if (!text && !value.is_sequence() && range == nullptr) return std::nullopt;
  const std::int64_t length = length_of(runtime, value);
  std::int64_t index = key.as_int();
  if (index < 0) index += length;
  if (index < 0 || index >= length) return std::nullopt;
  if (range != nullptr) return Value::integer(range->at(index));
  if (!text) return value.items()[static_cast<std::size_t>(index)];
  return slice(runtime, value, Value::integer(index), Value::integer(index + 1), Value());
}

Value not_there(Runtime& runtime, const Value& value, const Value& key) {
  const std::string type(value.is(Type::kNone) ? "None" : value.type_name());
  const std::string shown = key.is(Type::kString) || key.is_number() ? repr(runtime, key) : "of type " + std::string(key.type_name());
  if (!key.is(Type::kString)) return Value::undefined(type + " object has no element " + shown);
  return Value::undefined("'" + type + " object' has no attribute " + shown);
}

}  // namespace

Value get_attribute(Runtime& runtime, const Value& value, const std::string& name) {
  runtime.step();
  if (value.is(Type::kUndefined)) undefined_used(value);
  if (name.starts_with("__") && name.ends_with("__")) unsupported("attribute '" + name + "'");
  const bool plain_key = value.is(Type::kDict) && !among(kDictNames, name) && !among(kDictChanging, name);
  if (plain_key) {
    if (const Value* found = value.as_dict().find(std::string_view(name))) return *found;
  } else if (auto attribute = python_attribute(runtime, value, name)) {
    return *attribute;
  }
  const Value key = Value::text(name);
  if (auto item = python_item(runtime, value, key)) return *item;
  return not_there(runtime, value, key);
}

Value get_item(Runtime& runtime, const Value& value, const Value& key) {
  runtime.step();
  if (auto item = python_item(runtime, value, key)) return *item;
  if (key.is(Type::kString)) {
    if (auto attribute = python_attribute(runtime, value, key.bytes())) return *attribute;
  }
  return not_there(runtime, value, key);
}

Value get_attribute_only(Runtime& runtime, const Value& value, const std::string& name) {
  if (value.is(Type::kUndefined)) undefined_used(value);
  if (auto attribute = python_attribute(runtime, value, name)) return *attribute;
  return not_there(runtime, value, Value::text(name));
}

}  // namespace qbench::text::jinja
