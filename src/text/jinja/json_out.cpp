#include <algorithm>
#include <cmath>

#include "text/jinja/fault.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {
namespace {

/// json.dumps of Python's json package.
class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonStyle& style) : runtime_(runtime), style_(style) {}

  void value(const Value& v) {
    runtime_.step();
    switch (v.type()) {
      case Type::kNone:
        return put("null");
      case Type::kBool:
        return put(v.as_bool() ? "true" : "false");
      case Type::kInt:
        return put(std::to_string(v.as_int()));
      case Type::kFloat:
        return put(number(v.as_float()));
      case Type::kString:
        return text(v.bytes());
      case Type::kList:
      case Type::kTuple:
        return list(v.items());
      case Type::kDict:
        return dict(v.as_dict());
      default:
        raise("Object of type " + std::string(v.type_name()) + " is not JSON serializable");
    }
  }

  std::string take() { return std::move(out_); }

 private:
  void put(std::string_view s) {
    runtime_.charge(s.size());
    out_ += s;
  }

  static std::string number(double d) {
    if (std::isnan(d)) return "NaN";
    if (std::isinf(d)) return d < 0 ? "-Infinity" : "Infinity";
    return float_repr(d);
  }

  void escape_unit(std::string& out, char32_t unit) {
    static constexpr char kHex[] = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[(unit >> shift) & 0xF]);
  }

  void text(const std::string& s) {
    std::string out = "\"";
    for (std::size_t at = 0; at < s.size();) {
      const char32_t c = next_code_point(s, at);
      switch (c) {
        case '"':
          out += "\\\"";
          break;
        case '\\':
          out += "\\\\";
          break;
        case '\n':
          out += "\\n";
          break;
        case '\r':
          out += "\\r";
          break;
        case '\t':
          out += "\\t";
          break;
        case '\b':
          out += "\\b";
          break;
        case '\f':
          out += "\\f";
          break;
        default:
          // ensure_ascii escapes DEL too: only 0x20 to 0x7e stay.
          if (c < 0x20 || (style_.ensure_ascii && c >= 0x7F && c < 0x10000)) {
            escape_unit(out, c);
          } else if (style_.ensure_ascii && c >= 0x10000) {
            escape_unit(out, 0xD800 + ((c - 0x10000) >> 10));
            escape_unit(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
          } else {
            append_utf8(out, c);
          }
      }
    }
    out.push_back('"');
    put(out);
  }

  void new_line() {
    put("\n");
    for (int i = 0; i < level_; ++i) put(style_.indent);
  }

  template <class Sequence, class Each>
  void sequence(char open, char close, const Sequence& items, Each each) {
    const Runtime::Deeper deeper(runtime_);
    put(std::string_view(&open, 1));
    if (!items.empty()) {
      ++level_;
      bool first = true;
      for (const auto& item : items) {
        if (!first) put(style_.item_separator);
        first = false;
        if (style_.indented) new_line();
        each(item);
      }
      --level_;
      if (style_.indented) new_line();
    }
    put(std::string_view(&close, 1));
  }

  void list(const std::vector<Value>& items) {
    sequence('[', ']', items, [&](const Value& item) { value(item); });
  }

  void key(const Value& k) {
    switch (k.type()) {
      case Type::kString:
        return text(k.bytes());
      case Type::kNone:
        return put("\"null\"");
      case Type::kBool:
        return put(k.as_bool() ? "\"true\"" : "\"false\"");
      case Type::kInt:
        return put("\"" + std::to_string(k.as_int()) + "\"");
      case Type::kFloat:
        return put("\"" + number(k.as_float()) + "\"");
      default:
        raise("keys must be str, int, float, bool or None, not " + std::string(k.type_name()));
    }
  }

  void dict(const Dict& entries) {
    std::vector<const Dict::Entry*> order;
    for (const Dict::Entry& entry : entries.entries()) order.push_back(&entry);
    if (style_.sort_keys) {
      std::stable_sort(order.begin(), order.end(), [&](const auto* a, const auto* b) { return less(runtime_, a->first, b->first); });
    }
    sequence('{', '}', order, [&](const Dict::Entry* entry) {
      key(entry->first);
      put(style_.key_separator);
      value(entry->second);
    });
  }

  Runtime& runtime_;
  const JsonStyle& style_;
  std::string out_;
  int level_ = 0;
};

}  // namespace

std::string to_json(Runtime& runtime, const Value& value, const JsonStyle& style) {
  JsonWriter writer(runtime, style);
  writer.value(value);
  return writer.take();
}

}  // namespace qbench::text::jinja
