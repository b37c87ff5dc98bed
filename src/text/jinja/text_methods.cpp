#include <algorithm>
#include <array>

#include "text/jinja/args.h"
#include "text/jinja/attributes.h"
#include "text/jinja/fault.h"
#include "text/jinja/format.h"
#include "text/jinja/operators.h"
#include "text/jinja/runtime.h"
#include "text/jinja/text_ops.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {
namespace {

using Function = Builtin::Function;

/// Methods whose result or argument markupsafe escapes: refused on Markup rather than guessed at.
void plain_only(const Value& self, const char* method) {
  if (self.as_text().markup) unsupported("." + std::string(method) + "() of text marked safe");
}

template <std::string (*kMap)(std::string_view)>
Value mapped(Runtime& runtime, const Value& self, Args& args) {
  no_arguments("str method", args);
  runtime.step(self.bytes().size() / 16);
  return runtime.make_text(kMap(self.bytes()), self.as_text().markup);
}

template <bool (*kTest)(std::string_view)>
Value tested(Runtime& runtime, const Value& self, Args& args) {
  no_arguments("str method", args);
  runtime.step(self.bytes().size() / 16);
  return Value::boolean(kTest(self.bytes()));
}

bool is_ascii(std::string_view text) { return count_code_points(text) == static_cast<std::int64_t>(text.size()); }

bool all_space(std::string_view text) { return !text.empty() && strip_left(text).empty(); }

bool all_printable(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    if (!is_printable(next_code_point(text, at))) return false;
  }
  return true;
}

template <bool kLeft, bool kRight>
Value strip(Runtime& runtime, const Value& self, Args& args) {
  const Bound bound("strip", args, {"chars?"}, true);
  if (!bound.none(0) && self.as_text().markup) plain_only(self, "strip");
  const std::string_view chars = bound.none(0) ? std::string_view() : std::string_view(bound.text(0));
  runtime.step(self.bytes().size() / 64);
  const std::string_view rest = bound.none(0)
                                    ? (kRight ? strip_right(kLeft ? strip_left(self.bytes()) : self.bytes()) : strip_left(self.bytes()))
                                    : strip_chars(runtime, self.bytes(), chars, kLeft, kRight);
  if (rest.size() == self.bytes().size()) return self;
  return runtime.make_text(std::string(rest), self.as_text().markup);
}

Value pieces_to_list(Runtime& runtime, const Value& self, const std::vector<std::string_view>& pieces) {
  std::vector<Value> out;
  out.reserve(pieces.size());
  for (const std::string_view piece : pieces) out.push_back(runtime.make_text(std::string(piece), self.as_text().markup));
  return runtime.make_list(std::move(out));
}

template <bool kFromRight>
Value split(Runtime& runtime, const Value& self, Args& args) {
  const Bound bound("split", args, {"sep?", "maxsplit?"});
  const std::int64_t most = bound.integer(1, -1);
  if (!bound.none(0) && bound.text(0).empty()) raise("empty separator");
  const auto pieces = bound.none(0) ? split_space(runtime, self.bytes(), most, kFromRight)
                                    : split_on(runtime, self.bytes(), bound.text(0), most, kFromRight);
  return pieces_to_list(runtime, self, pieces);
}

Value splitlines(Runtime& runtime, const Value& self, Args& args) {
  const Bound bound("splitlines", args, {"keepends?"});
  return pieces_to_list(runtime, self, split_lines(runtime, self.bytes(), bound.truth(runtime, 0, false)));
}

template <bool kFromRight>
Value partition(Runtime& runtime, const Value& self, Args& args) {
  plain_only(self, "partition");
  const Bound bound("partition", args, {"sep"}, true);
  const std::string& sep = bound.text(0);
  if (sep.empty()) raise("empty separator");
  const std::string& text = self.bytes();
  const std::size_t at = kFromRight ? rfind_text(runtime, text, sep) : find_text(runtime, text, sep);
  const Value nothing = Value::text("");
  if (at == std::string::npos) return kFromRight ? Value::tuple({nothing, nothing, self}) : Value::tuple({self, nothing, nothing});
  return Value::tuple({runtime.make_text(text.substr(0, at)), bound[0], runtime.make_text(text.substr(at + sep.size()))});
}

