#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "text/jinja/args.h"
#include "text/jinja/fault.h"
#include "text/jinja/filters.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {
namespace {

void ascii_only(std::string_view text) {
  if (count_code_points(text) != static_cast<std::int64_t>(text.size())) unsupported("a number with characters outside ASCII");
}

/// Digits with single underscores between them, underscores removed; nothing where the text is no such number.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_') {
      if (i == 0 || i + 1 == text.size() || text[i - 1] == '_' || !std::isalnum(static_cast<unsigned char>(text[i - 1])) ||
          !std::isalnum(static_cast<unsigned char>(text[i + 1]))) {
        return std::nullopt;
      }
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

/// int(text, base): nothing where Python raises ValueError.
std::optional<std::int64_t> parse_int(std::string_view text, std::int64_t base) {
  text = strip_right(strip_left(text));
  ascii_only(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto prefixed = [&](char letter) { return text.size() > 1 && text[0] == '0' && (text[1] | 0x20) == letter; };
  const bool prefix = (base == 16 && prefixed('x')) || (base == 8 && prefixed('o')) || (base == 2 && prefixed('b'));
  if (prefix) {
    text.remove_prefix(2);
    if (text.starts_with('_')) text.remove_prefix(1);
  }
  const auto digits = without_underscores(text);
  if (!digits || digits->empty()) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), value, static_cast<int>(base));
  if (error == std::errc::invalid_argument || end != digits->data() + digits->size()) return std::nullopt;
  if (error == std::errc::result_out_of_range || value > static_cast<std::uint64_t>(INT64_MAX)) unsupported("an integer beyond 64 bits");
  return negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
}

/// float(text): nothing where Python raises ValueError.
std::optional<double> parse_float(std::string_view text) {
  text = strip_right(strip_left(text));
  ascii_only(text);
  const auto plain = without_underscores(text);
  if (!plain || plain->empty()) return std::nullopt;
  std::string_view body = *plain;
  if (body[0] == '-' || body[0] == '+') body.remove_prefix(1);
  std::string word;
  for (const char c : body) word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  const bool special = word == "inf" || word == "infinity" || word == "nan";
  if (!special && (body.empty() || body.find_first_not_of("0123456789.eE+-") != std::string_view::npos)) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(plain->c_str(), &end);
  if (end != plain->c_str() + plain->size()) return std::nullopt;
  return value;
}

Value whole(double value) {
  const double cut = std::trunc(value);
  if (!(std::fabs(cut) < 9.2e18)) unsupported("an integer beyond 64 bits");
  return Value::integer(static_cast<std::int64_t>(cut));
}

Value int_filter(Runtime&, const Value& input, const Args& args) {
  const Bound bound("int", args, {"default?", "base?"});
  const std::int64_t base = bound.integer(1, 10);
  const Value otherwise = bound.get(0, Value::integer(0));
  if (input.is(Type::kUndefined)) undefined_used(input);
  if (input.is_integral()) return Value::integer(input.as_int());
  if (input.is(Type::kFloat)) {
    if (std::isinf(input.as_float())) raise("cannot convert float infinity to integer");
    return std::isnan(input.as_float()) ? otherwise : whole(input.as_float());
  }
  if (!input.is(Type::kString)) return otherwise;
  if (base != 2 && base != 8 && base != 10 && base != 16) unsupported("|int with base " + std::to_string(base));
  if (const auto value = parse_int(input.bytes(), base)) return Value::integer(*value);
  const auto value = parse_float(input.bytes());
  return value && std::isfinite(*value) ? whole(*value) : otherwise;
}

Value float_filter(Runtime&, const Value& input, const Args& args) {
  const Bound bound("float", args, {"default?"});
  const Value otherwise = bound.get(0, Value::real(0.0));
  if (input.is(Type::kUndefined)) undefined_used(input);
  if (input.is(Type::kFloat)) return input;
  if (input.is_integral()) return Value::real(static_cast<double>(input.as_int()));
  if (!input.is(Type::kString)) return otherwise;
  const auto value = parse_float(input.bytes());
  return value ? Value::real(*value) : otherwise;
}

Value abs_filter(Runtime&, const Value& input, const Args& args) {
  no_arguments("abs", args);
  if (input.is_integral()) return input.as_int() < 0 ? negate(input) : Value::integer(input.as_int());
  if (input.is(Type::kFloat)) return Value::real(std::fabs(input.as_float()));
  raise("bad operand type for abs(): '" + std::string(input.type_name()) + "'");
}

Value round_filter(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("round", args, {"precision?", "method?"});
  const std::string method = bound.given(1) ? bound.text(1) : "common";
  if (method != "common" && method != "ceil" && method != "floor") raise("method must be common, ceil or floor");
  if (!input.is_number()) raise("type " + std::string(input.type_name()) + " doesn't define __round__ method");
  const std::int64_t precision = bound.integer(0, 0);
  if (precision < 0 || precision > 300) unsupported("|round with precision " + std::to_string(precision));
  if (method == "common") {
    if (input.is_integral()) return Value::integer(input.as_int());
    if (!std::isfinite(input.as_float())) unsupported("|round of an infinity or NaN");
    // Python rounds the exact value half to even, which is what printf does.
    char buffer[800];
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(precision), input.as_float());
    return Value::real(std::strtod(buffer, nullptr));
  }
  const Value scale = binary(runtime, BinaryOp::kPow, Value::integer(10), Value::integer(precision));
  const Value scaled = binary(runtime, BinaryOp::kMul, input, scale);
  Value cut = scaled;
  if (scaled.is(Type::kFloat)) {
    if (!std::isfinite(scaled.as_float())) raise("cannot convert float infinity or NaN to integer");
    cut = whole(method == "ceil" ? std::ceil(scaled.as_float()) : std::floor(scaled.as_float()));
  }
  return binary(runtime, BinaryOp::kDiv, cut, scale);
}

Value sum(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("sum", args, {"attribute?", "start?"});
  const AttributePath path(bound.get(0, Value::none()));
  Value total = bound.get(1, Value::integer(0));
  if (total.is(Type::kString)) raise("sum() can't sum strings [use ''.join(seq) instead]");
  const IteratorPtr iterator = iterate(runtime, input);
  bool real = false;
  for (Value item; iterator->next(runtime, item);) {
    const Value part = path(runtime, item);
    // sum() of floats is compensated from Python 3.12 on: the last digit depends on the version.
    if (real && part.is(Type::kFloat)) unsupported("|sum of several floats");
    real |= part.is(Type::kFloat);
    total = binary(runtime, BinaryOp::kAdd, total, part);
  }
  return total;
}

constexpr std::array kFilters = {
    FilterEntry{"abs", abs_filter}, FilterEntry{"float", float_filter}, FilterEntry{"int", int_filter}, FilterEntry{"round", round_filter},
    FilterEntry{"sum", sum},
};

}  // namespace

std::span<const FilterEntry> number_filters() { return kFilters; }

}  // namespace qbench::text::jinja
