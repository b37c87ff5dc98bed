#include "quality/judge/literal.h"

#include <algorithm>
#include <array>

namespace qbench::quality {
namespace {

constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxDigits = 20000;  ///< decimal ones take quadratic time to read; drivers write long integers in hexadecimal

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<std::string> scan() {
    while (problem_.empty() && at_ < text_.size()) step();
    if (problem_.empty() && !open_.empty()) problem_ = "a bracket is not closed";
    if (problem_.empty()) return std::nullopt;
    return problem_ + " at column " + std::to_string(at_ + 1);
  }

 private:
  void step() {
    const char c = text_[at_];
    if (c == ' ' || c == ',' || c == ':') {
      ++at_;
    } else if (c == '(' || c == '[' || c == '{') {
      if (open_.size() == kMaxDepth) problem_ = "nested deeper than " + std::to_string(kMaxDepth);
      open_ += c;
      ++at_;
    } else if (c == ')' || c == ']' || c == '}') {
      close(c);
    } else if (c == '\'' || c == '"') {
      string();
    } else if (is_digit(c) || c == '.') {
      number();
    } else if (c == '-' || c == '+') {
      sign();
    } else if (is_letter(c)) {
      word();
    } else {
      problem_ = "something that belongs to no literal";
    }
  }

  void close(char c) {
    const char wanted = c == ')' ? '(' : c == ']' ? '[' : '{';
    if (open_.empty() || open_.back() != wanted) {
      problem_ = "a bracket that closes nothing";
      return;
    }
    open_.pop_back();
    ++at_;
  }

  /// A string in one kind of quotes, on one line; what its escapes mean is Python's to say.
  void string() {
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote) at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ >= text_.size()) {
      at_ = text_.size();
      problem_ = "a string that does not end";
      return;
    }
    ++at_;
  }

  void number() {
    const std::size_t start = at_;
    if (text_.substr(at_).starts_with("0x")) {
      at_ = std::min(text_.find_first_not_of("0123456789abcdef", at_ + 2), text_.size());
      if (at_ == start + 2) problem_ = "a number without digits";
      if (at_ < text_.size() && is_letter(text_[at_])) problem_ = "a number that goes on as a word";
      return;
    }
    while (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) ++at_;
    if (at_ < text_.size() && text_[at_] == 'e') {
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+')) ++at_;
      while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    }
    if (at_ - start > kMaxDigits) problem_ = "a number of more than " + std::to_string(kMaxDigits) + " digits";
    if (at_ < text_.size() && is_letter(text_[at_])) problem_ = "a number that goes on as a word";
  }

  /// One sign before a number: chains of them would be an expression.
  void sign() {
    const std::size_t before = at_ == 0 ? std::string_view::npos : text_.find_last_not_of(' ', at_ - 1);
    if (before != std::string_view::npos && std::string_view("([{,:").find(text_[before]) == std::string_view::npos) {
      problem_ = "an operator";
      return;
    }
    ++at_;
    const std::string_view rest = text_.substr(std::min(at_, text_.size()));
    if (!rest.empty() && (is_digit(rest.front()) || rest.front() == '.')) return;
    if (rest.starts_with("inf") || rest.starts_with("nan")) return;
    problem_ = "a sign without a number";
  }

  void word() {
    const std::size_t start = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    const bool opens = at_ < text_.size() && text_[at_] == '(';
    if (name == "b" && at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) return;
    constexpr std::array<std::string_view, 15> kNames{"None", "True",  "False", "nan",   "inf",  "bool", "int",      "float",
                                                      "str",  "bytes", "list",  "tuple", "dict", "set",  "frozenset"};
    constexpr std::array<std::string_view, 4> kCalls{"set", "frozenset", "complex", "ref"};
    const auto known = [&](const auto& names) { return std::find(names.begin(), names.end(), name) != names.end(); };
    if (opens ? !known(kCalls) : !known(kNames)) problem_ = "a name that belongs to no literal";
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string open_, problem_;
};

}  // namespace

std::optional<std::string> find_literal_problem(std::string_view text) { return Scanner(text).scan(); }

}  // namespace qbench::quality
