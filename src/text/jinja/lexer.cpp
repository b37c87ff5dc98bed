#include "text/jinja/lexer.h"

#include <algorithm>
#include <array>

#include "text/jinja/fault.h"
#include "text/jinja/lexer_literals.h"
#include "text/jinja/limits.h"
#include "text/jinja/unicode.h"

namespace qbench::text::jinja {
namespace {

/// "\r\n" and "\r" become "\n", and one newline at the end goes.
std::string normalize(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out.push_back('\n');
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out.push_back(source[i]);
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

int newlines(std::string_view text) { return static_cast<int>(std::count(text.begin(), text.end(), '\n')); }

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) root();
    tokens_.push_back({TokenKind::kEnd, {}, {}, line_});
    return std::move(tokens_);
  }

 private:
  std::string_view rest() const { return std::string_view(source_).substr(at_); }
  bool looking_at(std::string_view text) const { return rest().starts_with(text); }

  void add(TokenKind kind, std::string text, int line) { tokens_.push_back({kind, std::move(text), {}, line}); }

  /// Moves on by `count` bytes, counting lines; remembers whether the last thing read ended a line.
  void advance(std::size_t count) {
    const std::string_view passed = rest().substr(0, count);
    line_ += newlines(passed);
    if (!passed.empty()) line_starting_ = passed.back() == '\n';
    at_ += count;
  }

  std::size_t space_after(std::size_t from) const {
    const std::string_view tail = std::string_view(source_).substr(from);
    return tail.size() - strip_left(tail).size();
  }

