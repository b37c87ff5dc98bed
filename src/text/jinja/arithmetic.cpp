#include <cmath>

#include "text/jinja/fault.h"
#include "text/jinja/format.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/runtime.h"

namespace qbench::text::jinja {
namespace {

[[noreturn]] void bad_operands(const char* symbol, const Value& a, const Value& b) {
  if (a.is(Type::kUndefined)) undefined_used(a);
  if (b.is(Type::kUndefined)) undefined_used(b);
  raise("unsupported operand type(s) for " + std::string(symbol) + ": '" + std::string(a.type_name()) + "' and '" +
        std::string(b.type_name()) + "'");
}

[[noreturn]] void too_large() { unsupported("an integer beyond 64 bits"); }

double to_double(const Value& value) { return value.is(Type::kFloat) ? value.as_float() : static_cast<double>(value.as_int()); }

std::int64_t power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) too_large();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) too_large();
  }
  return result;
}

Value integer_binary(BinaryOp op, std::int64_t a, std::int64_t b) {
  std::int64_t r = 0;
  switch (op) {
    case BinaryOp::kAdd:
      if (__builtin_add_overflow(a, b, &r)) too_large();
      return Value::integer(r);
    case BinaryOp::kSub:
      if (__builtin_sub_overflow(a, b, &r)) too_large();
      return Value::integer(r);
    case BinaryOp::kMul:
      if (__builtin_mul_overflow(a, b, &r)) too_large();
      return Value::integer(r);
    case BinaryOp::kDiv: {
      if (b == 0) raise("division by zero");
      constexpr std::int64_t kExact = 1LL << 53;
      if (a > kExact || a < -kExact || b > kExact || b < -kExact) unsupported("dividing integers beyond 53 bits");
      return Value::real(static_cast<double>(a) / static_cast<double>(b));
    }
    case BinaryOp::kFloorDiv:
    case BinaryOp::kMod: {
      if (b == 0) raise("integer division or modulo by zero");
      if (a == INT64_MIN && b == -1) {
        if (op == BinaryOp::kFloorDiv) too_large();
        return Value::integer(0);
      }
      std::int64_t quotient = a / b;
      std::int64_t rest = a % b;
      if (rest != 0 && (rest < 0) != (b < 0)) {
        rest += b;
        --quotient;
      }
      return Value::integer(op == BinaryOp::kMod ? rest : quotient);
    }
    case BinaryOp::kPow:
      if (b >= 0) return Value::integer(power(a, b));
      if (a == 0) raise("0.0 cannot be raised to a negative power");
      return Value::real(std::pow(static_cast<double>(a), static_cast<double>(b)));
  }
  return Value::none();
}

Value real_binary(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return Value::real(a + b);
    case BinaryOp::kSub:
      return Value::real(a - b);
    case BinaryOp::kMul:
      return Value::real(a * b);
    case BinaryOp::kDiv:
      if (b == 0) raise("float division by zero");
      return Value::real(a / b);
    case BinaryOp::kFloorDiv:
    case BinaryOp::kMod: {
      if (b == 0) raise("float floor division or modulo by zero");
      double rest = std::fmod(a, b);
      double quotient = (a - rest) / b;
      if (rest != 0) {
        if ((b < 0) != (rest < 0)) {
          rest += b;
          quotient -= 1.0;
        }
      } else {
        rest = std::copysign(0.0, b);
      }
      if (op == BinaryOp::kMod) return Value::real(rest);
      if (quotient == 0) return Value::real(std::copysign(0.0, a / b));
      const double floor = std::floor(quotient);
      return Value::real(quotient - floor > 0.5 ? floor + 1.0 : floor);
    }
    case BinaryOp::kPow: {
      if (a == 0 && b < 0) raise("0.0 cannot be raised to a negative power");
      if (a < 0 && std::floor(b) != b && std::isfinite(b)) unsupported("a complex number");
      const double r = std::pow(a, b);
      if (std::isinf(r) && std::isfinite(a) && std::isfinite(b)) raise("(34, 'Numerical result out of range')");
      return Value::real(r);
    }
  }
  return Value::none();
}