template <bool kStart>
bool affix(const std::string& text, const Value& wanted) {
  if (!wanted.is(Type::kString)) raise("startswith and endswith need a str or a tuple of str, not " + std::string(wanted.type_name()));
  return kStart ? text.starts_with(wanted.bytes()) : text.ends_with(wanted.bytes());
}

template <bool kStart>
Value has_affix(Runtime& runtime, const Value& self, Args& args) {
  const Bound bound(kStart ? "startswith" : "endswith", args, {"affix", "start?", "end?"}, true);
  if (bound.given(1) || bound.given(2)) unsupported("startswith or endswith with bounds");
  if (!bound[0].is(Type::kTuple)) return Value::boolean(affix<kStart>(self.bytes(), bound[0]));
  for (const Value& wanted : bound[0].items()) {
    runtime.step();
    if (affix<kStart>(self.bytes(), wanted)) return Value::boolean(true);
  }
  return Value::boolean(false);
}

template <bool kStart>
Value remove_affix(Runtime& runtime, const Value& self, Args& args) {
  plain_only(self, "removeprefix");
  const Bound bound("removeprefix", args, {"affix"}, true);
  const std::string& affix_text = bound.text(0);
  const std::string& text = self.bytes();
  if (!(kStart ? text.starts_with(affix_text) : text.ends_with(affix_text))) return self;
  return runtime.make_text(text.substr(kStart ? affix_text.size() : 0, text.size() - affix_text.size()));
}

Value replace(Runtime& runtime, const Value& self, Args& args) {
  plain_only(self, "replace");
  if (!args.keyword.empty()) unsupported(".replace() with keywords");  // Python takes `count=` from 3.13 on
  const Bound bound("replace", args, {"old", "new", "count?"}, true);
  return runtime.make_text(replace_all(runtime, self.bytes(), bound.text(0), bound.text(1), bound.integer(2, -1)));
}

/// find and its kin: where in code points, or -1. Bounds as in a slice.
template <bool kFromRight>
std::int64_t position(Runtime& runtime, const Value& self, const Args& args) {
  const Bound bound("find", args, {"sub", "start?", "end?"}, true);
  bound.text(0);
  const Value part = slice(runtime, self, bound.get(1, Value::none()), bound.get(2, Value::none()), Value());
  const std::int64_t length = self.as_text().length;
  std::int64_t start = bound.none(1) ? 0 : bound[1].as_int();
  if (start > length) return -1;
  start = start < 0 ? std::max<std::int64_t>(start + length, 0) : start;
  const std::size_t at = kFromRight ? rfind_text(runtime, part.bytes(), bound.text(0)) : find_text(runtime, part.bytes(), bound.text(0));
  if (at == std::string::npos) return -1;
  if (part.bytes().empty() && !bound.none(2)) {
    // An empty slice finds the empty text only where its end does not lie before its start.
    std::int64_t end = bound[2].as_int();
    end = end < 0 ? std::max<std::int64_t>(end + length, 0) : std::min(end, length);
    if (end < start) return -1;
  }
  return start + count_code_points(std::string_view(part.bytes()).substr(0, at));
}

template <bool kFromRight, bool kRaise>
Value find(Runtime& runtime, const Value& self, Args& args) {
  const std::int64_t at = position<kFromRight>(runtime, self, args);
  if (at < 0 && kRaise) raise("substring not found");
  return Value::integer(at);
}

Value count(Runtime& runtime, const Value& self, Args& args) {
  const Bound bound("count", args, {"sub", "start?", "end?"}, true);
  if (bound.given(1) || bound.given(2)) unsupported(".count() with bounds");
  const std::string& wanted = bound.text(0);
  if (wanted.empty()) return Value::integer(self.as_text().length + 1);
  std::int64_t found = 0;
  for (std::size_t at = 0; (at = find_text(runtime, self.bytes(), wanted, at)) != std::string::npos; at += wanted.size()) ++found;
  return Value::integer(found);
}

