#pragma once

#include <compare>
#include <cstdint>

#include "text/jinja/value.h"

namespace qbench::text::jinja {

class Runtime;

enum class BinaryOp { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow };
enum class CompareOp { kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };

/// Python's operators, their errors included. Integers have 64 bits: a result beyond is an unsupported construct.
bool truth(Runtime& runtime, const Value& value);
bool equal(Runtime& runtime, const Value& a, const Value& b);
bool scalars_equal(const Value& a, const Value& b);  ///< ==, for what can be a dict's key
bool less(Runtime& runtime, const Value& a, const Value& b, const char* symbol = "<");
bool contains(Runtime& runtime, const Value& container, const Value& item);
bool compare(Runtime& runtime, CompareOp op, const Value& a, const Value& b);
Value binary(Runtime& runtime, BinaryOp op, const Value& a, const Value& b);
Value negate(const Value& value);
Value plus(const Value& value);

/// value[start:stop:step]; kMissing or None where a part is left out.
Value slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop, const Value& step);

/// len(value); raises for what has none.
std::int64_t length_of(Runtime& runtime, const Value& value);
bool has_length(const Value& value);

/// markupsafe.escape: what is Markup already stays as it is.
Value escape(Runtime& runtime, const Value& value);

[[noreturn]] void undefined_used(const Value& value);

}  // namespace qbench::text::jinja
