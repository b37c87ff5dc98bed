#include "text/jinja/tests.h"

#include <algorithm>
#include <array>

#include "text/jinja/args.h"
#include "text/jinja/fault.h"
#include "text/jinja/filters.h"
#include "text/jinja/macro.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {
namespace {

using Predicate = bool (*)(const Value&);

template <Predicate kHolds>
bool simple(Runtime&, const Value& input, const Args& args) {
  no_arguments("test", args);
  return kHolds(input);
}

template <Type kType>
bool of_type(const Value& v) {
  return v.is(kType);
}

bool defined(const Value& v) { return !v.is(Type::kUndefined); }
bool is_true(const Value& v) { return v.is(Type::kBool) && v.as_bool(); }
bool is_false(const Value& v) { return v.is(Type::kBool) && !v.as_bool(); }
bool number(const Value& v) { return v.is_number(); }
bool escaped(const Value& v) { return v.is(Type::kString) && v.as_text().markup; }

/// len() works and there is a __getitem__: also of what is undefined.
bool sequence(const Value& v) {
  return v.is(Type::kUndefined) || v.is(Type::kString) || v.is_sequence() || v.is(Type::kDict) || v.object_if<Range>() != nullptr;
}

bool callable(const Value& v) {
  return v.is(Type::kUndefined) || v.object_if<Macro>() != nullptr || v.object_if<Builtin>() != nullptr || v.object_if<Loop>() != nullptr ||
         v.object_if<Joiner>() != nullptr;
}

template <CompareOp kOp>
bool compared(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("test", args, {"other"}, kOp != CompareOp::kIn);
  return compare(runtime, kOp, input, bound[0]);
}

bool remainder_is(Runtime& runtime, const Value& input, const Value& divisor, std::int64_t wanted) {
  return equal(runtime, binary(runtime, BinaryOp::kMod, input, divisor), Value::integer(wanted));
}

template <std::int64_t kRest>
bool parity(Runtime& runtime, const Value& input, const Args& args) {
  no_arguments("test", args);
  return remainder_is(runtime, input, Value::integer(2), kRest);
}

bool divisible_by(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("divisibleby", args, {"num"});
  return remainder_is(runtime, input, bound[0], 0);
}

template <bool (*kTest)(std::string_view)>
bool of_text(Runtime& runtime, const Value& input, const Args& args) {
  no_arguments("test", args);
  return kTest(to_str(runtime, input));
}

bool same_as(Runtime&, const Value& input, const Args& args) {
  const Bound bound("sameas", args, {"other"});
  const Value& other = bound[0];
  const bool scalar = input.is(Type::kInt) || input.is(Type::kFloat) || input.is(Type::kString) || input.is(Type::kTuple);
  if (input.type() != other.type()) return false;
  if (scalar || input.is(Type::kUndefined)) unsupported("'is sameas' of two values of type " + std::string(input.type_name()));
  switch (input.type()) {
    case Type::kNone:
      return true;
    case Type::kBool:
      return input.as_bool() == other.as_bool();
    default:
      return input.same_as(other);
  }
}

bool is_filter(Runtime&, const Value& input, const Args& args) {
  no_arguments("filter", args);
  return hashable(input) ? input.is(Type::kString) && filter_exists(input.bytes()) : (raise("unhashable type"), false);
}

bool is_test(Runtime&, const Value& input, const Args& args) {
  no_arguments("test", args);
  return hashable(input) ? input.is(Type::kString) && find_test(input.bytes()) != nullptr : (raise("unhashable type"), false);
}

struct Entry {
  std::string_view name;
  Test function;
};

constexpr std::array kTests = {
    Entry{"!=", compared<CompareOp::kNe>},
    Entry{"<", compared<CompareOp::kLt>},
    Entry{"<=", compared<CompareOp::kLe>},
    Entry{"==", compared<CompareOp::kEq>},
    Entry{">", compared<CompareOp::kGt>},
    Entry{">=", compared<CompareOp::kGe>},
    Entry{"boolean", simple<of_type<Type::kBool>>},
    Entry{"callable", simple<callable>},
    Entry{"defined", simple<defined>},
    Entry{"divisibleby", divisible_by},
    Entry{"eq", compared<CompareOp::kEq>},
    Entry{"equalto", compared<CompareOp::kEq>},
    Entry{"escaped", simple<escaped>},
    Entry{"even", parity<0>},
    Entry{"false", simple<is_false>},
    Entry{"filter", is_filter},
    Entry{"float", simple<of_type<Type::kFloat>>},
    Entry{"ge", compared<CompareOp::kGe>},
    Entry{"greaterthan", compared<CompareOp::kGt>},
    Entry{"gt", compared<CompareOp::kGt>},
    Entry{"in", compared<CompareOp::kIn>},
    Entry{"integer", simple<of_type<Type::kInt>>},
    Entry{"iterable", simple<iterable>},
    Entry{"le", compared<CompareOp::kLe>},
    Entry{"lessthan", compared<CompareOp::kLt>},
    Entry{"lower", of_text<is_lower>},
    Entry{"lt", compared<CompareOp::kLt>},
    Entry{"mapping", simple<of_type<Type::kDict>>},
    Entry{"ne", compared<CompareOp::kNe>},
    Entry{"none", simple<of_type<Type::kNone>>},
    Entry{"number", simple<number>},
    Entry{"odd", parity<1>},
    Entry{"sameas", same_as},
    Entry{"sequence", simple<sequence>},
    Entry{"string", simple<of_type<Type::kString>>},
    Entry{"test", is_test},
    Entry{"true", simple<is_true>},
    Entry{"undefined", simple<of_type<Type::kUndefined>>},
    Entry{"upper", of_text<is_upper>},
};

}  // namespace

Test find_test(std::string_view name) {
  const auto* found = std::find_if(kTests.begin(), kTests.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == kTests.end() ? nullptr : found->function;
}

}  // namespace qbench::text::jinja
