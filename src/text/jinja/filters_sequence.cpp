#include <algorithm>
#include <array>
#include <cmath>

#include "text/jinja/args.h"
#include "text/jinja/attributes.h"
#include "text/jinja/fault.h"
#include "text/jinja/filters.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/runtime.h"

namespace qbench::text::jinja {
namespace {

Value length(Runtime& runtime, const Value& input, const Args& args) {
  no_arguments("length", args);
  return Value::integer(length_of(runtime, input));
}

Value list(Runtime& runtime, const Value& input, const Args& args) {
  no_arguments("list", args);
  return Value::list(to_vector(runtime, input));
}

Value first(Runtime& runtime, const Value& input, const Args& args) {
  no_arguments("first", args);
  Value item;
  return iterate(runtime, input)->next(runtime, item) ? item : Value::undefined("No first item, sequence was empty.");
}

/// What reversed() takes: not generators, and no sets of dict items made by filters.
bool reversible(const Value& value) {
  return value.is(Type::kUndefined) || value.is(Type::kString) || value.is_sequence() || value.is(Type::kDict) ||
         value.object_if<Range>() != nullptr || value.object_if<DictView>() != nullptr;
}

Value last(Runtime& runtime, const Value& input, const Args& args) {
  no_arguments("last", args);
  if (!reversible(input)) raise("'" + std::string(input.type_name()) + "' object is not reversible");
  if (input.is_sequence()) {
    return input.items().empty() ? Value::undefined("No last item, sequence was empty.") : input.items().back();
  }
  std::vector<Value> items = to_vector(runtime, input);
  return items.empty() ? Value::undefined("No last item, sequence was empty.") : items.back();
}

/// An iterator over items that are already there: reversed(...) and its like.
class VectorIterator final : public Iterator {
 public:
  explicit VectorIterator(std::vector<Value> items) : items_(std::move(items)) {}
  bool next(Runtime& runtime, Value& item) override {
    runtime.step();
    if (at_ >= items_.size()) return false;
    item = items_[at_++];
    return true;
  }

 private:
  std::vector<Value> items_;
  std::size_t at_ = 0;
};

Value reverse(Runtime& runtime, const Value& input, const Args& args) {
  no_arguments("reverse", args);
  if (input.is(Type::kString)) return slice(runtime, input, Value(), Value(), Value::integer(-1));
  if (!iterable(input)) raise("argument must be iterable");
  std::vector<Value> items = to_vector(runtime, input);
  std::reverse(items.begin(), items.end());
  if (!reversible(input)) return Value::list(std::move(items));
  return make_generator(std::make_shared<VectorIterator>(std::move(items)), input.depth());
}

bool has_nan(const Value& key) {
  if (key.is(Type::kFloat)) return std::isnan(key.as_float());
  return key.is_sequence() && std::any_of(key.items().begin(), key.items().end(), has_nan);
}

struct Keyed {
  Value key;
  Value item;
};

/// sorted(items, key, reverse): stable in both directions.
std::vector<Value> sorted(Runtime& runtime, std::vector<Keyed> keyed, bool descending) {
  for (const Keyed& entry : keyed) {
    if (has_nan(entry.key)) unsupported("sorting NaN");
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [&](const Keyed& a, const Keyed& b) { return descending ? less(runtime, b.key, a.key) : less(runtime, a.key, b.key); });
  std::vector<Value> out;
  runtime.charge_items(keyed.size());
  for (Keyed& entry : keyed) out.push_back(std::move(entry.item));
  return out;
}

Value sort(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("sort", args, {"reverse?", "case_sensitive?", "attribute?"});
  const bool sensitive = bound.truth(runtime, 1, false);
  std::vector<AttributePath> paths;
  if (!bound.none(2) && bound[2].is(Type::kString)) {
    const std::string& names = bound[2].bytes();
    for (std::size_t at = 0; at <= names.size();) {
      const std::size_t end = std::min(names.find(',', at), names.size());
      paths.emplace_back(Value::text(names.substr(at, end - at)));
      at = end + 1;
    }
  } else {
    paths.emplace_back(bound.get(2, Value::none()));
  }
  std::vector<Keyed> keyed;
  for (Value& item : to_vector(runtime, input)) {
    std::vector<Value> key;
    for (const AttributePath& path : paths) {
      Value part = path(runtime, item);
      key.push_back(sensitive ? std::move(part) : ignore_case(runtime, part));
    }
    keyed.push_back({Value::list(std::move(key)), std::move(item)});
  }
  return Value::list(sorted(runtime, std::move(keyed), bound.truth(runtime, 0, false)));
}

Value dictsort(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("dictsort", args, {"case_sensitive?", "by?", "reverse?"});
  const std::string by = bound.given(1) ? bound.text(1) : "key";
  if (by != "key" && by != "value") raise("You can only sort by either \"key\" or \"value\"");
  if (input.is(Type::kUndefined)) undefined_used(input);
  if (input.object_if<Namespace>() != nullptr) unsupported("|dictsort of a namespace");
  if (!input.is(Type::kDict)) raise("'" + std::string(input.type_name()) + "' object has no attribute 'items'");
  const bool sensitive = bound.truth(runtime, 0, false);
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : input.as_dict().entries()) {
    const Value& part = by == "key" ? key : value;
    keyed.push_back({sensitive ? part : ignore_case(runtime, part), Value::tuple({key, value})});
  }
  return Value::list(sorted(runtime, std::move(keyed), bound.truth(runtime, 2, false)));
}

Value extreme(Runtime& runtime, const Value& input, const Args& args, bool largest) {
  const Bound bound(largest ? "max" : "min", args, {"case_sensitive?", "attribute?"});
  const bool sensitive = bound.truth(runtime, 0, false);
  const AttributePath path(bound.get(1, Value::none()));
  const IteratorPtr iterator = iterate(runtime, input);
  Value best, best_key;
  for (Value item; iterator->next(runtime, item);) {
    const Value part = path(runtime, item);
    Value key = sensitive ? part : ignore_case(runtime, part);
    const bool better = best_key.is(Type::kMissing) || (largest ? less(runtime, best_key, key, ">") : less(runtime, key, best_key));
    if (!better) continue;
    best_key = std::move(key);
    best = item;
  }
  return best.is(Type::kMissing) ? Value::undefined("No aggregated item, sequence was empty.") : best;
}

Value min_filter(Runtime& runtime, const Value& input, const Args& args) { return extreme(runtime, input, args, false); }
Value max_filter(Runtime& runtime, const Value& input, const Args& args) { return extreme(runtime, input, args, true); }

Value default_filter(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("default", args, {"default_value?", "boolean?"});
  if (input.is(Type::kUndefined) || (bound.truth(runtime, 1, false) && !truth(runtime, input))) return bound.get(0, Value::text(""));
  return input;
}

Value attr(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("attr", args, {"name"});
  return get_attribute_only(runtime, input, bound.text(0));
}

constexpr std::array kFilters = {
    FilterEntry{"attr", attr},         FilterEntry{"count", length},
    FilterEntry{"d", default_filter},  FilterEntry{"default", default_filter},
    FilterEntry{"dictsort", dictsort}, FilterEntry{"first", first},
    FilterEntry{"last", last},         FilterEntry{"length", length},
    FilterEntry{"list", list},         FilterEntry{"max", max_filter},
    FilterEntry{"min", min_filter},    FilterEntry{"reverse", reverse},
    FilterEntry{"sort", sort},
};

}  // namespace

std::span<const FilterEntry> sequence_filters() { return kFilters; }

}  // namespace qbench::text::jinja
