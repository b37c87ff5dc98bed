#include "text/jinja/value.h"

#include <algorithm>

#include "text/jinja/fault.h"
#include "text/jinja/limits.h"
#include "text/jinja/operators.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {

int checked_depth(int depth) {
  if (depth > kMaxValueDepth) raise("values are nested more than " + std::to_string(kMaxValueDepth) + " deep");
  return depth;
}

namespace {

constexpr std::size_t kMaxOtherKeys = 4096;

int deepest(const std::vector<Value>& items) {
  int depth = 0;
  for (const Value& item : items) depth = std::max(depth, item.depth());
  return depth;
}

ItemsPtr make_items(std::vector<Value> items) {
  auto held = std::make_shared<Items>();
  held->depth = checked_depth(1 + deepest(items));
  held->values = std::move(items);
  return held;
}

}  // namespace

Value Value::expired() { return {Type::kExpired, 0}; }
Value Value::none() { return {Type::kNone, 0}; }
Value Value::boolean(bool b) { return {Type::kBool, b ? 1 : 0}; }
Value Value::integer(std::int64_t i) { return {Type::kInt, i}; }
Value Value::real(double d) { return {Type::kFloat, std::bit_cast<std::int64_t>(d)}; }
Value Value::undefined(std::string message) { return {Type::kUndefined, 0, std::make_shared<const std::string>(std::move(message))}; }

Value Value::text(std::string bytes, bool markup) {
  auto held = std::make_shared<Text>();
  held->length = count_code_points(bytes);
  held->bytes = std::move(bytes);
  held->markup = markup;
  return {Type::kString, 0, std::move(held)};
}

Value Value::list(std::vector<Value> items) { return {Type::kList, 0, make_items(std::move(items))}; }
Value Value::tuple(std::vector<Value> items) { return {Type::kTuple, 0, make_items(std::move(items))}; }

Value Value::dict(Dict entries) {
  checked_depth(entries.depth());
  return {Type::kDict, 0, std::make_shared<const Dict>(std::move(entries))};
}

Value Value::object(ObjectPtr object) {
  checked_depth(object->depth);
  return {Type::kObject, 0, std::move(object)};
}

const std::vector<Value>& Value::items() const { return static_cast<const Items*>(held_.get())->values; }

int Value::depth() const {
  switch (type_) {
    case Type::kList:
    case Type::kTuple:
      return static_cast<const Items*>(held_.get())->depth;
    case Type::kDict:
      return as_dict().depth();
    case Type::kObject:
      return as_object()->depth;
    default:
      return 0;
  }
}

std::string_view Value::type_name() const {
  switch (type_) {
    case Type::kMissing:
    case Type::kExpired:
    case Type::kUndefined:
      return "Undefined";
    case Type::kNone:
      return "NoneType";
    case Type::kBool:
      return "bool";
    case Type::kInt:
      return "int";
    case Type::kFloat:
      return "float";
    case Type::kString:
      return as_text().markup ? "Markup" : "str";
    case Type::kList:
      return "list";
    case Type::kTuple:
      return "tuple";
    case Type::kDict:
      return "dict";
    case Type::kObject:
      return as_object()->type_name();
  }
  return "?";
}

bool hashable(const Value& value) {
  switch (value.type()) {
    case Type::kList:
    case Type::kDict:
      return false;
    case Type::kTuple:
      return std::all_of(value.items().begin(), value.items().end(), hashable);
    case Type::kObject:
      unsupported("a " + std::string(value.type_name()) + " as a key");
    default:
      return true;
  }
}

std::ptrdiff_t Dict::index_of(const Value& key) const {
  if (key.is(Type::kString)) {
    const auto found = text_keys_.find(key.bytes());
    return found == text_keys_.end() ? -1 : static_cast<std::ptrdiff_t>(found->second);
  }
  if (!hashable(key)) raise("unhashable type: '" + std::string(key.type_name()) + "'");
  for (const std::size_t index : other_keys_) {
    if (scalars_equal(entries_[index].first, key)) return static_cast<std::ptrdiff_t>(index);
  }
  return -1;
}

const Value* Dict::find(const Value& key) const {
  const std::ptrdiff_t index = index_of(key);
  return index < 0 ? nullptr : &entries_[static_cast<std::size_t>(index)].second;
}

const Value* Dict::find(std::string_view key) const {
  const auto found = text_keys_.find(std::string(key));
  return found == text_keys_.end() ? nullptr : &entries_[found->second].second;
}

void Dict::set(Value key, Value value) {
  depth_ = std::max({depth_, 1 + key.depth(), 1 + value.depth()});
  const std::ptrdiff_t index = index_of(key);
  if (index >= 0) {
    entries_[static_cast<std::size_t>(index)].second = std::move(value);
    return;
  }
  if (key.is(Type::kString)) {
    text_keys_.emplace(key.bytes(), entries_.size());
  } else {
    // These are searched one by one: templates have a handful, and a hostile one must not make this quadratic.
    if (other_keys_.size() >= kMaxOtherKeys) unsupported("more than 4096 keys that are not strings");
    other_keys_.push_back(entries_.size());
  }
  entries_.emplace_back(std::move(key), std::move(value));
}

}  // namespace qbench::text::jinja
