#include "text/jinja/objects.h"

#include "text/jinja/fault.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {

std::int64_t Range::length() const {
  // In 128 bits: the bounds may be the ends of the 64-bit range.
  const __int128 span = step > 0 ? static_cast<__int128>(stop) - start : static_cast<__int128>(start) - stop;
  const __int128 stride = step > 0 ? static_cast<__int128>(step) : -static_cast<__int128>(step);
  if (span <= 0) return 0;
  const __int128 count = (span + stride - 1) / stride;
  return count > INT64_MAX ? INT64_MAX : static_cast<std::int64_t>(count);
}

std::string_view DictView::type_name() const {
  switch (kind) {
    case Kind::kKeys:
      return "dict_keys";
    case Kind::kValues:
      return "dict_values";
    case Kind::kItems:
      return "dict_items";
  }
  return "?";
}

bool Loop::advance(Runtime& runtime, Value& item) {
  if (!after.is(Type::kMissing)) {
    item = std::move(after);
    after = Value();
  } else if (!iterator->next(runtime, item)) {
    return false;
  }
  ++index0;
  before = current;
  current = item;
  return true;
}

const Value& Loop::peek(Runtime& runtime) {
  if (after.is(Type::kMissing)) {
    Value item;
    if (iterator->next(runtime, item)) after = std::move(item);
  }
  return after;
}

namespace {

class ItemsIterator final : public Iterator {
 public:
  explicit ItemsIterator(ItemsPtr items) : items_(std::move(items)) {}
  bool next(Runtime& runtime, Value& item) override {
    runtime.step();
    if (at_ >= items_->values.size()) return false;
    item = items_->values[at_++];
    return true;
  }

 private:
  ItemsPtr items_;
  std::size_t at_ = 0;
};

class TextIterator final : public Iterator {
 public:
  explicit TextIterator(TextPtr text) : text_(std::move(text)) {}
  bool next(Runtime& runtime, Value& item) override {
    runtime.step();
    if (at_ >= text_->bytes.size()) return false;
    const std::size_t start = at_;
    next_code_point(text_->bytes, at_);
    item = runtime.make_text(text_->bytes.substr(start, at_ - start));
    return true;
  }

 private:
  TextPtr text_;
  std::size_t at_ = 0;
};

class DictIterator final : public Iterator {
 public:
  DictIterator(DictPtr dict, DictView::Kind kind) : dict_(std::move(dict)), kind_(kind) {}
  bool next(Runtime& runtime, Value& item) override {
    runtime.step();
    if (at_ >= dict_->size()) return false;
    const Dict::Entry& entry = dict_->entries()[at_++];
    switch (kind_) {
      case DictView::Kind::kKeys:
        item = entry.first;
        break;
      case DictView::Kind::kValues:
        item = entry.second;
        break;
      case DictView::Kind::kItems:
        item = Value::tuple({entry.first, entry.second});
        break;
    }
    return true;
  }

 private:
  DictPtr dict_;
  DictView::Kind kind_;
  std::size_t at_ = 0;
};

class RangeIterator final : public Iterator {
 public:
  explicit RangeIterator(const Range& range) : range_(range), length_(range.length()) {}
  bool next(Runtime& runtime, Value& item) override {
    runtime.step();
    if (at_ >= length_) return false;
    item = Value::integer(range_.at(at_++));
    return true;
  }

 private:
  Range range_;
  std::int64_t length_;
  std::int64_t at_ = 0;
};

class NothingIterator final : public Iterator {
 public:
  bool next(Runtime&, Value&) override { return false; }
};

}  // namespace

std::int64_t Loop::length(Runtime& runtime) {
  if (known_length) return *known_length;
  if (iterable.is_sequence()) {
    known_length = static_cast<std::int64_t>(iterable.items().size());
  } else if (iterable.is(Type::kString)) {
    known_length = iterable.as_text().length;
  } else if (iterable.is(Type::kDict)) {
    known_length = static_cast<std::int64_t>(iterable.as_dict().size());
  } else if (const auto* range = iterable.object_if<Range>()) {
    known_length = range->length();
  } else if (const auto* view = iterable.object_if<DictView>()) {
    known_length = static_cast<std::int64_t>(view->dict->size());
  } else if (iterable.is(Type::kUndefined)) {
    known_length = 0;
  } else {
    // A generator is read to its end to know.
    std::vector<Value> rest;
    for (Value item; iterator->next(runtime, item);) rest.push_back(item);
    runtime.charge_items(rest.size());
    const bool peeked = !after.is(Type::kMissing);
    known_length = static_cast<std::int64_t>(rest.size()) + index0 + 1 + (peeked ? 1 : 0);
    iterator = std::make_shared<ItemsIterator>(Value::list(std::move(rest)).items_ptr());
  }
  return *known_length;
}

bool iterable(const Value& value) {
  switch (value.type()) {
    case Type::kUndefined:
    case Type::kString:
    case Type::kList:
    case Type::kTuple:
    case Type::kDict:
      return true;
    case Type::kObject:
      return value.object_if<Range>() || value.object_if<Generator>() || value.object_if<DictView>() || value.object_if<Loop>();
    default:
      return false;
  }
}

IteratorPtr iterate(Runtime& runtime, const Value& value) {
  runtime.step();
  switch (value.type()) {
    case Type::kUndefined:
      return std::make_shared<NothingIterator>();
    case Type::kString:
      return std::make_shared<TextIterator>(value.text_ptr());
    case Type::kList:
    case Type::kTuple:
      return std::make_shared<ItemsIterator>(value.items_ptr());
    case Type::kDict:
      return std::make_shared<DictIterator>(value.dict_ptr(), DictView::Kind::kKeys);
    case Type::kObject:
      if (const auto* range = value.object_if<Range>()) return std::make_shared<RangeIterator>(*range);
      if (const auto* generator = value.object_if<Generator>()) return generator->iterator;
      if (const auto* view = value.object_if<DictView>()) return std::make_shared<DictIterator>(view->dict, view->kind);
      if (value.object_if<Loop>()) unsupported("iterating over loop itself");
      if (value.object_if<Cycler>()) unsupported("iterating over a cycler");
      [[fallthrough]];
    default:
      raise("'" + std::string(value.type_name()) + "' object is not iterable");
  }
}

std::vector<Value> to_vector(Runtime& runtime, const Value& value) {
  if (value.is_sequence()) {
    runtime.charge_items(value.items().size());
    return value.items();
  }
  std::vector<Value> items;
  const IteratorPtr iterator = iterate(runtime, value);
  for (Value item; iterator->next(runtime, item);) {
    runtime.charge(sizeof(Value));
    items.push_back(std::move(item));
  }
  return items;
}

Value make_generator(IteratorPtr iterator, int depth) {
  auto generator = std::make_shared<Generator>();
  generator->iterator = std::move(iterator);
  generator->depth = 1 + depth;
  return Value::object(std::move(generator));
}

}  // namespace qbench::text::jinja
