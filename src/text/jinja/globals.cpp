#include "text/jinja/globals.h"

#include <algorithm>

#include "text/jinja/args.h"
#include "text/jinja/fault.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace qbench::text::jinja {
namespace {

Value range(Runtime&, const Value&, Args& args) {
  const Bound bound("range", args, {"start", "stop?", "step?"}, true);
  auto made = std::make_shared<Range>();
  made->start = bound.given(1) ? bound.integer(0, 0) : 0;
  made->stop = bound.given(1) ? bound.integer(1, 0) : bound.integer(0, 0);
  made->step = bound.integer(2, 1);
  if (made->step == 0) raise("range() arg 3 must not be zero");
  if (made->length() > kMaxRange) raise("Range too big. The sandbox blocks ranges larger than " + std::to_string(kMaxRange) + ".");
  return Value::object(std::move(made));
}

/// dict(mapping or pairs, **keywords).
Dict make_dict(Runtime& runtime, const Args& args, const char* function) {
  if (args.positional.size() > 1)
    raise(std::string(function) + " expected at most 1 argument, got " + std::to_string(args.positional.size()));
  Dict entries;
  if (!args.positional.empty()) {
    const Value& source = args.positional[0];
    if (source.is(Type::kDict)) {
      entries = source.as_dict();
    } else if (source.object_if<Namespace>() != nullptr) {
      unsupported("dict() of a namespace");
    } else if (source.is(Type::kUndefined)) {
      undefined_used(source);  // it has every method that is asked for, `keys` first, and each raises
    } else {
      for (const Value& pair : to_vector(runtime, source)) {
        const std::vector<Value> both = to_vector(runtime, pair);
        if (both.size() != 2) raise("dictionary update sequence element has length " + std::to_string(both.size()) + "; 2 is required");
        entries.set(both[0], both[1]);
      }
    }
  }
  for (const auto& [name, value] : args.keyword) entries.set(Value::text(name), value);
  runtime.charge_items(2 * entries.size());
  return entries;
}

Value dict(Runtime& runtime, const Value&, Args& args) { return Value::dict(make_dict(runtime, args, "dict")); }

Value make_namespace(Runtime& runtime, const Value&, Args& args) {
  Dict attributes = make_dict(runtime, args, "namespace");
  for (const auto& [name, value] : attributes.entries()) {
    if (!name.is(Type::kString)) unsupported("a namespace attribute that is no text");
    if (name.bytes().starts_with('_')) raise("a namespace cannot store the underscore-prefixed attribute '" + name.bytes() + "'");
  }
  return runtime.make_namespace(std::move(attributes));
}

Value cycler(Runtime&, const Value&, Args& args) {
  if (!args.keyword.empty()) raise("cycler() got an unexpected keyword argument");
  if (args.positional.empty()) raise("at least one item has to be provided");
  auto made = std::make_shared<Cycler>();
  made->items = args.positional;
  for (const Value& item : made->items) made->depth = std::max(made->depth, 1 + item.depth());
  return Value::object(std::move(made));
}

Value joiner(Runtime& runtime, const Value&, Args& args) {
  const Bound bound("joiner", args, {"sep?"});
  auto made = std::make_shared<Joiner>();
  if (bound.given(0) && !bound[0].is(Type::kString)) unsupported("joiner() of a " + std::string(bound[0].type_name()));
  made->separator = bound.given(0) ? to_str(runtime, bound[0]) : ", ";
  return Value::object(std::move(made));
}

Value raise_exception(Runtime& runtime, const Value&, Args& args) {
  const Bound bound("raise_exception", args, {"message"});
  raise("the template raised: " + to_str(runtime, bound[0]));
}

Value strftime_now(Runtime& runtime, const Value&, Args& args) {
  const Bound bound("strftime_now", args, {"format"});
  return runtime.make_text(strftime_at(runtime.wall_ns(), bound.text(0)));
}

}  // namespace

std::optional<Value> find_global(std::string_view name) {
  const auto function = [&](Builtin::Function f) { return Value::object(std::make_shared<Builtin>(std::string(name), Value::none(), f)); };
  if (name == "range") return function(range);
  if (name == "dict") return function(dict);
  if (name == "namespace") return function(make_namespace);
  if (name == "cycler") return function(cycler);
  if (name == "joiner") return function(joiner);
  if (name == "raise_exception") return function(raise_exception);
  if (name == "strftime_now") return function(strftime_now);
  return std::nullopt;
}

}  // namespace qbench::text::jinja
