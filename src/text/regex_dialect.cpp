#include "text/regex_dialect.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace qbench::text {
namespace {

constexpr std::string_view kNotWhiteSpaceClass =
    R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
/// Oniguruma's \w; the six superscripts and fractions of Latin-1 are in its table though Unicode's definition leaves them out.
constexpr std::string_view kOnigurumaWordClass = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{b2}\x{b3}\x{b9}\x{bc}-\x{be})";

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class Translator {
 public:
  Translator(std::string_view pattern, std::string_view where) : in_(pattern), where_(where) {}

  std::string run() {
    while (at_ < in_.size()) {
      switch (in_[at_]) {
        case '\\':
          escape();
          break;
        case '[':
          bracket_class();
          break;
        case '(':
          group();
          break;
        case '{':
          braces();
          break;
        case '.':
          out_ += "[^\\n]", ++at_;
          break;
        default:
          out_ += in_[at_++];
      }
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(std::string_view construct) const {
    throw Error(ErrorCode::kUnsupported,
                "the pre-tokenizer's pattern uses '" + std::string(construct) + "' at byte " + std::to_string(at_) +
                    ", which has no exact counterpart here; pattern: " + std::string(in_.substr(0, 200)),
                std::string(where_));
  }

  char peek(std::size_t ahead) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }

  void group() {
    if (peek(1) != '?') {
      out_ += in_[at_++];
      return;
    }
    constexpr std::array<std::string_view, 9> kKnown = {"(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!", "(?i:", "(?-i:", "(?i)"};
    for (const std::string_view known : kKnown) {
      if (!in_.substr(at_).starts_with(known)) continue;
      if (known == "(?i)" && at_ != 0) refuse(known);  // elsewhere Ruby's option swallows the alternatives that follow
      out_ += known;
      at_ += known.size();
      return;
    }
    refuse(in_.substr(at_, 4));
  }

  /// {n}, {n,}, {n,m}, {,m}; anything else in braces is literal in both dialects.
  void braces() {
    const std::size_t end = in_.find('}', at_);
    const std::string_view body = end == in_.npos ? std::string_view() : in_.substr(at_ + 1, end - at_ - 1);
    const bool counts = !body.empty() && body != "," &&
                        std::all_of(body.begin(), body.end(), [](char c) { return is_digit(c) || c == ','; }) &&
                        std::count(body.begin(), body.end(), ',') <= 1;
    if (!counts) {
      out_ += "\\{";
      ++at_;
      return;
    }
    const char after = end + 1 < in_.size() ? in_[end + 1] : '\0';
    // Ruby reads a plus behind an interval as one more repetition and {n}? as "optional"; PCRE2 as possessive and lazy.
    if (after == '+' || (after == '?' && body.find(',') == body.npos)) refuse(in_.substr(at_, end + 2 - at_));
    out_ += body.front() == ',' ? "{0" : "{";
    out_ += body;
    out_ += '}';
    at_ = end + 1;
  }

  void escape() {
    switch (peek(1)) {
      case 's':
        put_class(kWhiteSpaceClass, false);
        return;
      case 'S':
        put_class(kWhiteSpaceClass, true);
        return;
      case 'd':
        put_class("\\p{Nd}", false);
        return;
      case 'D':
        put_class("\\p{Nd}", true);
        return;
      case 'w':
        put_class(kOnigurumaWordClass, false);
        return;
      case 'W':
        put_class(kOnigurumaWordClass, true);
        return;
      case 'A':
      case 'z':
      case 'Z':
        out_ += in_.substr(at_, 2);
        at_ += 2;
        return;
      default:
        plain_escape();
    }
  }

  void put_class(std::string_view contents, bool negated) {
    out_ += negated ? "[^" : "[";
    out_ += contents;
    out_ += ']';
    at_ += 2;
  }

  /// Escapes that mean the same inside and outside brackets. Returns true when it stands for a set and not for one character.
  bool plain_escape() {
    const char c = peek(1);
    switch (c) {
      case 'p':
      case 'P':
        property();
        return true;
      case 'r':
      case 'n':
      case 't':
      case 'f':
        out_ += in_.substr(at_, 2);
        break;
      case 'v':
        out_ += "\\x{b}";
        break;
      case 'a':
        out_ += "\\x{7}";
        break;
      case 'e':
        out_ += "\\x{1b}";
        break;
      case 'x':
      case 'u':
        hexadecimal();
        return false;
      default:
        if (c == '\0' || is_letter(c) || is_digit(c)) refuse(in_.substr(at_, 2));
        out_ += in_.substr(at_, 2);
    }
    at_ += 2;
    return false;
  }

  void property() {
    const std::size_t end = in_.find('}', at_);
    if (peek(2) != '{' || end == in_.npos) refuse(in_.substr(at_, 3));
    std::string_view name = in_.substr(at_ + 3, end - at_ - 3);
    bool negated = peek(1) == 'P';
    if (name.starts_with('^')) {
      negated = !negated;
      name.remove_prefix(1);
    }
    if (name.empty() || !std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || c == '_'; }))
      refuse(in_.substr(at_, end + 1 - at_));
    out_ += negated ? "\\P{" : "\\p{";
    if (name.size() > 2) out_ += "sc:";  // one or two letters name a general category, more a script
    out_ += name;
    out_ += '}';
    at_ = end + 1;
  }

  void hexadecimal() {
    std::size_t begin = at_ + 2, end = begin, next;
    if (peek(1) == 'x' && peek(2) == '{') {
      begin = at_ + 3;
      end = in_.find('}', begin);
      if (end == in_.npos) refuse("\\x{");
      next = end + 1;
    } else {
      const std::size_t wanted = peek(1) == 'x' ? 2 : 4;
      while (end < in_.size() && end - begin < wanted && is_hex(in_[end])) ++end;
      next = end;
      // Without braces \x80 and above is a raw byte for Oniguruma.
      if (end - begin != wanted || (wanted == 2 && in_[begin] > '7')) refuse(in_.substr(at_, end - at_));
    }
    const std::string_view digits = in_.substr(begin, end - begin);
    if (digits.empty() || digits.size() > 6 || !std::all_of(digits.begin(), digits.end(), is_hex)) refuse(in_.substr(at_, next - at_));
    out_ += "\\x{";
    out_ += digits;
    out_ += '}';
    at_ = next;
  }

  void bracket_class() {
    out_ += in_[at_++];
    if (peek(0) == '^') out_ += in_[at_++];
    if (peek(0) == ']') refuse("[]");
    bool after_set = false;
    while (at_ < in_.size() && in_[at_] != ']') {
      const char c = in_[at_];
      if (c == '[') refuse("[ within a class");
      if (c == '&' && peek(1) == '&') refuse("&&");
      if (c == '-' && (after_set || (peek(1) == '\\' && std::string_view("sSdDwWpP").find(peek(2)) != std::string_view::npos))) {
        out_ += "\\-";  // a hyphen beside a set is literal; beside what the set was expanded to it would make a range
        ++at_;
        after_set = false;
      } else if (c == '\\') {
        after_set = class_escape();
      } else {
        out_ += in_[at_++];
        after_set = false;
      }
    }
    if (at_ == in_.size()) refuse("[ without ]");
    out_ += in_[at_++];
  }

  bool class_escape() {
    std::string_view set;
    switch (peek(1)) {
      case 's':
        set = kWhiteSpaceClass;
        break;
      case 'S':
        set = kNotWhiteSpaceClass;
        break;
      case 'd':
        set = "\\p{Nd}";
        break;
      case 'D':
        set = "\\P{Nd}";
        break;
      case 'w':
        set = kOnigurumaWordClass;
        break;
      case 'W':
        refuse("\\W within a class");
      case 'b':
        out_ += "\\x{8}";
        at_ += 2;
        return false;
      default:
        return plain_escape();
    }
    out_ += set;
    at_ += 2;
    return true;
  }

  std::string_view in_, where_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string pcre2_from_oniguruma(std::string_view pattern, std::string_view where) { return Translator(pattern, where).run(); }

}  // namespace qbench::text
