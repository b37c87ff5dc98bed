#include "text/jinja/format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "text/jinja/attributes.h"
#include "text/jinja/fault.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {

std::string pad(Runtime& runtime, std::string text, std::int64_t width, char align, const std::string& fill) {
  const std::int64_t missing = width - count_code_points(text);
  if (missing <= 0) return text;
  if (static_cast<std::uint64_t>(missing) > runtime.limits().output_bytes) runtime.charge_text(UINT64_MAX);
  const auto repeat = [&](std::int64_t count) {
    runtime.charge_text(static_cast<std::uint64_t>(count) * fill.size());
    std::string out;
    for (std::int64_t i = 0; i < count; ++i) out += fill;
    return out;
  };
  switch (align) {
    case '<':
      return text + repeat(missing);
    case '^':
      return repeat(missing / 2) + text + repeat(missing - missing / 2);
    case '=': {
      const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ') ? 1 : 0;
      return text.substr(0, sign) + repeat(missing) + text.substr(sign);
    }
    default:
      return repeat(missing) + text;
  }
}

namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

/// Reads a decimal number; more than nine digits is no width that a template means.
std::int64_t read_number(std::string_view text, std::size_t& at) {
  std::int64_t value = 0;
  const std::size_t start = at;
  for (; at < text.size() && digit(text[at]); ++at) {
    if (at - start >= 9) unsupported("a format width of ten digits");
    value = value * 10 + (text[at] - '0');
  }
  return value;
}

std::string printf_double(double value, char type, int precision) {
  const char format[] = {'%', '.', '*', type, '\0'};
  const int length = std::snprintf(nullptr, 0, format, precision, value);
  std::string out(static_cast<std::size_t>(length) + 1, '\0');
  std::snprintf(out.data(), out.size(), format, precision, value);
  out.pop_back();
  return out;
}

std::string in_base(std::int64_t value, char type) {
  const bool negative = value < 0;
  std::uint64_t rest = negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  const unsigned base = type == 'b' ? 2 : type == 'o' ? 8 : type == 'x' || type == 'X' ? 16 : 10;
  const char* digits = type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string out;
  do {
    out.push_back(digits[rest % base]);
    rest /= base;
  } while (rest != 0);
  if (negative) out.push_back('-');
  std::reverse(out.begin(), out.end());
  return out;
}

/// [[fill]align][sign][0][width][grouping][.precision][type]: 'z', '#' and type 'n' and 'c' are unsupported.
struct Specification {
  std::string fill = " ";
  char align = 0;
  char sign = '-';
  bool zero = false;
  std::int64_t width = 0;
  char grouping = 0;
  std::int64_t precision = -1;
  char type = 0;
};

Specification parse_specification(std::string_view text) {
  Specification spec;
  std::size_t at = 0;
  const auto is_align = [&](std::size_t i) { return i < text.size() && std::string_view("<>^=").find(text[i]) != std::string_view::npos; };
  std::size_t after_fill = 0;
  if (!text.empty()) next_code_point(text, after_fill);
  if (!text.empty() && is_align(after_fill)) {
    spec.fill = std::string(text.substr(0, after_fill));
    spec.align = text[after_fill];
    at = after_fill + 1;
  } else if (is_align(0)) {
    spec.align = text[at++];
  }
  if (at < text.size() && (text[at] == '+' || text[at] == '-' || text[at] == ' ')) spec.sign = text[at++];
  if (at < text.size() && text[at] == '0') {
    spec.zero = true;
    ++at;
  }
  spec.width = read_number(text, at);
  if (at < text.size() && (text[at] == ',' || text[at] == '_')) spec.grouping = text[at++];
  if (at < text.size() && text[at] == '.') {
    const std::size_t start = ++at;
    spec.precision = read_number(text, at);
    if (at == start) raise("Format specifier missing precision");
  }
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size()) unsupported("format specification '" + std::string(text) + "'");
  return spec;
}