Value repeat(Runtime& runtime, const Value& sequence, std::int64_t times) {
  const auto count = static_cast<std::uint64_t>(times < 0 ? 0 : times);
  const std::uint64_t unit = sequence.is(Type::kString) ? sequence.bytes().size() : sequence.items().size() * sizeof(Value);
  if (unit != 0 && count > runtime.limits().bytes_produced / unit) runtime.charge(UINT64_MAX);
  if (sequence.is(Type::kString)) {
    runtime.charge_text(unit * count);
    std::string out;
    out.reserve(unit * count);
    for (std::uint64_t i = 0; unit != 0 && i < count; ++i) out += sequence.bytes();
    return Value::text(std::move(out), sequence.as_text().markup);
  }
  runtime.charge_items(sequence.items().size() * count);
  std::vector<Value> out;
  for (std::uint64_t i = 0; unit != 0 && i < count; ++i) out.insert(out.end(), sequence.items().begin(), sequence.items().end());
  return sequence.is(Type::kList) ? Value::list(std::move(out)) : Value::tuple(std::move(out));
}

Value add(Runtime& runtime, const Value& a, const Value& b) {
  if (a.is(Type::kString) && b.is(Type::kString)) {
    const bool markup = a.as_text().markup || b.as_text().markup;
    const Value left = markup ? escape(runtime, a) : a;
    const Value right = markup ? escape(runtime, b) : b;
    runtime.charge_text(left.bytes().size() + right.bytes().size());
    std::string out;
    out.reserve(left.bytes().size() + right.bytes().size());
    out += left.bytes();
    out += right.bytes();
    return Value::text(std::move(out), markup);
  }
  if (a.is_sequence() && a.type() == b.type()) {
    std::vector<Value> out = a.items();
    out.insert(out.end(), b.items().begin(), b.items().end());
    runtime.charge_items(out.size());
    return a.is(Type::kList) ? Value::list(std::move(out)) : Value::tuple(std::move(out));
  }
  bad_operands("+", a, b);
}

const char* symbol_of(BinaryOp op) {
  static constexpr const char* kSymbols[] = {"+", "-", "*", "/", "//", "%", "**"};
  return kSymbols[static_cast<int>(op)];
}

}  // namespace

Value binary(Runtime& runtime, BinaryOp op, const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return integer_binary(op, a.as_int(), b.as_int());
  if (a.is_number() && b.is_number()) return real_binary(op, to_double(a), to_double(b));
  if (a.is(Type::kUndefined)) undefined_used(a);
  if (op == BinaryOp::kMod && a.is(Type::kString)) return printf_format(runtime, a, b);
  if (b.is(Type::kUndefined)) undefined_used(b);
  if (op == BinaryOp::kAdd) return add(runtime, a, b);
  if (op == BinaryOp::kMul) {
    if ((a.is(Type::kString) || a.is_sequence()) && b.is_integral()) return repeat(runtime, a, b.as_int());
    if ((b.is(Type::kString) || b.is_sequence()) && a.is_integral()) return repeat(runtime, b, a.as_int());
  }
  const auto dict_like = [](const Value& v) { return v.object_if<DictView>() != nullptr; };
  if (dict_like(a) || dict_like(b)) unsupported("arithmetic on dict views");
  bad_operands(symbol_of(op), a, b);
}

Value negate(const Value& value) {
  if (value.is_integral()) {
    if (value.as_int() == INT64_MIN) too_large();
    return Value::integer(-value.as_int());
  }
  if (value.is(Type::kFloat)) return Value::real(-value.as_float());
  if (value.is(Type::kUndefined)) undefined_used(value);
  raise("bad operand type for unary -: '" + std::string(value.type_name()) + "'");
}

Value plus(const Value& value) {
  if (value.is_integral()) return Value::integer(value.as_int());
  if (value.is(Type::kFloat)) return value;
  if (value.is(Type::kUndefined)) undefined_used(value);
  raise("bad operand type for unary +: '" + std::string(value.type_name()) + "'");
}

}  // namespace qbench::text::jinja