  /// Length of `{%- raw -%}` here, 0 when it is something else.
  std::size_t raw_begin() const {
    std::size_t at = at_ + 2;
    if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) ++at;
    at += space_after(at);
    if (!std::string_view(source_).substr(at).starts_with("raw")) return 0;
    at += 3;
    at += space_after(at);
    const std::string_view tail = std::string_view(source_).substr(at);
    if (tail.starts_with("-%}")) {
      at += 3;
      return at + space_after(at) - at_;
    }
    return tail.starts_with("%}") ? at + 2 - at_ : 0;
  }

  /// Text up to a tag whose sign is `sign` (0 for none): "-" strips white space before it, and a block's own line loses its indentation.
  void data(std::string text, char sign, bool variable) {
    const int lines = newlines(text);
    if (sign == '-') {
      text.resize(strip_right(text).size());
    } else if (sign != '+' && !variable) {
      const std::size_t newline = text.rfind('\n');
      const std::size_t start = newline == std::string::npos ? 0 : newline + 1;
      if ((start > 0 || line_starting_) && strip_left(std::string_view(text).substr(start)).empty()) text.resize(start);
    }
    if (!text.empty()) add(TokenKind::kData, std::move(text), line_);
    line_ += lines;
  }

  void root() {
    std::size_t tag = at_;
    for (;; ++tag) {
      tag = source_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= source_.size()) {
        add(TokenKind::kData, std::string(rest()), line_);
        at_ = source_.size();
        return;
      }
      const char next = source_[tag + 1];
      if (next == '{' || next == '%' || next == '#') break;
    }
    const char kind = source_[tag + 1];
    const char after = tag + 2 < source_.size() ? source_[tag + 2] : '\0';
    const char sign = after == '-' || after == '+' ? after : '\0';
    data(source_.substr(at_, tag - at_), sign, kind == '{');
    at_ = tag;
    const std::size_t raw_length = kind == '%' ? raw_begin() : 0;
    if (raw_length != 0) {
      advance(raw_length);
      return raw();
    }
    const int line = line_;
    advance(sign == '\0' ? 2 : 3);
    if (kind == '#') return comment(line);
    add(kind == '%' ? TokenKind::kBlockBegin : TokenKind::kVariableBegin, {}, line);
    inside(kind == '%');
  }

  /// Length of the tag end `-%}`, `+%}` or `%}` (`close` is "%}" or "#}") at `from` with the white space that it takes; 0 when there is
  /// none.
  std::size_t end_length(std::size_t from, std::string_view close) const {
    const std::string_view tail = std::string_view(source_).substr(from);
    if (tail.starts_with('-') && tail.substr(1).starts_with(close)) return 3 + space_after(from + 3);
    if (tail.starts_with('+') && tail.substr(1).starts_with(close)) return 3;
    if (!tail.starts_with(close)) return 0;
    return tail.size() > 2 && tail[2] == '\n' ? 3 : 2;
  }

  void comment(int line) {
    if (at_ >= source_.size()) return;  // jinja2 only misses the end of a comment or raw block that has begun
    for (std::size_t at = at_; at < source_.size(); ++at) {
      const char c = source_[at];
      if (c != '-' && c != '+' && c != '#') continue;
      const std::size_t length = end_length(at, "#}");
      if (length != 0) return advance(at + length - at_);
    }
    raise("Missing end of comment tag", line);
  }

  void raw() {
    if (at_ >= source_.size()) return;
    for (std::size_t tag = source_.find("{%", at_); tag != std::string::npos; tag = source_.find("{%", tag + 1)) {
      std::size_t at = tag + 2;
      const char sign = at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
      if (sign != '\0') ++at;
      at += space_after(at);
      if (!std::string_view(source_).substr(at).starts_with("endraw")) continue;
      at += 6;
      at += space_after(at);
      const std::size_t length = end_length(at, "%}");
      if (length == 0) continue;
      data(source_.substr(at_, tag - at_), sign, false);
      at_ = tag;
      return advance(at + length - tag);
    }
    raise("Missing end of raw directive", line_);
  }

  /// The tokens of one tag, up to and with its end.
  void inside(bool block) {
    std::string open;
    while (at_ < source_.size()) {
      if (open.empty()) {
        std::size_t end = block ? end_length(at_, "%}") : 0;
        if (!block && looking_at("-}}")) end = 3 + space_after(at_ + 3);
        if (!block && looking_at("}}")) end = 2;
        if (end != 0) {
          add(block ? TokenKind::kBlockEnd : TokenKind::kVariableEnd, {}, line_);
          return advance(end);
        }
      }
      const std::size_t space = space_after(at_);
      if (space != 0) {
        advance(space);
      } else {
        token(open);
      }
    }
  }

  void token(std::string& open) {
    const char c = source_[at_];
    const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';
    Token made;
    made.line = line_;
    std::size_t length = 0;
    if ((length = match_float(rest(), after_dot)) != 0) {
      made.kind = TokenKind::kFloat;
      made.number = float_literal(rest().substr(0, length), line_);
    } else if ((length = match_integer(rest())) != 0) {
      made.kind = TokenKind::kInteger;
      made.number = integer_literal(rest().substr(0, length), line_);
    } else if ((length = match_name(rest(), line_)) != 0) {
      made.kind = TokenKind::kName;
      made.text = std::string(rest().substr(0, length));
    } else if ((c == '\'' || c == '"') && (length = match_string(rest())) != 0) {
      made.kind = TokenKind::kString;
      made.text = string_literal(rest().substr(1, length - 2), line_);
    } else if ((length = match_operator(rest())) != 0) {
      made.kind = TokenKind::kOperator;
      made.text = std::string(rest().substr(0, length));
      balance(open, c);
    } else {
      raise("unexpected char '" + std::string(rest().substr(0, byte_offset(rest(), 1))) + "'", line_);
    }
    tokens_.push_back(std::move(made));
    if (tokens_.size() > kMaxTokens) raise("the template has more than " + std::to_string(kMaxTokens) + " tokens", line_);
    advance(length);
  }

  void balance(std::string& open, char c) {
    if (c == '(' || c == '[' || c == '{') open.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    if (c != ')' && c != ']' && c != '}') return;
    if (open.empty()) raise(std::string("unexpected '") + c + "'", line_);
    if (open.back() != c) raise(std::string("unexpected '") + c + "', expected '" + open.back() + "'", line_);
    open.pop_back();
  }

  static constexpr std::size_t kMaxTokens = 1'000'000;
  std::string source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  if (source.size() > kMaxSourceBytes) raise("the template is longer than " + std::to_string(kMaxSourceBytes) + " bytes", 1);
  if (!is_valid_utf8(source)) raise("the template is not valid UTF-8", 1);
  return Lexer(normalize(source)).run();
}

}  // namespace qbench::text::jinja