std::string with_sign(std::string number, char sign) {
  if (sign != '-' && number[0] != '-') number.insert(number.begin(), sign);
  return number;
}

std::string grouped(const std::string& number, char grouping) {
  if (grouping == 0) return number;
  const std::size_t start = number[0] == '-' ? 1 : 0;
  const std::size_t end = std::min(number.find_first_not_of("0123456789", start), number.size());
  std::string out = number.substr(0, start);
  for (std::size_t i = start; i < end; ++i) {
    if (i != start && (end - i) % 3 == 0) out.push_back(grouping);
    out.push_back(number[i]);
  }
  return out + number.substr(end);
}

std::string number_body(const Value& value, const Specification& spec) {
  const char type = spec.type;
  if (value.is_integral() && (type == 0 || type == 'd' || type == 'b' || type == 'o' || type == 'x' || type == 'X')) {
    if (spec.precision >= 0) raise("Precision not allowed in integer format specifier");
    if (spec.grouping != 0 && type != 0 && type != 'd') unsupported("grouping in a base other than ten");
    return in_base(value.as_int(), type);
  }
  const double d = value.is(Type::kFloat) ? value.as_float() : static_cast<double>(value.as_int());
  if (!std::isfinite(d)) unsupported("formatting an infinity or NaN");
  if (spec.precision > 400) unsupported("a precision above 400 digits");
  if (type == 0 && spec.precision < 0) return float_repr(d);
  const int precision = spec.precision < 0 ? 6 : static_cast<int>(spec.precision);
  if (type == 'f' || type == 'F' || type == 'e' || type == 'E' || type == 'g' || type == 'G') return printf_double(d, type, precision);
  if (type == '%') return printf_double(d * 100.0, 'f', precision) + "%";
  unsupported("format type '" + std::string(1, type == 0 ? '.' : type) + "' for a " + std::string(value.type_name()));
}

}  // namespace

std::string format_value(Runtime& runtime, const Value& value, std::string_view specification) {
  if (specification.empty()) return to_str(runtime, value);
  const Specification spec = parse_specification(specification);
  if (value.is(Type::kString)) {
    if (spec.type != 0 && spec.type != 's') raise("Unknown format code '" + std::string(1, spec.type) + "' for object of type 'str'");
    if (spec.align == '=' || spec.sign != '-' || spec.grouping != 0) raise("a number's format specification for a str");
    if (spec.zero || value.as_text().markup) unsupported("format specification '" + std::string(specification) + "' for a str");
    std::string text = value.bytes();
    if (spec.precision >= 0) text.resize(byte_offset(text, spec.precision));
    return pad(runtime, std::move(text), spec.width, spec.align == 0 ? '<' : spec.align, spec.fill);
  }
  if (!value.is_number()) raise("unsupported format string passed to " + std::string(value.type_name()) + ".__format__");
  if (value.is(Type::kBool) && spec.type == 0) unsupported("format specification '" + std::string(specification) + "' for a bool");
  if (spec.zero && spec.grouping != 0) unsupported("zero padding with grouping");
  std::string number = with_sign(grouped(number_body(value, spec), spec.grouping), spec.sign);
  const char align = spec.align != 0 ? spec.align : spec.zero ? '=' : '>';
  const std::string fill = spec.zero && spec.align == 0 ? "0" : spec.fill;
  if (spec.zero && spec.align != 0) unsupported("zero padding with an alignment");
  return pad(runtime, std::move(number), spec.width, align, fill);
}

