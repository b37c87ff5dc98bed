#include "text/jinja/print.h"

#include <charconv>
#include <cmath>

#include "text/jinja/fault.h"
#include "text/jinja/macro.h"
#include "text/jinja/objects.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string text(buffer, end);
  const std::string sign = text[0] == '-' ? "-" : "";
  text.erase(0, sign.size());
  const std::size_t e = text.find('e');
  const int exponent = std::atoi(text.c_str() + e + 1);
  std::string digits = text.substr(0, 1);
  if (e > 2) digits += text.substr(2, e - 2);
  const int count = static_cast<int>(digits.size());
  // Python's repr: positional from 1e-4 up to, but without, 1e16.
  if (exponent < -4 || exponent >= 16) {
    std::string out = sign + digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    const std::string power = std::to_string(std::abs(exponent));
    return out + (exponent < 0 ? "e-" : "e+") + (power.size() < 2 ? "0" : "") + power;
  }
  if (exponent < 0) return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

namespace {

void append_hex(std::string& out, char32_t c, int width) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (int shift = 4 * (width - 1); shift >= 0; shift -= 4) out.push_back(kHex[(c >> shift) & 0xF]);
}

std::string repr_text(const std::string& text) {
  const bool single = text.find('\'') != std::string::npos && text.find('"') == std::string::npos;
  const char quote = single ? '"' : '\'';
  std::string out(1, quote);
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(c));
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      append_utf8(out, c);
    } else if (c < 0x100) {
      out += "\\x";
      append_hex(out, c, 2);
    } else if (c < 0x10000) {
      out += "\\u";
      append_hex(out, c, 4);
    } else {
      out += "\\U";
      append_hex(out, c, 8);
    }
  }
  out.push_back(quote);
  return out;
}

/// repr of nested values, appended: linear in what it writes.
class Printer {
 public:
  explicit Printer(Runtime& runtime) : runtime_(runtime) {}

  void value(const Value& v) {
    runtime_.step();
    switch (v.type()) {
      case Type::kMissing:
      case Type::kExpired:
      case Type::kUndefined:
        return put("Undefined");
      case Type::kNone:
        return put("None");
      case Type::kBool:
        return put(v.as_bool() ? "True" : "False");
      case Type::kInt:
        return put(std::to_string(v.as_int()));
      case Type::kFloat:
        return put(float_repr(v.as_float()));
      case Type::kString:
        return v.as_text().markup ? put("Markup(" + repr_text(v.bytes()) + ")") : put(repr_text(v.bytes()));
      case Type::kList:
        return items("[", v.items(), "]");
      case Type::kTuple:
        return items("(", v.items(), v.items().size() == 1 ? ",)" : ")");
      case Type::kDict:
        return dict(v.as_dict());
      case Type::kObject:
        return object(v);
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void put(const std::string& text) {
    runtime_.charge(text.size());
    out_ += text;
  }

  void items(const char* open, const std::vector<Value>& values, const char* close) {
    const Runtime::Deeper deeper(runtime_);
    put(open);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i != 0) put(", ");
      value(values[i]);
    }
    put(close);
  }

  void dict(const Dict& entries) {
    const Runtime::Deeper deeper(runtime_);
    put("{");
    bool first = true;
    for (const auto& [key, item] : entries.entries()) {
      if (!first) put(", ");
      first = false;
      value(key);
      put(": ");
      value(item);
    }
    put("}");
  }

  void object(const Value& v) {
    const Runtime::Deeper deeper(runtime_);
    if (const auto* space = v.object_if<Namespace>()) {
      put("<Namespace ");
      dict(space->attributes);
      return put(">");
    }
    if (const auto* range = v.object_if<Range>()) {
      const std::string step = range->step == 1 ? "" : ", " + std::to_string(range->step);
      return put("range(" + std::to_string(range->start) + ", " + std::to_string(range->stop) + step + ")");
    }
    if (const auto* view = v.object_if<DictView>()) {
      put(std::string(view->type_name()) + "(");
      items("[", to_vector(runtime_, v), "]");
      return put(")");
    }
    if (auto* loop = v.object_if<Loop>()) {
      return put("<LoopContext " + std::to_string(loop->index0 + 1) + "/" + std::to_string(loop->length(runtime_)) + ">");
    }
    if (const auto* macro = v.object_if<Macro>()) return put("<Macro " + (macro->name ? repr_text(*macro->name) : "anonymous") + ">");
    unsupported("printing a " + std::string(v.type_name()));
  }

  Runtime& runtime_;
  std::string out_;
};

}  // namespace

std::string repr(Runtime& runtime, const Value& value) {
  Printer printer(runtime);
  printer.value(value);
  return printer.take();
}

std::string to_str(Runtime& runtime, const Value& value) {
  if (value.is(Type::kString)) return value.bytes();
  if (value.is(Type::kUndefined)) return {};
  return repr(runtime, value);
}

}  // namespace qbench::text::jinja