Value join(Runtime& runtime, const Value& self, Args& args) {
  plain_only(self, "join");
  const Bound bound("join", args, {"iterable"}, true);
  std::string out;
  bool first = true;
  const IteratorPtr iterator = iterate(runtime, bound[0]);
  for (Value item; iterator->next(runtime, item);) {
    if (!item.is(Type::kString)) raise("sequence item: expected str instance, " + std::string(item.type_name()) + " found");
    runtime.charge(item.bytes().size() + self.bytes().size());
    if (!first) out += self.bytes();
    first = false;
    out += item.bytes();
  }
  return Value::text(std::move(out));
}

template <char kAlign>
Value justify(Runtime& runtime, const Value& self, Args& args) {
  plain_only(self, "ljust");
  const Bound bound("ljust", args, {"width", "fillchar?"}, true);
  if (bound.given(1) && count_code_points(bound.text(1)) != 1) raise("The fill character must be exactly one character long");
  const std::string fill = bound.given(1) ? bound.text(1) : " ";
  return runtime.make_text(kAlign == '^' ? center(runtime, self.bytes(), bound.integer(0, 0), fill)
                                         : pad(runtime, self.bytes(), bound.integer(0, 0), kAlign, fill));
}

Value zfill(Runtime& runtime, const Value& self, Args& args) {
  plain_only(self, "zfill");
  const Bound bound("zfill", args, {"width"}, true);
  if (self.bytes().starts_with(' ')) unsupported(".zfill() of text that starts with a space");
  return runtime.make_text(pad(runtime, self.bytes(), bound.integer(0, 0), '=', "0"));
}

Value format(Runtime& runtime, const Value& self, Args& args) { return str_format(runtime, self, args); }

struct Method {
  std::string_view name;
  Function function;
};

constexpr std::array kMethods = {
    Method{"capitalize", mapped<capitalize>},
    Method{"center", justify<'^'>},
    Method{"count", count},
    Method{"endswith", has_affix<false>},
    Method{"find", find<false, false>},
    Method{"format", format},
    Method{"index", find<false, true>},
    Method{"isalnum", tested<is_alnum>},
    Method{"isalpha", tested<is_alpha>},
    Method{"isascii", tested<is_ascii>},
    Method{"isdigit", tested<is_digit>},
    Method{"islower", tested<is_lower>},
    Method{"isprintable", tested<all_printable>},
    Method{"isspace", tested<all_space>},
    Method{"istitle", tested<is_title>},
    Method{"isupper", tested<is_upper>},
    Method{"join", join},
    Method{"ljust", justify<'<'>},
    Method{"lower", mapped<to_lower>},
    Method{"lstrip", strip<true, false>},
    Method{"partition", partition<false>},
    Method{"removeprefix", remove_affix<true>},
    Method{"removesuffix", remove_affix<false>},
    Method{"replace", replace},
    Method{"rfind", find<true, false>},
    Method{"rindex", find<true, true>},
    Method{"rjust", justify<'>'>},
    Method{"rpartition", partition<true>},
    Method{"rsplit", split<true>},
    Method{"rstrip", strip<false, true>},
    Method{"split", split<false>},
    Method{"splitlines", splitlines},
    Method{"startswith", has_affix<true>},
    Method{"strip", strip<true, true>},
    Method{"swapcase", mapped<swapcase>},
    Method{"title", mapped<title>},
    Method{"upper", mapped<to_upper>},
    Method{"zfill", zfill},
};

}  // namespace

Builtin::Function find_text_method(std::string_view name) {
  const auto* found = std::find_if(kMethods.begin(), kMethods.end(), [&](const Method& m) { return m.name == name; });
  return found == kMethods.end() ? nullptr : found->function;
}

}  // namespace qbench::text::jinja
