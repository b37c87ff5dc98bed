#include "text/jinja/operators.h"

#include <limits>

#include "text/jinja/fault.h"
#include "text/jinja/objects.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/text_ops.h"

namespace qbench::text::jinja {

void undefined_used(const Value& value) { raise(value.undefined_message()); }

namespace {

/// Numbers as Python orders them: exactly, also an int beside a float. long double holds both (64 bits of mantissa on x86-64).
std::partial_ordering compare_numbers(const Value& a, const Value& b) {
  static_assert(std::numeric_limits<long double>::digits >= 64, "int64 and double must both be exact in long double");
  const auto wide = [](const Value& v) {
    return v.is(Type::kFloat) ? static_cast<long double>(v.as_float()) : static_cast<long double>(v.as_int());
  };
  return wide(a) <=> wide(b);
}

bool objects_equal(const Value& a, const Value& b) {
  const auto* x = a.object_if<Range>();
  const auto* y = b.object_if<Range>();
  if (x != nullptr && y != nullptr) {
    const std::int64_t n = x->length();
    return n == y->length() && (n == 0 || (x->start == y->start && (n == 1 || x->step == y->step)));
  }
  if (a.object_if<DictView>() != nullptr && b.object_if<DictView>() != nullptr) unsupported("comparing dict views");
  // Methods of the same name on equal objects are equal in Python only where the object is the same: not worth guessing.
  if (a.object_if<Builtin>() != nullptr && b.object_if<Builtin>() != nullptr) unsupported("comparing functions");
  return false;
}

}  // namespace

bool truth(Runtime& runtime, const Value& value) {
  switch (value.type()) {
    case Type::kMissing:
    case Type::kExpired:
    case Type::kUndefined:
    case Type::kNone:
      return false;
    case Type::kBool:
    case Type::kInt:
      return value.as_int() != 0;
    case Type::kFloat:
      return value.as_float() != 0.0;
    case Type::kString:
      return !value.bytes().empty();
    case Type::kList:
    case Type::kTuple:
      return !value.items().empty();
    case Type::kDict:
      return value.as_dict().size() != 0;
    case Type::kObject:
      return has_length(value) ? length_of(runtime, value) != 0 : true;
  }
  return false;
}

bool has_length(const Value& value) {
  switch (value.type()) {
    case Type::kUndefined:
    case Type::kString:
    case Type::kList:
    case Type::kTuple:
    case Type::kDict:
      return true;
    case Type::kObject:
      return value.object_if<Range>() || value.object_if<DictView>() || value.object_if<Loop>();
    default:
      return false;
  }
}

std::int64_t length_of(Runtime& runtime, const Value& value) {
  switch (value.type()) {
    case Type::kUndefined:
      return 0;
    case Type::kString:
      return value.as_text().length;
    case Type::kList:
    case Type::kTuple:
      return static_cast<std::int64_t>(value.items().size());
    case Type::kDict:
      return static_cast<std::int64_t>(value.as_dict().size());
    case Type::kObject:
      if (const auto* range = value.object_if<Range>()) return range->length();
      if (const auto* view = value.object_if<DictView>()) return static_cast<std::int64_t>(view->dict->size());
      if (auto* loop = value.object_if<Loop>()) return loop->length(runtime);
      [[fallthrough]];
    default:
      raise("object of type '" + std::string(value.type_name()) + "' has no len()");
  }
}

bool scalars_equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.type() != b.type()) return false;
  switch (a.type()) {
    case Type::kUndefined:
    case Type::kNone:
      return true;
    case Type::kString:
      return a.bytes() == b.bytes();
    case Type::kTuple: {
      if (a.items().size() != b.items().size()) return false;
      for (std::size_t i = 0; i < a.items().size(); ++i) {
        if (!scalars_equal(a.items()[i], b.items()[i])) return false;
      }
      return true;
    }
    default:
      return false;
  }
}