namespace {

struct Conversion {
  bool left = false, zero = false;
  char sign = '-';
  std::int64_t width = 0;
  int precision = -1;
  char type = 0;
};

Conversion read_conversion(std::string_view format, std::size_t& at) {
  Conversion c;
  for (; at < format.size(); ++at) {
    if (format[at] == '-') {
      c.left = true;
    } else if (format[at] == '0') {
      c.zero = true;
    } else if (format[at] == '+') {
      c.sign = '+';
    } else if (format[at] == ' ') {
      if (c.sign != '+') c.sign = ' ';
    } else {
      break;
    }
  }
  c.width = read_number(format, at);
  if (at < format.size() && format[at] == '.') {
    ++at;
    c.precision = static_cast<int>(read_number(format, at));
    if (c.precision > 400) unsupported("a precision above 400 digits");
  }
  if (at >= format.size()) raise("incomplete format");
  c.type = format[at++];
  return c;
}

std::string convert(Runtime& runtime, const Conversion& c, const Value& value) {
  if (c.type == 's' || c.type == 'r') {
    std::string text = c.type == 's' ? to_str(runtime, value) : repr(runtime, value);
    if (c.precision >= 0) text.resize(byte_offset(text, c.precision));
    return pad(runtime, std::move(text), c.width, c.left ? '<' : '>');
  }
  const bool integer = c.type == 'd' || c.type == 'i' || c.type == 'u' || c.type == 'x' || c.type == 'X' || c.type == 'o';
  const bool real = c.type == 'f' || c.type == 'F' || c.type == 'e' || c.type == 'E' || c.type == 'g' || c.type == 'G';
  if (!integer && !real) unsupported("conversion '%" + std::string(1, c.type) + "'");
  if (!value.is_number()) raise("%" + std::string(1, c.type) + " format: a number is required, not " + std::string(value.type_name()));
  std::string number;
  if (integer) {
    if (c.precision >= 0) unsupported("a precision for an integer conversion");
    const bool decimal = c.type == 'd' || c.type == 'i' || c.type == 'u';
    if (value.is(Type::kFloat)) {
      if (!decimal) raise("%" + std::string(1, c.type) + " format: an integer is required, not float");
      const double whole = std::trunc(value.as_float());
      if (!(std::fabs(whole) < 9.2e18)) unsupported("an integer beyond 64 bits");
      number = std::to_string(static_cast<std::int64_t>(whole));
    } else {
      number = in_base(value.as_int(), decimal ? 'd' : c.type);
    }
  } else {
    const double d = value.is(Type::kFloat) ? value.as_float() : static_cast<double>(value.as_int());
    if (!std::isfinite(d)) unsupported("formatting an infinity or NaN");
    number = printf_double(d, c.type, c.precision < 0 ? 6 : c.precision);
  }
  number = with_sign(std::move(number), c.sign);
  const bool zeros = c.zero && !c.left;
  return pad(runtime, std::move(number), c.width, c.left ? '<' : zeros ? '=' : '>', zeros ? "0" : " ");
}

}  // namespace

Value printf_format(Runtime& runtime, const Value& format, const Value& arguments) {
  if (format.as_text().markup) unsupported("% on text marked safe");
  const std::string& text = format.bytes();
  std::string out;
  std::size_t used = 0;
  const bool tuple = arguments.is(Type::kTuple);
  const std::size_t given = tuple ? arguments.items().size() : 1;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '%') {
      out.push_back(text[at++]);
      continue;
    }
    ++at;
    if (at < text.size() && text[at] == '%') {
      out.push_back(text[at++]);
      continue;
    }
    if (at < text.size() && text[at] == '(') unsupported("%(name) conversions");
    const Conversion conversion = read_conversion(text, at);
    if (used >= given) raise("not enough arguments for format string");
    out += convert(runtime, conversion, tuple ? arguments.items()[used] : arguments);
    ++used;
    runtime.step();
  }
  // What has __getitem__ and is no str or tuple may be left over: Python takes it for a mapping.
  const bool mapping =
      arguments.is(Type::kDict) || arguments.is(Type::kList) || arguments.is(Type::kObject) || arguments.is(Type::kUndefined);
  if (used < given && !mapping) raise("not all arguments converted during string formatting");
  if (used < given && arguments.is(Type::kObject)) unsupported("% with a " + std::string(arguments.type_name()));
  return runtime.make_text(std::move(out));
}

}  // namespace qbench::text::jinja
