#include <array>

#include "text/jinja/args.h"
#include "text/jinja/fault.h"
#include "text/jinja/filters.h"
#include "text/jinja/format.h"
#include "text/jinja/objects.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/text_ops.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {
namespace {

/// markupsafe.soft_str: text stays what it is, marked safe or not.
Value soft_str(Runtime& runtime, const Value& value) { return value.is(Type::kString) ? value : runtime.make_text(to_str(runtime, value)); }

template <std::string (*kMap)(std::string_view)>
Value mapped(Runtime& runtime, const Value& input, const Args& args) {
  no_arguments("filter", args);
  const Value text = soft_str(runtime, input);
  runtime.step(text.bytes().size() / 16);
  return runtime.make_text(kMap(text.bytes()), text.as_text().markup);
}

/// |title has its own notion of a word: it starts at the text's start and behind white space or one of -({[<.
Value title_filter(Runtime& runtime, const Value& input, const Args& args) {
  no_arguments("title", args);
  const Value text = soft_str(runtime, input);
  std::string out;
  std::string word;
  const auto flush = [&] {
    if (word.empty()) return;
    const std::size_t first = byte_offset(word, 1);
    out += to_upper(word.substr(0, first)) + to_lower(word.substr(first));
    word.clear();
  };
  for (std::size_t at = 0; at < text.bytes().size();) {
    const char32_t c = next_code_point(text.bytes(), at);
    if (is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<') {
      flush();
      append_utf8(out, c);
    } else {
      append_utf8(word, c);
    }
  }
  flush();
  return runtime.make_text(std::move(out));
}

Value trim(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("trim", args, {"chars?"});
  const Value text = soft_str(runtime, input);
  const bool markup = text.as_text().markup;
  if (!bound.none(0) && markup) unsupported("|trim(chars) of text marked safe");
  runtime.step(text.bytes().size() / 64);
  const std::string_view rest =
      bound.none(0) ? strip_right(strip_left(text.bytes())) : strip_chars(runtime, text.bytes(), bound.text(0), true, true);
  return rest.size() == text.bytes().size() ? text : runtime.make_text(std::string(rest), markup);
}

Value replace(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("replace", args, {"old", "new", "count?"});
  const std::string text = to_str(runtime, input);
  const std::int64_t most = bound.none(2) ? -1 : bound.integer(2, -1);
  return runtime.make_text(replace_all(runtime, text, to_str(runtime, bound[0]), to_str(runtime, bound[1]), most));
}

Value string(Runtime& runtime, const Value& input, const Args& args) {
  no_arguments("string", args);
  return soft_str(runtime, input);
}

Value safe(Runtime& runtime, const Value& input, const Args& args) {
  no_arguments("safe", args);
  return runtime.make_text(to_str(runtime, input), true);
}

Value escape_filter(Runtime& runtime, const Value& input, const Args& args) {
  no_arguments("escape", args);
  return escape(runtime, input);
}

Value center_filter(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("center", args, {"width?"});
  const Value text = soft_str(runtime, input);
  return runtime.make_text(center(runtime, text.bytes(), bound.integer(0, 80), " "), text.as_text().markup);
}

Value format_filter(Runtime& runtime, const Value& input, const Args& args) {
  if (!args.keyword.empty()) unsupported("|format with keywords");
  return printf_format(runtime, soft_str(runtime, input), Value::tuple(args.positional));
}

Value indent(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("indent", args, {"width?", "first?", "blank?"});
  if (input.is(Type::kUndefined)) undefined_used(input);
  if (!input.is(Type::kString)) raise("|indent needs a str, not " + std::string(input.type_name()));
  std::string margin;
  if (bound.given(0) && bound[0].is(Type::kString)) {
    if (input.as_text().markup) unsupported("|indent by a text of text marked safe");
    margin = bound[0].bytes();
  } else {
    margin = pad(runtime, "", bound.integer(0, 4), '<');
  }
  const bool blank = bound.truth(runtime, 2, false);
  const std::string text = input.bytes() + "\n";  // jinja2 does so too: a last line that is empty stays
  std::string out = bound.truth(runtime, 1, false) ? margin : "";
  bool first = true;
  for (const std::string_view line : split_lines(runtime, text, false)) {
    runtime.charge(line.size() + margin.size() + 1);
    if (!first) out += '\n';
    if (!first && (blank || !line.empty())) out += margin;
    first = false;
    out += line;
  }
  return Value::text(std::move(out), input.as_text().markup);
}

Value join(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("join", args, {"d?", "attribute?"});
  const std::string separator = bound.given(0) ? to_str(runtime, bound[0]) : "";
  const AttributePath path(bound.get(1, Value::none()));
  std::string out;
  bool first = true;
  const IteratorPtr iterator = iterate(runtime, input);
  for (Value item; iterator->next(runtime, item);) {
    const Value part = path(runtime, item);
    const std::string text = to_str(runtime, part);
    runtime.charge(text.size() + separator.size());
    if (!first) out += separator;
    first = false;
    out += text;
  }
  return Value::text(std::move(out));
}

Value truncate(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("truncate", args, {"length?", "killwords?", "end?", "leeway?"});
  const std::int64_t length = bound.integer(0, 255);
  const std::string end = bound.given(2) ? bound.text(2) : "...";
  const std::int64_t leeway = bound.none(3) ? 5 : bound.integer(3, 5);
  const std::int64_t keep = length - count_code_points(end);
  if (keep < 0) raise("|truncate: the length is shorter than its end");
  if (leeway < 0) raise("|truncate: the leeway is negative");
  if (!input.is(Type::kString)) unsupported("|truncate of a " + std::string(input.type_name()));
  if (length > (1LL << 40) || leeway > (1LL << 40) || input.as_text().length <= length + leeway) return input;
  if (input.as_text().markup) unsupported("|truncate of text marked safe");
  std::string text = input.bytes().substr(0, byte_offset(input.bytes(), keep));
  if (!bound.truth(runtime, 1, false)) text = text.substr(0, text.rfind(' '));
  return runtime.make_text(text + end);
}

Value tojson(Runtime& runtime, const Value& input, const Args& args) {
  const Bound bound("tojson", args, {"ensure_ascii?", "indent?", "separators?", "sort_keys?"});
  JsonStyle style;
  style.ensure_ascii = bound.truth(runtime, 0, false);
  style.sort_keys = bound.truth(runtime, 3, false);
  if (!bound.none(1)) {
    style.indented = true;
    style.item_separator = ",";
    style.indent = bound[1].is(Type::kString) ? bound[1].bytes() : pad(runtime, "", bound.integer(1, 0), '<');
  }
  if (!bound.none(2)) {
    if (!bound[2].is_sequence() || bound[2].items().size() != 2) raise("tojson: separators must be two texts");
    for (const Value& part : bound[2].items()) {
      if (!part.is(Type::kString)) raise("tojson: separators must be two texts");
    }
    style.item_separator = bound[2].items()[0].bytes();
    style.key_separator = bound[2].items()[1].bytes();
  }
  return Value::text(to_json(runtime, input, style));
}

constexpr std::array kFilters = {
    FilterEntry{"capitalize", mapped<capitalize>},
    FilterEntry{"center", center_filter},
    FilterEntry{"e", escape_filter},
    FilterEntry{"escape", escape_filter},
    FilterEntry{"format", format_filter},
    FilterEntry{"indent", indent},
    FilterEntry{"join", join},
    FilterEntry{"lower", mapped<to_lower>},
    FilterEntry{"replace", replace},
    FilterEntry{"safe", safe},
    FilterEntry{"string", string},
    FilterEntry{"title", title_filter},
    FilterEntry{"tojson", tojson},
    FilterEntry{"trim", trim},
    FilterEntry{"truncate", truncate},
    FilterEntry{"upper", mapped<to_upper>},
};

}  // namespace

std::span<const FilterEntry> text_filters() { return kFilters; }

}  // namespace qbench::text::jinja