bool equal(Runtime& runtime, const Value& a, const Value& b) {
  runtime.step();
  if (a.is_number() || b.is_number() || a.type() != b.type()) return scalars_equal(a, b);
  if (a.same_as(b)) return true;
  if (a.is_sequence()) {
    const auto& x = a.items();
    const auto& y = b.items();
    if (x.size() != y.size()) return false;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!equal(runtime, x[i], y[i])) return false;
    }
    return true;
  }
  if (a.is(Type::kDict)) {
    if (a.as_dict().size() != b.as_dict().size()) return false;
    for (const auto& [key, value] : a.as_dict().entries()) {
      const Value* other = b.as_dict().find(key);
      if (other == nullptr || !equal(runtime, value, *other)) return false;
    }
    return true;
  }
  if (a.is(Type::kObject)) return objects_equal(a, b);
  return scalars_equal(a, b);
}

bool less(Runtime& runtime, const Value& a, const Value& b, const char* symbol) {
  runtime.step();
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) < 0;
  if (a.type() == b.type() && a.is(Type::kString)) return a.bytes() < b.bytes();  // UTF-8 sorts as its code points do
  if (a.type() == b.type() && a.is_sequence()) {
    const auto& x = a.items();
    const auto& y = b.items();
    for (std::size_t i = 0; i < x.size() && i < y.size(); ++i) {
      if (!equal(runtime, x[i], y[i])) return less(runtime, x[i], y[i], symbol);
    }
    return x.size() < y.size();
  }
  if (a.is(Type::kUndefined)) undefined_used(a);
  if (b.is(Type::kUndefined)) undefined_used(b);
  if (a.object_if<DictView>() != nullptr && b.object_if<DictView>() != nullptr) unsupported("comparing dict views");
  raise("'" + std::string(symbol) + "' not supported between instances of '" + std::string(a.type_name()) + "' and '" +
        std::string(b.type_name()) + "'");
}

bool contains(Runtime& runtime, const Value& container, const Value& item) {
  runtime.step();
  if (container.is(Type::kString)) {
    if (!item.is(Type::kString)) raise("'in <string>' requires string as left operand, not " + std::string(item.type_name()));
    return find_text(runtime, container.bytes(), item.bytes()) != std::string::npos;
  }
  if (container.is(Type::kDict)) return container.as_dict().find(item) != nullptr;
  if (const auto* view = container.object_if<DictView>(); view != nullptr && view->kind == DictView::Kind::kKeys) {
    return view->dict->find(item) != nullptr;
  }
  if (!iterable(container)) raise("argument of type '" + std::string(container.type_name()) + "' is not iterable");
  const IteratorPtr iterator = iterate(runtime, container);
  for (Value candidate; iterator->next(runtime, candidate);) {
    if (equal(runtime, candidate, item)) return true;
  }
  return false;
}

bool compare(Runtime& runtime, CompareOp op, const Value& a, const Value& b) {
  // <= and >= are no negations: with NaN, and in lists that hold it, all four are false.
  const bool numbers = a.is_number() && b.is_number();
  const auto at_most = [&](const Value& x, const Value& y, const char* symbol) {
    if (numbers) return compare_numbers(x, y) <= 0;
    return less(runtime, x, y, symbol) || equal(runtime, x, y);
  };
  switch (op) {
    case CompareOp::kEq:
      return equal(runtime, a, b);
    case CompareOp::kNe:
      return !equal(runtime, a, b);
    case CompareOp::kLt:
      return less(runtime, a, b, "<");
    case CompareOp::kLe:
      return at_most(a, b, "<=");
    case CompareOp::kGt:
      return less(runtime, b, a, ">");
    case CompareOp::kGe:
      return at_most(b, a, ">=");
    case CompareOp::kIn:
      return contains(runtime, b, a);
    case CompareOp::kNotIn:
      return !contains(runtime, b, a);
  }
  return false;
}

Value escape(Runtime& runtime, const Value& value) {
  if (value.is(Type::kString) && value.as_text().markup) return value;
  const std::string text = to_str(runtime, value);
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out.push_back(c);
    }
  }
  return runtime.make_text(std::move(out), true);
}

}  // namespace qbench::text::jinja
