#include <algorithm>
#include <charconv>

#include "text/jinja/attributes.h"
#include "text/jinja/fault.h"
#include "text/jinja/format.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace qbench::text::jinja {
namespace {

/// string.Formatter.vformat over the sandbox's attribute rules. A replacement field inside a format specification is unsupported.
class Formatter {
 public:
  Formatter(Runtime& runtime, std::string_view format, const Args& args) : runtime_(runtime), format_(format), args_(args) {}

  std::string run() {
    std::string out;
    while (at_ < format_.size()) {
      const char c = format_[at_++];
      if (c == '{' || c == '}') {
        if (at_ < format_.size() && format_[at_] == c) {
          out.push_back(c);
          ++at_;
        } else if (c == '}') {
          raise("Single '}' encountered in format string");
        } else {
          out += field();
        }
      } else {
        out.push_back(c);
      }
    }
    runtime_.charge(out.size());
    return out;
  }

 private:
  std::string field() {
    const std::size_t start = at_;
    int brackets = 0;
    while (at_ < format_.size() && !(brackets == 0 && (format_[at_] == '}' || format_[at_] == ':' || format_[at_] == '!'))) {
      if (format_[at_] == '{') raise("unexpected '{' in field name");
      if (format_[at_] == '[') ++brackets;
      if (format_[at_] == ']') --brackets;
      ++at_;
    }
    if (at_ >= format_.size()) raise("expected '}' before end of string");
    const std::string_view name = format_.substr(start, at_ - start);
    char conversion = 0;
    if (format_[at_] == '!') {
      if (at_ + 2 >= format_.size()) raise("unmatched '{' in format spec");
      conversion = format_[at_ + 1];
      at_ += 2;
      if (format_[at_] != ':' && format_[at_] != '}') raise("expected ':' after conversion specifier");
    }
    std::string_view specification;
    if (format_[at_] == ':') {
      const std::size_t end = format_.find('}', ++at_);
      if (end == std::string_view::npos) raise("expected '}' before end of string");
      specification = format_.substr(at_, end - at_);
      if (specification.find('{') != std::string_view::npos) unsupported("a field inside a format specification");
      at_ = end;
    }
    ++at_;
    const Value value = lookup(name);
    if (conversion == 0) return format_value(runtime_, value, specification);
    if (conversion != 's' && conversion != 'r') unsupported("conversion '!" + std::string(1, conversion) + "'");
    const std::string text = conversion == 's' ? to_str(runtime_, value) : repr(runtime_, value);
    return format_value(runtime_, Value::text(text), specification);
  }

  static bool is_number(std::string_view text) {
    return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string_view::npos;
  }

  static std::size_t number(std::string_view text) {
    std::size_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

  Value first(std::string_view name) {
    if (name.empty() || is_number(name)) {
      const bool automatic = name.empty();
      if ((automatic && numbered_ == 'm') || (!automatic && numbered_ == 'a')) {
        raise("cannot switch between automatic and manual field numbering");
      }
      numbered_ = automatic ? 'a' : 'm';
      const std::size_t index = automatic ? next_++ : number(name);
      if (index >= args_.positional.size()) raise("Replacement index " + std::to_string(index) + " out of range for positional args tuple");
      return args_.positional[index];
    }
    for (const auto& [key, value] : args_.keyword) {
      if (key == name) return value;
    }
    raise("KeyError: '" + std::string(name) + "'");
  }

  Value lookup(std::string_view name) {
    std::size_t at = std::min(name.find_first_of(".["), name.size());
    if (at == 0 && !name.empty()) unsupported("a format field that starts with '" + std::string(name.substr(0, 1)) + "'");
    Value value = first(name.substr(0, at));
    while (at < name.size()) {
      runtime_.step();
      if (name[at] == '.') {
        const std::size_t end = std::min(name.find_first_of(".[", at + 1), name.size());
        if (end == at + 1) raise("Empty attribute in format string");
        value = get_attribute(runtime_, value, std::string(name.substr(at + 1, end - at - 1)));
        at = end;
      } else {
        const std::size_t end = name.find(']', at);
        if (end == std::string_view::npos) raise("Missing ']' in format string");
        const std::string_view key = name.substr(at + 1, end - at - 1);
        if (key.empty()) raise("Empty attribute in format string");
        if (end + 1 < name.size() && name[end + 1] != '.' && name[end + 1] != '[')
          raise("Only '.' or '[' may follow ']' in format field specifier");
        value = get_item(runtime_, value,
                         is_number(key) ? Value::integer(static_cast<std::int64_t>(number(key))) : Value::text(std::string(key)));
        at = end + 1;
      }
    }
    return value;
  }

  Runtime& runtime_;
  std::string_view format_;
  const Args& args_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;
  char numbered_ = 0;
};

}  // namespace

Value str_format(Runtime& runtime, const Value& format, const Args& args) {
  if (format.as_text().markup) unsupported("format on text marked safe");
  return runtime.make_text(Formatter(runtime, format.bytes(), args).run());
}

}  // namespace qbench::text::jinja
